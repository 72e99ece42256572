//! Who is in the middle of a compacted channel's state is owed no word of older tombstones, though
//! they went in an earlier life; of what was lost otherwise he is.
#![allow(clippy::unwrap_used)]

use crate::common::{disk::Machine, keyed, open_on, publish, read, settings};
use tidewire_broker::{Bookmark, Broker, Compaction, Content, Draft, Options, Retention, Start};
use tidewire_engine_log::{LogEngine, Settings};

fn keeping_one_tombstone(is_compact: bool) -> Settings {
    let compaction = is_compact.then(Compaction::default);
    let messages_max = if is_compact { 1 } else { 1_000 };
    let retention = Retention { messages_max, ..Retention::default() };
    settings(Options { compaction, retention, ..Options::default() })
}

fn put_and_remove(engine: &LogEngine, key: &str) {
    publish(engine, "a", keyed(key, "short-lived")).unwrap();
    let removal = Draft { key: key.parse().ok(), ..Draft::new(Content::Nothing) };
    publish(engine, "a", removal).unwrap();
}

/// After the first of two values, in the state as of `state`.
fn within(broker: &Broker, state: u64) -> Start {
    Start::After(Bookmark { after: broker.position(1), state: Some(state) })
}

#[test]
fn tombstones_removed_before_the_state_are_no_gap() {
    let machine = Machine::default();
    let (engine, broker) = open_on(&machine, &keeping_one_tombstone(true));
    publish(&engine, "a", keyed("x", "1")).unwrap();
    publish(&engine, "a", keyed("y", "2")).unwrap();
    ["k", "l"].iter().for_each(|key| put_and_remove(&engine, key));
    let state = broker.head();
    assert_eq!(read(&broker, "a", within(&broker, state)), ["2"]);
    drop((engine, broker));

    let (engine, broker) = open_on(&machine, &keeping_one_tombstone(true));
    assert_eq!(read(&broker, "a", within(&broker, state)), ["2"]);
    assert_eq!(read(&broker, "a", Start::after(broker.position(1))), ["gap", "2", "†"]);
    // The newest of before goes now, and only then one of after.
    put_and_remove(&engine, "m");
    assert_eq!(read(&broker, "a", within(&broker, state)), ["2", "†"]);
    put_and_remove(&engine, "n");
    // Its row goes with the next commit.
    assert_eq!(read(&broker, "a", within(&broker, state)), ["gap", "2", "†", "†"]);
}

#[test]
fn a_channel_that_is_empty_now_is_no_gap_to_its_state() {
    let machine = Machine::default();
    let nothing_kept = Retention { messages_max: 0, ..Retention::default() };
    let compaction = Some(Compaction::default());
    let settings = settings(Options { compaction, retention: nothing_kept, ..Options::default() });
    let (engine, broker) = open_on(&machine, &settings);
    ["x", "y"].iter().for_each(|key| put_and_remove(&engine, key));
    assert_eq!(read(&broker, "a", within(&broker, 4)), [""; 0]);
    drop((engine, broker));
    let (_engine, broker) = open_on(&machine, &settings);
    assert_eq!(read(&broker, "a", within(&broker, 4)), [""; 0]);
    assert_eq!(read(&broker, "a", within(&broker, 3)), ["gap"]);
}

#[test]
fn what_was_removed_when_the_channel_was_not_compacted_is_reported() {
    let machine = Machine::default();
    let (engine, broker) = open_on(&machine, &keeping_one_tombstone(false));
    publish(&engine, "a", keyed("x", "1")).unwrap();
    publish(&engine, "a", crate::common::text("has no key, so it goes")).unwrap();
    publish(&engine, "a", keyed("y", "3")).unwrap();
    drop((engine, broker));
    for _ in 0..2 {
        let (engine, broker) = open_on(&machine, &keeping_one_tombstone(true));
        assert_eq!(read(&broker, "a", within(&broker, 3)), ["gap", "3"]);
        drop((engine, broker));
    }
}
