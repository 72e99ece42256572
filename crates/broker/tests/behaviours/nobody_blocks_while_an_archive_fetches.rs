//! If an archive has to fetch something, the call returns at once, and the reader is woken when it is there.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use crate::common::{Seen, may_look_back, may_read, messages, see};
use crate::slow::Slow;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Poll, Wake, Waker},
};
use tidewire_broker::{
    Broker, Gathered, Limits, PendingReads, ReadContext, Reader, Search, Start, Started,
};

/// Counts how often it was rung.
#[derive(Debug, Default)]
struct WakeCount(AtomicUsize);

impl Wake for WakeCount {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct World {
    slow: Arc<Slow>,
    broker: Broker,
    wakes: Arc<WakeCount>,
    waker: Waker,
}

impl World {
    /// `count` messages, in turn in the channels `c.0`, `c.1`, …, none of them in memory.
    fn new(count: u64, channels: u64) -> Self {
        let slow = Arc::new(Slow::default());
        let limits = Limits { bytes_max: 0, ..Limits::default() };
        let broker = Broker::with_archive(7, 0, limits, slow.clone());
        for offset in 1..=count {
            slow.archive.publish(&broker, &format!("c.{}", (offset - 1) % channels), offset);
        }
        let wakes = Arc::new(WakeCount::default());
        Self { slow, broker, waker: Arc::clone(&wakes).into(), wakes }
    }

    fn follow(&self, patterns: &[&str]) -> Reader {
        let permits: Vec<_> = patterns.iter().map(|pattern| may_read(pattern)).collect();
        let mut reader = Reader::default();
        reader.follow(&self.broker, &permits, Start::after(self.broker.position(0)));
        reader
    }

    /// What it finds without waiting, and whether it has to wait.
    fn turn(&self, reader: &mut Reader) -> (Vec<Seen>, bool) {
        self.turn_of(1 << 20, reader)
    }

    fn turn_of(&self, bytes_max: usize, reader: &mut Reader) -> (Vec<Seen>, bool) {
        let mut gathered = Gathered::default();
        let broker = &self.broker;
        reader.poll_gather(broker, broker.head(), bytes_max, &mut gathered, &self.waker);
        assert!(!(gathered.waits() && gathered.is_caught_up()));
        let seen = gathered.items().iter().map(see).collect();
        reader.advance(&gathered, gathered.items().len());
        (seen, gathered.waits())
    }

    /// What it finds until it is caught up, with an archive that fetches when asked.
    fn drain(&self, reader: &mut Reader) -> Vec<Seen> {
        let mut seen = Vec::new();
        for _ in 0..1_000 {
            let (found, waits) = self.turn(reader);
            seen.extend(found);
            let fetched = self.slow.fetch();
            assert_eq!(waits, fetched > 0, "who waits has asked for something");
            if !waits && reader.after() == Some(self.broker.head()) {
                return seen;
            }
        }
        panic!("it never came to an end: {seen:?}");
    }

