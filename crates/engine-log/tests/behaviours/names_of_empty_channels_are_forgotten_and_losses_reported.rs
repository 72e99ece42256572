//! Only a limited number of names of empty channels is kept; a reader that resumes in another gets a gap notice.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{
    disk::Machine, keyed, may_look_back, may_read, open_at, publish_at, read, text,
};
use tidewire_broker::{
    Broker, Compaction, Content, Draft, Limits, Options, Pattern, Position, Repeats, Retention,
    Rule, Rules, Start,
};
use tidewire_engine_log::{LogEngine, Settings};

/// Messages, tombstones and ids live for 50 ms, and two names of empty channels are kept.
fn settings() -> Settings {
    let retention = Retention { age_max_ms: 50, ..Retention::default() };
    let repeats = Repeats { ids_max: 10, age_max_ms: 50 };
    let options = Options { retention, repeats, ..Options::default() };
    let compact = Rule { compact: Some(true), ..Rule::default() };
    let rules = Rules::new(options, [("state.*".parse::<Pattern>().unwrap(), compact)]);
    let limits = Limits { rules, dead_channels_max: 2, ..Limits::default() };
    Settings { limits, ..Settings::default() }
}

/// Sweeps until nothing is left to do: each publish waits for the round before it.
fn sweep(engine: &LogEngine, now_ms: u64) {
    for _ in 0..6 {
        engine.sweep(now_ms);
        publish_at(engine, "clock", text("tick"), now_ms).unwrap();
    }
}

fn after(broker: &Broker, offset: u64) -> Start {
    Start::after(Position { epoch: broker.epoch(), offset })
}

/// Ten channels that die with offsets 1 to 10, and one that lives, with offset 11.
fn ten_dead(machine: &Machine) -> (LogEngine, Broker) {
    let (engine, broker) = open_at(machine, &settings(), 1_000).unwrap();
    for number in 1..=10 {
        let draft = Draft { id: "once".parse().ok(), ..text("old") };
        publish_at(&engine, &format!("c{number}"), draft, 1_000).unwrap();
    }
    assert_eq!(publish_at(&engine, "alive", text("young"), 1_040), Ok(11));
    sweep(&engine, 1_060);
    (engine, broker)
}

#[test]
fn those_quiet_for_longest_go_and_the_rest_stay() {
    let machine = Machine::default();
    drop(ten_dead(&machine));
    let (_engine, broker) = open_at(&machine, &settings(), 1_070).unwrap();
    assert_eq!(broker.stats().channels, 4, "c9, c10, alive, clock");
    for (name, offset) in [("c1", 7), ("c8", 7), ("c9", 8), ("c10", 9), ("*", 7)] {
        assert_eq!(read(&broker, name, after(&broker, offset))[0], "gap", "{name}");
    }
    for (name, offset) in [("c1", 8), ("c8", 8), ("c9", 9), ("c10", 10), ("never", 8)] {
        assert!(read(&broker, name, after(&broker, offset)).is_empty(), "{name}");
    }
    assert_eq!(
        read(&broker, "alive", after(&broker, 0)),
        ["young"],
        "no gap in what is still here"
    );
    assert!(!read(&broker, "*", Start::Earliest(may_look_back())).contains(&"gap".to_owned()));
}

#[test]
fn a_name_that_is_used_again_reports_what_it_lost_in_every_later_run() {
    let machine = Machine::default();
    let (engine, broker) = ten_dead(&machine);
    let back = publish_at(&engine, "c1", text("back"), 1_061).unwrap();
    assert_eq!(read(&broker, "c1", after(&broker, 0)), ["gap", "back"]);
    drop((engine, broker));
    for life in 0..3 {
        let (_engine, broker) = open_at(&machine, &settings(), 1_070).unwrap();
        assert_eq!(read(&broker, "c1", after(&broker, 0)), ["gap", "back"], "life {life}");
        assert_eq!(read(&broker, "c1", after(&broker, 8)), ["back"], "life {life}");
        assert!(read(&broker, "c1", after(&broker, back)).is_empty(), "life {life}");
    }
}

#[test]
fn a_reader_that_follows_meanwhile_receives_what_comes_and_no_gap() {
    let machine = Machine::default();
    let (engine, broker) = open_at(&machine, &settings(), 1_000).unwrap();
    publish_at(&engine, "c0", text("old"), 1_000).unwrap();
    let mut reader = tidewire_broker::Reader::default();
    reader.follow(&broker, &[may_read("c0")], after(&broker, 1));
    for number in 1..=5 {
        publish_at(&engine, &format!("c{number}"), text("old"), 1_000).unwrap();
    }
    sweep(&engine, 1_060);
    broker.sweep(1_060, 100);
    publish_at(&engine, "c0", text("back"), 1_061).unwrap();
    let mut gathered = tidewire_broker::Gathered::default();
    reader.gather(&broker, broker.head(), 1 << 20, &mut gathered);
    assert_eq!(gathered.items().len(), 1);
    assert_eq!(gathered.messages().next().unwrap().content(), &Content::Text("back".into()));
}

#[test]
fn compacted_channels_are_forgotten_once_their_last_tombstone_went() {
    let machine = Machine::default();
    let (engine, broker) = open_at(&machine, &settings(), 1_000).unwrap();
    for number in 0..5 {
        let name = format!("state.{number}");
        publish_at(&engine, &name, keyed("k", "value"), 1_000).unwrap();
        let nothing = Draft { key: "k".parse().ok(), ..Draft::new(Content::Nothing) };
        publish_at(&engine, &name, nothing, 1_000).unwrap();
    }
    publish_at(&engine, "state.kept", keyed("k", "value"), 1_000).unwrap();
    sweep(&engine, 1_060);
    drop((engine, broker));
    let (_engine, broker) = open_at(&machine, &settings(), 1_070).unwrap();
    assert_eq!(broker.stats().channels, 4, "two of the dead, the one with a value, clock");
    assert_eq!(read(&broker, "state.0", after(&broker, 1)), ["gap"]);
    assert_eq!(read(&broker, "state.kept", after(&broker, 10)), ["value"]);
    assert_eq!(Compaction::default().age_max_ms, None, "a value stays");
}

#[test]
fn a_channel_whose_ids_are_remembered_is_not_forgotten() {
    let machine = Machine::default();
    let mut settings = settings();
    let repeats = Repeats { ids_max: 10, age_max_ms: 500 };
    let options = Options { repeats, ..*settings.limits.rules.defaults() };
    settings.limits.rules = Rules::all(options);
    settings.limits.dead_channels_max = 0;
    let (engine, _broker) = open_at(&machine, &settings, 1_000).unwrap();
    let named = || Draft { id: "once".parse().ok(), ..text("old") };
    assert_eq!(publish_at(&engine, "a", named(), 1_000), Ok(1));
    assert_eq!(publish_at(&engine, "b", text("old"), 1_000), Ok(2));
    sweep(&engine, 1_060);
    assert_eq!(publish_at(&engine, "a", named(), 1_070), Ok(1), "it is recognised as a repeat");
    sweep(&engine, 1_500);
    drop(engine);
    let (_engine, broker) = open_at(&machine, &settings, 1_500).unwrap();
    assert_eq!(broker.stats().channels, 1, "clock");
}
