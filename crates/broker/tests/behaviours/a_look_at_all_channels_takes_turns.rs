//! Where the order is not known any more, channels are looked at: some of them in each turn.
#![allow(clippy::unwrap_used)]

use crate::common::{may_look_back, may_read, publish_times};
use std::task::{Poll, Waker};
use tidewire_broker::{
    Broker, Gathered, Limits, PendingReads, ReadContext, Reader, Retention, Rules, Search, Start,
    SubscribePermit,
};

const CHANNELS: usize = 3_000;

/// Each channel has a message. Enough newer ones were published and removed in another channel that the index begins
/// after them.
fn log_behind_its_index() -> (Broker, SubscribePermit) {
    let rules = Rules::keeping(Retention { messages_max: 1, ..Retention::default() });
    let broker = Broker::new(1, Limits { rules, bytes_max: 1 << 20, ..Limits::default() });
    (0..CHANNELS).for_each(|n| publish_times(&broker, &format!("c.{n}"), 1));
    publish_times(&broker, "busy", 9_000);
    (broker, may_read("c.*"))
}

#[test]
fn a_reader_from_the_earliest_message_lets_others_have_turns_and_misses_nothing() {
    let (broker, permit) = log_behind_its_index();
    let (mut reader, mut gathered) = (Reader::default(), Gathered::default());
    reader.follow(&broker, &[permit], Start::Earliest(may_look_back()));
    let (mut seen, mut turns) = (Vec::new(), 0);
    while !gathered.is_caught_up() {
        reader.gather(&broker, broker.head(), 1 << 20, &mut gathered);
        turns += usize::from(seen.is_empty());
        seen.extend(gathered.messages().map(|message| message.offset()));
        reader.advance(&gathered, gathered.items().len());
    }
    assert_eq!(seen, (1..=3_000).collect::<Vec<u64>>());
    assert!(turns >= 3, "all channels were looked at in {turns} turns");
}

#[test]
fn a_page_of_the_newest_lets_others_have_turns() {
    let (broker, permit) = log_behind_its_index();
    let (mut search, pending_reads) = (Search::default(), PendingReads::default());
    let mut turns = 0;
    let started = loop {
        let context = ReadContext::new(&pending_reads, Waker::noop());
        let start = Start::Back {
            before: None,
            count: 10,
            bytes_max: usize::MAX,
            history: may_look_back(),
        };
        turns += 1;
        let found = Reader::poll_once(&broker, &permit, start, &mut search, context);
        if let Poll::Ready((_, started)) = found {
            break started;
        }
    };
    assert_eq!((started.after, started.is_foreign), (2_990, false));
    assert!(turns >= 3, "all channels were looked at in {turns} turns");
}
