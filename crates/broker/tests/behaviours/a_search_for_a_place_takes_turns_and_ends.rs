//! Where the order is not known, a start by pattern is looked for in all channels: some in each turn, each channel once.
#![allow(clippy::unwrap_used)]

use crate::common::{may_look_back, may_read, publish_times};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Poll, Wake, Waker},
};
use tidewire_broker::{
    Archive, ArchiveRead, Broker, ChannelName, Gathered, Limits, LossKind, PendingReads,
    ReadContext, Reader, Retention, Rules, Search, Start, Started,
};

/// Channels, of which each has one message: that of offset `n` is of time `n`.
const CHANNELS: u64 = 3_000;

/// An archive that does not know the order, has each asker wait, and keeps no more than 100 answers at hand.
#[derive(Debug, Default)]
struct Forgetful {
    answers: Mutex<VecDeque<ChannelName>>,
    asked: AtomicUsize,
}

impl Archive for Forgetful {
    fn first_since(
        &self,
        name: &ChannelName,
        time: u64,
        context: ReadContext<'_>,
    ) -> Poll<Option<u64>> {
        let mut answers = self.answers.lock().unwrap();
        if answers.contains(name) {
            let offset = name.as_str().trim_start_matches("c.").parse().unwrap();
            return Poll::Ready(Some(offset).filter(|offset| *offset >= time));
        }
        self.asked.fetch_add(1, SeqCst);
        answers.push_back(name.clone());
        while answers.len() > 100 {
            answers.pop_front();
        }
        drop(answers);
        // It can be asked again at once.
        drop(context.wait());
        Poll::Pending
    }

    fn read(
        &self,
        _: &ChannelName,
        _: u64,
        _: u64,
        _: usize,
        _: ReadContext<'_>,
    ) -> Poll<ArchiveRead> {
        Poll::Ready(ArchiveRead::default())
    }

    fn back(
        &self,
        _: &ChannelName,
        _: u64,
        _: usize,
        _: ReadContext<'_>,
    ) -> Poll<Vec<(u64, usize)>> {
        Poll::Ready(Vec::new())
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Asks until the place is found. Each turn but the last has to have the asker woken. Returns the turns, too.
fn find<T>(mut ask: impl FnMut(ReadContext<'_>) -> Poll<T>) -> (T, usize) {
    let (pending_reads, wakes) = (PendingReads::default(), Arc::new(Wakes::default()));
    let waker = Waker::from(Arc::clone(&wakes));
    for turn in 1..100_000 {
        if let Poll::Ready(found) = ask(ReadContext::new(&pending_reads, &waker)) {
            return (found, turn);
        }
        assert!(wakes.0.swap(0, SeqCst) > 0, "turn {turn} leaves it waiting for ever");
    }
    unreachable!("there is no end to it");
}

#[test]
fn an_archive_that_remembers_few_answers_is_asked_once_for_each_channel() {
    let archive = Arc::new(Forgetful::default());
    let broker = Broker::with_archive(1, CHANNELS, Limits::default(), archive.clone());
    for n in 1..=CHANNELS {
        broker.restore(&format!("c.{n}").parse().unwrap(), n, 0, LossKind::Messages);
    }
    let (permit, mut search) = (may_read("c.*"), Search::default());
    let since = |context: ReadContext<'_>| {
        Reader::poll_once(&broker, &permit, Start::Time(7, may_look_back()), &mut search, context)
    };
    let ((_, Started { after, .. }), turns) = find(since);
    assert_eq!((after, archive.asked.load(SeqCst)), (6, 3_000));
    assert!(turns <= 100, "{turns} turns");
}

#[test]
fn a_subscription_from_before_the_index_lets_others_have_turns_and_misses_nothing() {
    let rules = Rules::keeping(Retention { messages_max: 1, ..Retention::default() });
    let broker = Broker::new(1, Limits { rules, bytes_max: 1 << 20, ..Limits::default() });
    (0..CHANNELS).for_each(|n| publish_times(&broker, &format!("c.{n}"), 1));
    publish_times(&broker, "busy", 9_000);
    let permits = [may_read("c.*")];
    for start in [Start::Earliest(may_look_back()), Start::Time(0, may_look_back())] {
        let mut search = Search::default();
        let (found, turns) = find(|context| start.find(&broker, &permits, &mut search, context));
        assert!(turns >= 3, "all channels were looked at in {turns} turns");
        let (mut reader, mut gathered) = (Reader::default(), Gathered::default());
        assert_eq!(
            reader.follow(&broker, &permits, found),
            Started { after: 0, is_foreign: false }
        );
        let mut seen = 0;
        while !gathered.is_caught_up() {
            reader.gather(&broker, broker.head(), 1 << 20, &mut gathered);
            assert!(!gathered.has_gaps());
            seen += gathered.items().len();
            reader.advance(&gathered, gathered.items().len());
        }
        assert_eq!(seen, 3_000);
    }
}
