//! Seeded power cuts: writes since the last sync happen, in part, or not at all.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{disk::Machine, everything, open_at, open_on, publish, text};
use std::time::Duration;
use tidewire_broker::Options;
use tidewire_engine_log::{Settings, Sync};

/// Publishes, cuts the power with a commit under way, and returns what was answered and what is
/// there afterwards, with both epochs.
fn cut(seed: u64, sync: Sync) -> (Vec<String>, Vec<String>, [u64; 2]) {
    let mut random = fastrand::Rng::with_seed(seed);
    let machine = Machine::default();
    let settings = Settings { sync, ..crate::common::settings(Options::default()) };
    let (engine, broker) = open_on(&machine, &settings);
    let mut answered = Vec::new();
    for number in 0..random.usize(1..60) {
        answered.push(format!("{number} {}", "x".repeat(random.usize(..3_000))));
        publish(&engine, "a", text(&answered[number])).unwrap();
    }
    machine.journal.hold();
    let underway =
        tidewire_broker::Engine::publish(&engine, crate::common::permit("a"), text("?"), 1);
    std::thread::sleep(Duration::from_millis(2));
    let torn = machine.cut(&mut random);
    machine.journal.let_go();
    drop(underway);
    let (engine, after) = open_at(&torn, &settings, 2_000).unwrap();
    let found = everything(&after, "a");
    publish(&engine, "a", text("goes on")).unwrap();
    assert_eq!(everything(&after, "a").len(), found.len() + 1, "seed {seed}");
    (answered, found, [broker.epoch(), after.epoch()])
}

#[test]
fn with_a_sync_for_each_answer_everything_answered_is_there() {
    for seed in 0..60 {
        let (answered, found, epochs) = cut(seed, Sync::Always);
        assert_eq!(found[..answered.len()], answered, "seed {seed}");
        assert!(found[answered.len()..].iter().all(|last| last == "?"), "seed {seed}");
        assert_eq!(epochs[0], epochs[1], "seed {seed}");
    }
}

#[test]
fn without_it_a_beginning_is_there_and_the_epoch_is_another() {
    for seed in 0..30 {
        let (answered, found, epochs) = cut(seed, Sync::Never);
        let kept = found.len().min(answered.len());
        assert_eq!(found[..kept], answered[..kept], "seed {seed}");
        assert!(epochs[0] < epochs[1], "seed {seed}");
    }
}

#[test]
fn what_stands_behind_the_end_of_a_file_is_passed_over() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let machine = Machine::default();
        let settings = crate::common::settings(Options::default());
        let (engine, _broker) = open_on(&machine, &settings);
        publish(&engine, "a", text("said")).unwrap();
        let mut torn = machine.copy();
        let tail: Vec<u8> = (0..random.usize(1..300)).map(|_| random.u8(..)).collect();
        torn.journal = torn.journal.harmed(|bytes| bytes.extend(&tail));
        torn.rows = torn.rows.harmed(|bytes| bytes.extend(&tail));
        torn.witness = torn.witness.harmed(|bytes| bytes.extend(&tail));
        let (engine, broker) = open_at(&torn, &settings, 2_000).unwrap();
        publish(&engine, "a", text("goes on")).unwrap();
        assert_eq!(everything(&broker, "a"), ["said", "goes on"]);
        assert_eq!(broker.epoch(), 1_000);
    }
}
