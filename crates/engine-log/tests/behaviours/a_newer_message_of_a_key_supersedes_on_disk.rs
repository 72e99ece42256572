//! Compacted channels hold one message a key, in this life and the next.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{
    disk::Machine, everything, keyed, may_look_back, open_on, publish, read, settings,
};
use tidewire_broker::{
    AppendError, Compaction, Content, Draft, DraftError, Options, Position, QuotaError, Retention,
    Start,
};
use tidewire_engine_log::Settings;

fn compacted(keys_max: usize, tombstones_max: usize) -> Settings {
    let compaction = Some(Compaction { keys_max, ..Compaction::default() });
    let retention = Retention { messages_max: tombstones_max, ..Retention::default() };
    settings(Options { compaction, retention, ..Options::default() })
}

fn removal(key: &str) -> Draft {
    Draft { key: key.parse().ok(), ..Draft::new(Content::Nothing) }
}

#[test]
fn each_key_has_one_message_before_and_after_reopening() {
    let machine = Machine::default();
    let (engine, broker) = open_on(&machine, &compacted(10, 10));
    for number in 0..20 {
        publish(&engine, "a", keyed(["x", "y"][number % 2], &number.to_string())).unwrap();
    }
    assert_eq!(everything(&broker, "a"), ["18", "19"]);
    drop((engine, broker));
    let (engine, broker) = open_on(&machine, &compacted(10, 10));
    assert_eq!(everything(&broker, "a"), ["18", "19"]);
    publish(&engine, "a", keyed("x", "20")).unwrap();
    assert_eq!(everything(&broker, "a"), ["19", "20"]);
    publish(&engine, "a", removal("y")).unwrap();
    assert_eq!(everything(&broker, "a"), ["20"]);
}

#[test]
fn keys_are_bounded_and_a_removal_makes_room() {
    let machine = Machine::default();
    let (engine, broker) = open_on(&machine, &compacted(2, 10));
    publish(&engine, "a", keyed("x", "1")).unwrap();
    publish(&engine, "a", keyed("y", "2")).unwrap();
    drop((engine, broker));
    let (engine, broker) = open_on(&machine, &compacted(2, 10));
    let refused = Err(AppendError::Quota(QuotaError::TooManyKeys { keys_max: 2 }));
    assert_eq!(publish(&engine, "a", keyed("z", "3")), refused);
    publish(&engine, "a", keyed("y", "4")).unwrap();
    publish(&engine, "a", removal("x")).unwrap();
    publish(&engine, "a", keyed("z", "5")).unwrap();
    assert_eq!(everything(&broker, "a"), ["4", "5"]);
}

#[test]
fn old_tombstones_go_and_values_that_are_older_stay() {
    let machine = Machine::default();
    let (engine, broker) = open_on(&machine, &compacted(10, 1));
    publish(&engine, "a", keyed("stays", "value")).unwrap();
    for key in ["x", "y", "z", "x", "y"] {
        publish(&engine, "a", keyed(key, "short-lived")).unwrap();
        publish(&engine, "a", removal(key)).unwrap();
    }
    assert_eq!(everything(&broker, "a"), ["value"]);
    drop((engine, broker));
    let (engine, broker) = open_on(&machine, &compacted(10, 1));
    assert_eq!(everything(&broker, "a"), ["value"]);
    // Removals are at 3, 5, 7, 9 and 11: all but the last are forgotten.
    for (after, given) in [(2, &["gap", "†"][..]), (8, &["gap", "†"]), (9, &["†"]), (11, &[])]
    {
        assert_eq!(read(&broker, "a", Start::after(broker.position(after))), given, "{after}");
    }
    publish(&engine, "a", keyed("x", "again")).unwrap();
    assert_eq!(everything(&broker, "a"), ["value", "again"]);
}

#[test]
fn a_removal_that_was_made_good_again_is_no_loss() {
    let machine = Machine::default();
    for life in 0..3 {
        let (engine, broker) = open_on(&machine, &compacted(10, 1));
        for (key, value) in [("x", Some("1")), ("x", None), ("x", Some("2")), ("y", None)] {
            let draft = value.map_or_else(|| removal(key), |value| keyed(key, value));
            publish(&engine, "a", draft).unwrap();
        }
        let begin = Start::after(broker.position(4 * life + 1));
        assert_eq!(read(&broker, "a", begin), ["2", "†"], "life {life}");
    }
}

#[test]
fn the_newest_values_are_found_when_a_newer_tombstone_is_gone() {
    let machine = Machine::default();
    let (engine, broker) = open_on(&machine, &compacted(10, 0));
    for key in ["x", "y", "z"] {
        publish(&engine, "a", keyed(key, key)).unwrap();
    }
    publish(&engine, "a", keyed("short-lived", "value")).unwrap();
    publish(&engine, "a", removal("short-lived")).unwrap();
    drop((engine, broker));
    let (_engine, broker) = open_on(&machine, &compacted(10, 0));
    let start = Start::Back { before: None, count: 2, bytes_max: 1_000, history: may_look_back() };
    assert_eq!(read(&broker, "a", start), ["y", "z"]);
    let behind_all = Position { epoch: broker.epoch(), offset: 5 };
    assert_eq!(read(&broker, "a", Start::after(behind_all)), [""; 0]);
    let behind_the_value = Position { offset: 4, ..behind_all };
    assert_eq!(read(&broker, "a", Start::after(behind_the_value)), ["gap"]);
}

#[test]
fn a_message_without_a_key_is_refused() {
    let machine = Machine::default();
    let (engine, _broker) = open_on(&machine, &compacted(10, 1));
    assert_eq!(
        publish(&engine, "a", crate::common::text("x")),
        Err(AppendError::Draft(DraftError::KeyMissing))
    );
}
