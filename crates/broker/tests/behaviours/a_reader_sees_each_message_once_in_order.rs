//! Following by name and by pattern, alone and together, from any place.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{Seen, broker, drain, may_look_back, may_read, messages, publish, publish_at};
use tidewire_broker::{Position, Reader, Start};

#[test]
fn what_is_followed_by_name_and_by_pattern_comes_once_and_in_order() {
    let broker = broker(100);
    let mut reader = Reader::default();
    for pattern in ["a.x", "a.*", ">", "b"] {
        reader.follow(&broker, &[may_read(pattern)], Start::Earliest(may_look_back()));
    }
    for channel in ["a.x", "b", "a.y", "a.x", "c.d.e"] {
        publish(&broker, channel);
    }
    assert_eq!(drain(&broker, &mut reader, 1), messages(1..=5));
    assert_eq!(drain(&broker, &mut reader, 1), []);
}

#[test]
fn a_late_subscription_catches_up_to_the_others_and_joins_them() {
    let broker = broker(100);
    for _ in 0..10 {
        publish(&broker, "old");
        publish(&broker, "live");
    }
    let mut reader = Reader::default();
    reader.follow(&broker, &[may_read("live")], Start::Now);
    publish(&broker, "live");
    reader.follow(&broker, &[may_read("old")], Start::Earliest(may_look_back()));
    publish(&broker, "old");
    let old = (1..=19).step_by(2);
    assert_eq!(drain(&broker, &mut reader, 100), messages(old.chain([21, 22])));
}

#[test]
fn a_position_of_another_epoch_or_of_the_future_is_foreign() {
    let broker = broker(100);
    publish(&broker, "a");
    for position in [Position { epoch: 1, offset: 1 }, Position { epoch: 7, offset: 2 }] {
        let mut reader = Reader::default();
        let started = reader.follow(&broker, &[may_read("a")], Start::after(position));
        assert!(started.is_foreign);
        assert_eq!(drain(&broker, &mut reader, 100), messages([1]));
    }
}

#[test]
fn a_time_finds_the_first_message_of_it_in_each_channel() {
    let broker = broker(100);
    for (channel, now_ms) in [("a", 10), ("b", 20), ("a", 30), ("b", 40)] {
        publish_at(&broker, channel, now_ms);
    }
    for (since_ms, expected) in [(0, 1..5), (11, 2..5), (30, 3..5), (41, 5..5)] {
        let mut reader = Reader::default();
        reader.follow(&broker, &[may_read(">")], Start::Time(since_ms, may_look_back()));
        assert_eq!(drain(&broker, &mut reader, 100), messages(expected));
    }
}

#[test]
fn the_same_pattern_again_changes_nothing() {
    let broker = broker(100);
    let mut reader = Reader::default();
    reader.follow(&broker, &[may_read("a")], Start::Now);
    reader.follow(&broker, &[may_read("a")], Start::Earliest(may_look_back()));
    publish(&broker, "a");
    reader.follow(&broker, &[may_read("a"), may_read("a")], Start::Earliest(may_look_back()));
    assert_eq!(drain(&broker, &mut reader, 100), [Seen::Message(1)]);
}

#[test]
fn more_channels_than_are_listed_at_once_still_come_in_order() {
    let broker = broker(100);
    for round in 0..3 {
        for channel in 0..3_000 {
            publish(&broker, &format!("c.{}", (channel * 7 + round) % 3_000));
        }
    }
    let mut reader = Reader::default();
    reader.follow(&broker, &[may_read("c.*")], Start::Earliest(may_look_back()));
    assert_eq!(drain(&broker, &mut reader, 64 << 10), messages(1..=9_000));
}

#[test]
fn many_patterns_that_start_together_are_one_cursor() {
    let broker = broker(100);
    let permits: Vec<_> = (0..9).map(|n| may_read(&format!("*.{n}"))).collect();
    for n in 0..30 {
        publish(&broker, &format!("c.{}", n % 10));
    }
    let mut reader = Reader::default();
    let started = reader.follow(&broker, &permits, Start::Earliest(may_look_back()));
    assert_eq!(started.after, 0);
    let expected = (1..=30).filter(|offset| (offset - 1) % 10 != 9);
    assert_eq!(drain(&broker, &mut reader, 100), messages(expected));
}

#[test]
fn reading_once_makes_no_channel_and_misses_nothing() {
    let broker = broker(100);
    let (mut reader, _) = Reader::once(&broker, &may_read("*"), Start::Now);
    publish(&broker, "a");
    assert_eq!(drain(&broker, &mut reader, 100), [Seen::Message(1)]);
    let (mut reader, _) = Reader::once(&broker, &may_read("b"), Start::Earliest(may_look_back()));
    assert_eq!(drain(&broker, &mut reader, 100), []);
    assert_eq!(broker.stats().channels, 1);
}