    fn rung(&self) -> usize {
        self.wakes.0.load(Ordering::SeqCst)
    }
}

#[test]
fn it_has_to_wait_and_is_woken_once_for_all_it_has_asked() {
    // Along the log it asks for each message, and of channels by name for the first of each.
    for (patterns, asked) in [(&["c.*"][..], 6), (&["c.0", "c.1", "c.2"], 3)] {
        let world = World::new(6, 3);
        let mut reader = world.follow(patterns);
        assert_eq!(world.turn(&mut reader), (vec![], true));
        assert_eq!((world.slow.asked(), world.rung()), ((asked, 0), 0), "{patterns:?}");
        // A turn for another reason asks for nothing again.
        assert_eq!(world.turn(&mut reader), (vec![], true));
        assert_eq!((world.slow.asked(), world.slow.fetch(), world.rung()), ((asked, 0), asked, 1));
        assert_eq!(world.drain(&mut reader), messages(1..=6), "{patterns:?}");
    }
}

#[test]
fn what_is_certainly_before_it_is_handed_over_at_once() {
    let world = World::new(4, 2);
    let mut reader = world.follow(&["c.*"]);
    let (mut seen, mut has_come_early) = (Vec::new(), false);
    for _ in 0..100 {
        let (found, waits) = world.turn(&mut reader);
        has_come_early |= waits && !found.is_empty();
        seen.extend(found);
        world.slow.fetch();
    }
    assert_eq!(seen, messages(1..=4));
    assert!(has_come_early);
}

#[test]
fn one_reader_asks_for_so_much_at_a_time_and_no_more() {
    let world = World::new(80, 80);
    let mut reader = world.follow(&["c.*"]);
    assert!(world.turn(&mut reader).1);
    assert_eq!(world.slow.fetch(), 1, "whose messages they are");
    assert!(world.turn(&mut reader).1);
    assert_eq!(world.slow.asked(), (64, 0));
    assert_eq!(world.drain(&mut reader), messages(1..=80));
}

#[test]
fn nothing_need_be_fetched_for_a_reader_that_is_gone() {
    let world = World::new(4, 2);
    let (mut gone, mut stays) = (world.follow(&["c.*"]), world.follow(&["c.0"]));
    assert!(world.turn(&mut gone).1 && world.turn(&mut stays).1);
    assert_eq!(world.slow.asked(), (5, 0));
    drop(gone);
    assert_eq!(world.slow.asked(), (1, 4));
}

#[test]
fn what_is_removed_while_it_waits_is_a_gap() {
    for fetched_first in [true, false] {
        let world = World::new(4, 1);
        let mut reader = world.follow(&["c.0"]);
        assert!(world.turn(&mut reader).1);
        // What was fetched before that may still be read, or not: word of the loss comes either way.
        if fetched_first {
            world.slow.fetch();
        }
        world.slow.archive.drop_upto(&world.broker, "c.0", 2);
        if !fetched_first {
            world.slow.fetch();
        }
        let seen = world.drain(&mut reader);
        assert_eq!(seen.first(), Some(&Seen::Gap("c.0".into(), 0, 2)), "{seen:?}");
        assert!(seen.ends_with(&messages(3..=4)), "{seen:?}");
    }
}

/// The archive has read two messages, which go before it answers, and has to fetch what comes after them.
#[test]
fn what_is_removed_before_the_answer_is_a_gap_though_more_is_waited_for() {
    for patterns in [&["c.0"][..], &["c.0", "d"], &["c.*"]] {
        let world = World::new(4, 1);
        let mut reader = world.follow(patterns);
        assert!(world.turn_of(100, &mut reader).1);
        world.slow.fetch();
        world.slow.archive.drop_upto(&world.broker, "c.0", 2);
        let mut seen = Vec::new();
        for _ in 0..20 {
            seen.extend(world.turn_of(100, &mut reader).0);
            world.slow.fetch();
        }
        let gap = Seen::Gap(patterns[0].into(), 0, 2);
        assert_eq!(seen, [vec![gap], messages(3..=4)].concat(), "{patterns:?}");
    }
}

/// 300 channels are asked 64 at a time, and the archive has forgotten the first before the last answers.
#[test]
fn the_place_of_the_newest_is_found_though_an_archive_forgets_what_it_has_answered() {
    let world = World::new(900, 300);
    world.slow.has_to_look_back.store(true, Ordering::SeqCst);
    // Before the middle of the log any channel may hold what is wanted, so all are asked. Before its end only
    // those that end last.
    for (before, found) in [(None, 890), (Some(world.broker.position(301)), 290)] {
        let start =
            Start::Back { before, count: 10, bytes_max: usize::MAX, history: may_look_back() };
        let (mut search, pending_reads) = (Search::default(), PendingReads::default());
        let mut questions = 0;
        let started = (0..100).find_map(|_| {
            let context = ReadContext::new(&pending_reads, &world.waker);
            let permit = may_read("c.*");
            let found = Reader::poll_once(&world.broker, &permit, start, &mut search, context);
            questions += world.slow.look_back();
            match found {
                Poll::Ready((_, started)) => Some(started),
                Poll::Pending => None,
            }
        });
        assert_eq!(started, Some(Started { after: found, is_foreign: false }));
        let questions_max = if before.is_none() { 100 } else { 400 };
        assert!(questions < questions_max, "{questions} questions before {before:?}");
    }
}
