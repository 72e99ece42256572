//! Compacted channels: the state of their keys, and how it is bounded.
#![allow(clippy::unwrap_used)]

use crate::{
    common::{may_look_back, may_read},
    keyed::{Mirror, compacted, put},
};
use tidewire_broker::{
    AppendError, Broker, Compaction, Content, Draft, DraftError, Gathered, Grant, Label, Position,
    QuotaError, Reader, Start,
};

fn reader(broker: &Broker, start: Start) -> Reader {
    let mut reader = Reader::default();
    reader.follow(broker, &[may_read("a")], start);
    reader
}

#[test]
fn who_was_slow_for_many_updates_receives_one_of_each_key() {
    let broker = compacted(Compaction::default(), |_| {});
    let (mut slow, mut mirror) = (reader(&broker, Start::Now), Mirror::default());
    for n in 0..10_000 {
        put(&broker, "a", &format!("k{}", n % 10), Some(&n.to_string()), 0).unwrap();
    }
    mirror.read(&broker, &mut slow, 1 << 20, true);
    assert_eq!((mirror.messages, mirror.gaps, mirror.last), (10, 0, 10_000));
    assert_eq!(mirror.state["k9"], "9999");
}

#[test]
fn the_earliest_is_the_present_state_and_then_what_comes() {
    let broker = compacted(Compaction::default(), |_| {});
    for (key, value) in [("x", Some("1")), ("y", Some("2")), ("x", None), ("z", Some("3"))] {
        put(&broker, "a", key, value, 0).unwrap();
    }
    let (mut fresh, mut mirror) =
        (reader(&broker, Start::Earliest(may_look_back())), Mirror::default());
    mirror.read(&broker, &mut fresh, 1, false);
    put(&broker, "a", "y", Some("4"), 0).unwrap();
    put(&broker, "a", "z", None, 0).unwrap();
    mirror.read(&broker, &mut fresh, 1, true);
    // The tombstone of x removes nothing that was ever delivered; that of z is delivered.
    assert_eq!((mirror.tombstones, mirror.gaps), (1, 0));
    assert_eq!(mirror.state.into_iter().collect::<Vec<_>>(), [("y".into(), "4".into())]);
}

#[test]
fn tombstones_passed_over_end_a_turn_like_messages_handed_over() {
    let broker = compacted(Compaction::default(), |_| {});
    for n in 0..1_000 {
        put(&broker, "a", &n.to_string(), Some("x"), 0).unwrap();
        put(&broker, "a", &n.to_string(), None, 0).unwrap();
    }
    let (mut fresh, mut gathered) =
        (reader(&broker, Start::Earliest(may_look_back())), Gathered::default());
    fresh.gather(&broker, broker.head(), 1_000, &mut gathered);
    assert!(gathered.items().is_empty() && !gathered.is_caught_up());
    fresh.advance(&gathered, 0);
    assert!(fresh.after().unwrap() < 100);
    let mut mirror = Mirror::default();
    mirror.read(&broker, &mut fresh, 1_000, true);
    assert_eq!((mirror.messages, fresh.after()), (0, Some(2_000)));
}

#[test]
fn a_reader_that_resumes_receives_what_was_removed() {
    let broker = compacted(Compaction::default(), |_| {});
    let offset = put(&broker, "a", "x", Some("1"), 0).unwrap();
    put(&broker, "a", "x", None, 0).unwrap();
    let mut mirror = Mirror::default();
    let mut resumed = reader(&broker, Start::after(Position { epoch: 7, offset }));
    mirror.read(&broker, &mut resumed, 1, true);
    assert_eq!((mirror.tombstones, mirror.gaps), (1, 0));
}

#[test]
fn a_tombstone_that_retention_took_is_a_gap_to_those_behind() {
    let broker = compacted(Compaction::default(), |options| options.retention.messages_max = 1);
    let offset = put(&broker, "a", "x", Some("1"), 0).unwrap();
    put(&broker, "a", "y", Some("1"), 0).unwrap();
    put(&broker, "a", "x", None, 0).unwrap();
    put(&broker, "a", "y", None, 0).unwrap();
    let (mut behind, mut fresh) = (Mirror::default(), Mirror::default());
    let mut resumed = reader(&broker, Start::after(Position { epoch: 7, offset }));
    behind.read(&broker, &mut resumed, 1, true);
    fresh.read(&broker, &mut reader(&broker, Start::Earliest(may_look_back())), 1, true);
    assert_eq!((behind.gaps, behind.tombstones), (1, 1));
    assert_eq!((fresh.gaps, fresh.messages), (0, 0));
}

