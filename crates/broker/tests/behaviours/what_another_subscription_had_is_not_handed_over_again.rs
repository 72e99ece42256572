//! A subscription that begins earlier than others catches up on what they have not handed over.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions)]

use crate::common::{
    Seen, broker, drain, may_look_back, may_read, messages, publish, publish_times, see,
};
use crate::keyed::{compacted, put};
use std::{
    collections::BTreeSet,
    task::{Context, Waker},
};
use tidewire_broker::{
    Broker, ChannelName, Compaction, Gathered, Lane, Pattern, Position, Reader, Start, WaiterId,
};

fn follow(reader: &mut Reader, broker: &Broker, pattern: &str, start: Start) {
    reader.follow(broker, &[may_read(pattern)], start);
}

fn after(offset: u64) -> Start {
    Start::after(Position { epoch: 7, offset })
}

#[test]
fn a_late_wildcard_passes_over_what_a_narrower_one_brought() {
    let broker = broker(100);
    for channel in ["news.a", "chat.a", "news.b", "chat.b"] {
        publish(&broker, channel);
    }
    let mut reader = Reader::default();
    follow(&mut reader, &broker, "chat.*", after(1));
    assert_eq!(drain(&broker, &mut reader, 100), messages([2, 4]));
    follow(&mut reader, &broker, ">", Start::Earliest(may_look_back()));
    publish(&broker, "chat.c");
    assert_eq!(drain(&broker, &mut reader, 1), messages([1, 3, 5]));
}

#[test]
fn what_came_before_a_subscription_began_was_not_brought_by_it() {
    let broker = broker(100);
    publish_times(&broker, "a", 4);
    let mut reader = Reader::default();
    follow(&mut reader, &broker, "a", after(2));
    assert_eq!(drain(&broker, &mut reader, 100), messages([3, 4]));
    follow(&mut reader, &broker, "*", after(1));
    assert_eq!(drain(&broker, &mut reader, 100), messages([2]));
}

#[test]
fn what_an_ended_subscription_brought_counts_no_more() {
    let broker = broker(100);
    publish_times(&broker, "a", 3);
    let mut reader = Reader::default();
    follow(&mut reader, &broker, "a", Start::Earliest(may_look_back()));
    assert_eq!(drain(&broker, &mut reader, 100), messages(1..=3));
    reader.unfollow(&"a".parse().unwrap());
    follow(&mut reader, &broker, "a", Start::Earliest(may_look_back()));
    assert_eq!(drain(&broker, &mut reader, 100), messages(1..=3));
}

#[test]
fn a_removal_that_one_needed_no_word_of_still_comes_for_another() {
    let broker = compacted(Compaction::default(), |_| ());
    put(&broker, "m", "k", Some("x"), 0).unwrap();
    put(&broker, "m", "k", None, 0).unwrap();
    put(&broker, "m", "l", Some("y"), 0).unwrap();
    let mut reader = Reader::default();
    follow(&mut reader, &broker, "m", Start::Earliest(may_look_back()));
    assert_eq!(drain(&broker, &mut reader, 100), messages([3]));
    // It was given `k` in another life.
    let epoch = broker.epoch();
    follow(&mut reader, &broker, "*", Start::after(Position { epoch, offset: 1 }));
    assert_eq!(drain(&broker, &mut reader, 100), messages([2]));
}

const CHANNELS: [&str; 4] = ["a.x", "a.y", "b.x", "c"];
const PATTERNS: [&str; 7] = ["a.x", "a.*", "*.x", "b.>", ">", "c", "*"];

/// A subscription beside the reader's.
struct Follow {
    pattern: Pattern,
    start: u64,
    /// What the reader was given while it lasts, of what this selects.
    had: BTreeSet<u64>,
    /// The same from others, before it began.
    had_before: BTreeSet<u64>,
}

