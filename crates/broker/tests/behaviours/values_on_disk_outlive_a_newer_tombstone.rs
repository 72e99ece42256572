//! A compacted channel whose newest message was a tombstone, which is lost, still has its values.
#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::{Seen, drain, may_look_back, may_read, messages};
use crate::test_archive::TestArchive;
use std::sync::Arc;
use tidewire_broker::{
    Broker, Compaction, Limits, LossKind, Options, Reader, Retention, Rules, Start,
};

/// Offsets 1 and 2 are in the archive only; 3, a tombstone, is lost, and nobody follows the channel.
fn broker(compaction: Option<Compaction>) -> Broker {
    let retention = Retention { age_max_ms: 10, ..Retention::default() };
    let rules = Rules::all(Options { retention, compaction, ..Options::default() });
    let limits = Limits { rules, dead_channels_max: 0, ..Limits::default() };
    let archive = Arc::new(TestArchive::default());
    let broker = Broker::with_archive(7, 0, limits, archive.clone());
    (1..=3).for_each(|offset| archive.publish(&broker, "a", offset));
    broker.sweep(10, 10);
    broker.lose_one(&"a".parse().unwrap(), 3, LossKind::Tombstones);
    archive.remove("a", 3);
    broker
}

fn read(broker: &Broker, pattern: &str, start: Start) -> Vec<Seen> {
    let mut reader = Reader::default();
    reader.follow(broker, &[may_read(pattern)], start);
    drain(broker, &mut reader, 1)
}

#[test]
fn they_are_found_by_looking_back() {
    let broker = broker(Some(Compaction::default()));
    let (before, count, bytes_max) = (None, 1, 1 << 20);
    let start = Start::Back { before, count, bytes_max, history: may_look_back() };
    assert_eq!(read(&broker, "a", start), [Seen::Message(2)]);
}

#[test]
fn the_channel_is_not_forgotten() {
    let broker = broker(Some(Compaction::default()));
    (20..30).for_each(|now_ms| broker.sweep(now_ms, 10));
    assert_eq!(broker.stats().channels, 1);
    assert_eq!(read(&broker, "*", Start::Earliest(may_look_back())), messages(1..=2));
}

#[test]
fn it_is_forgotten_once_they_are_gone() {
    let broker = broker(Some(Compaction::default()));
    broker.lose(&"a".parse().unwrap(), 3, LossKind::Tombstones);
    (20..30).for_each(|now_ms| broker.sweep(now_ms, 10));
    assert_eq!(broker.stats().channels, 0);
}

#[test]
fn what_stands_before_a_damaged_message_is_found_too() {
    // Without keys only damage takes a single message.
    let broker = broker(None);
    assert_eq!(read(&broker, "a", Start::Earliest(may_look_back())), messages(1..=2));
}