#[test]
fn state_is_bounded_and_what_makes_room_is_always_taken() {
    let broker = compacted(Compaction { keys_max: 2, ..Compaction::default() }, |_| {});
    put(&broker, "a", "x", Some("1"), 0).unwrap();
    put(&broker, "a", "y", Some("1"), 0).unwrap();
    let refused = put(&broker, "a", "z", Some("1"), 0);
    assert_eq!(refused, Err(AppendError::Quota(QuotaError::TooManyKeys { keys_max: 2 })));
    put(&broker, "a", "x", Some("2"), 0).unwrap();
    put(&broker, "a", "x", None, 0).unwrap();
    put(&broker, "a", "z", Some("1"), 0).unwrap();

    let broker = compacted(Compaction { bytes_max: 1_000, ..Compaction::default() }, |_| {});
    put(&broker, "a", "x", Some(&"v".repeat(500)), 0).unwrap();
    let refused = put(&broker, "a", "y", Some(&"v".repeat(500)), 0);
    assert_eq!(refused, Err(AppendError::Quota(QuotaError::StateFull { bytes_max: 1_000 })));
    put(&broker, "a", "x", Some("short"), 0).unwrap();
    put(&broker, "a", "y", Some(&"v".repeat(200)), 0).unwrap();
}

#[test]
fn a_message_without_a_key_is_refused() {
    let broker = compacted(Compaction::default(), |_| {});
    let permit = Grant::open().permit(&"a".parse().unwrap()).unwrap();
    let refused = broker.append(permit, Draft::new(Content::Text("x".into())), 0);
    assert_eq!(refused, Err(AppendError::Draft(DraftError::KeyMissing)));
    assert_eq!(broker.head(), 0);
}

#[test]
fn a_value_that_nothing_renews_is_removed_by_a_tombstone() {
    let compaction = Compaction { age_max_ms: Some(100), ..Compaction::default() };
    let broker = compacted(compaction, |_| {});
    let (mut live, mut mirror) = (reader(&broker, Start::Now), Mirror::default());
    put(&broker, "a", "x", Some("1"), 0).unwrap();
    put(&broker, "a", "y", Some("1"), 0).unwrap();
    put(&broker, "a", "y", Some("2"), 60).unwrap();
    mirror.read(&broker, &mut live, 1, true);
    broker.sweep(120, 100);
    mirror.read(&broker, &mut live, 1, true);
    assert_eq!(mirror.state.keys().collect::<Vec<_>>(), ["y"]);
    assert_eq!((mirror.tombstones, mirror.gaps), (1, 0));
    // In time the tombstone goes too, and the channel's memory with it.
    broker.sweep(160, 100);
    broker.sweep(4_000_000, 100);
    assert_eq!(broker.stats().bytes, 0);
}

#[test]
fn a_repeat_is_answered_with_the_place_of_the_first() {
    let broker = Broker::new(7, tidewire_broker::Limits::default());
    let publish = |text: &str, id: &str, now_ms| {
        let permit = Grant::open().permit(&"a".parse().unwrap()).unwrap();
        let id: Option<Label> = id.parse().ok();
        let draft = Draft { id, ..Draft::new(Content::Text(text.into())) };
        broker.append(permit, draft, now_ms).map(|position| position.offset)
    };
    assert_eq!(publish("x", "1", 0), Ok(1));
    assert_eq!(publish("y", "2", 0), Ok(2));
    assert_eq!(publish("x", "1", 10), Ok(1));
    assert_eq!(publish("z", "1", 10), Err(AppendError::Draft(DraftError::IdTaken)));
    assert_eq!(broker.head(), 2);
    broker.sweep(120_000, 100);
    assert_eq!(publish("z", "1", 120_000), Ok(3));
}