/// One reader beside a log of which it is always owed the oldest message that a subscription lacks.
struct World {
    random: fastrand::Rng,
    broker: Broker,
    lane: Lane,
    waiter: WaiterId,
    reader: Reader,
    published: Vec<ChannelName>,
    follows: Vec<Follow>,
    /// What comes again where a subscription gets there after the end of the one that brought it.
    may_come: BTreeSet<u64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let broker = broker(1_000);
        let mut lane = broker.lane().unwrap();
        Self {
            random: fastrand::Rng::with_seed(seed),
            waiter: lane.register(),
            lane,
            broker,
            reader: Reader::default(),
            published: Vec::new(),
            follows: Vec::new(),
            may_come: BTreeSet::new(),
        }
    }

    fn publish(&mut self) {
        let channel = self.random.choice(CHANNELS).unwrap();
        publish(&self.broker, channel);
        self.published.push(channel.parse().unwrap());
    }

    fn is_for(&self, follow: &Follow, offset: u64) -> bool {
        offset > follow.start && follow.pattern.matches(&self.published[offset as usize - 1])
    }

    fn owed(&self) -> Option<u64> {
        (1..=self.published.len() as u64).find(|&offset| {
            let has = |follow: &Follow| {
                follow.had.contains(&offset) || follow.had_before.contains(&offset)
            };
            self.follows.iter().any(|follow| self.is_for(follow, offset) && !has(follow))
        })
    }

    fn follow(&mut self) {
        let pattern: Pattern = self.random.choice(PATTERNS).unwrap().parse().unwrap();
        if self.reader.follows(&pattern) {
            return;
        }
        let start = match self.random.u8(..3) {
            0 => Start::Now,
            1 => Start::Earliest(may_look_back()),
            _ => after(self.random.u64(0..=self.broker.head())),
        };
        let permits = [may_read(pattern.as_str())];
        self.lane.follow(self.waiter, &pattern);
        let start = self.reader.follow(&self.broker, &permits, start).after;
        let (had, had_before) = (BTreeSet::new(), BTreeSet::new());
        let mut follow = Follow { pattern, start, had, had_before };
        let had = self.follows.iter().flat_map(|other| other.had.union(&other.had_before)).copied();
        follow.had_before = had.filter(|&offset| self.is_for(&follow, offset)).collect();
        self.follows.push(follow);
    }

    fn unfollow(&mut self) {
        if !self.follows.is_empty() {
            let ended = self.follows.swap_remove(self.random.usize(..self.follows.len()));
            assert!(self.reader.unfollow(&ended.pattern));
            self.lane.unfollow(self.waiter, &ended.pattern);
            let is_kept = |offset: &u64| self.follows.iter().any(|it| it.had.contains(offset));
            let lost = ended.had.union(&ended.had_before).filter(|offset| !is_kept(offset));
            self.may_come.extend(lost);
        }
    }

    /// Reads once, of which some or all is handed over; whether that was everything.
    fn read(&mut self) -> bool {
        while self.lane.poll_news(&mut Context::from_waker(Waker::noop())).is_ready() {}
        if let Some(news) = self.lane.take_news(self.waiter) {
            self.reader.note(news);
        }
        let mut gathered = Gathered::default();
        let bytes_max = self.random.usize(1..1_000);
        self.reader.gather(&self.broker, self.lane.read_limit(), bytes_max, &mut gathered);
        let count = self.random.usize(0..=gathered.items().len());
        for item in &gathered.items()[..count] {
            let owed = self.owed();
            let Seen::Message(offset) = see(item) else { unreachable!("nothing is ever lost") };
            if Some(offset) != owed {
                let is_again = self.may_come.remove(&offset);
                assert!(
                    is_again && owed.is_none_or(|owed| offset < owed),
                    "{offset}, not {owed:?}"
                );
            }
            let selecting: Vec<bool> =
                self.follows.iter().map(|follow| self.is_for(follow, offset)).collect();
            for (follow, _) in self.follows.iter_mut().zip(selecting).filter(|(_, is)| *is) {
                follow.had.insert(offset);
            }
        }
        self.reader.advance(&gathered, count);
        gathered.is_caught_up() && count == gathered.items().len()
    }
}

#[test]
fn the_next_message_is_always_the_oldest_that_a_subscription_lacks() {
    for seed in 0..1_000 {
        let mut world = World::new(seed);
        for _ in 0..60 {
            match world.random.u8(..10) {
                0 | 1 => world.follow(),
                2 => world.unfollow(),
                3..7 => world.publish(),
                _ => {
                    world.read();
                }
            }
        }
        while !world.read() {}
        assert_eq!(world.owed(), None, "seed {seed}");
    }
}
