//! However much is over its age at once, one sweep removes it, and publishers have their turns.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{
    disk::Machine, everything, keyed, open_on, permit, publish_at, settings, text, wait,
};
use std::{
    thread::sleep,
    time::{Duration, Instant},
};
use tidewire_broker::{Broker, Compaction, Content, Draft, Engine, Options, Retention};
use tidewire_engine_log::LogEngine;

fn options(compaction: Option<Compaction>) -> Options {
    let retention = Retention { age_max_ms: 1_000, messages_max: 50_000, ..Retention::default() };
    Options { retention, compaction, ..Options::default() }
}

fn publish_all(engine: &LogEngine, drafts: impl Iterator<Item = Draft>) {
    let answers: Vec<_> = drafts.map(|draft| engine.publish(permit("a"), draft, 1_000)).collect();
    answers.into_iter().for_each(|answer| assert!(wait(answer).is_ok()));
}

/// Sweeps once, and publishes meanwhile.
fn sweep(engine: &LogEngine) {
    let begin = Instant::now();
    engine.sweep(3_000);
    sleep(Duration::from_millis(20));
    publish_at(engine, "b", keyed("k", "meanwhile"), 3_000).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
}

/// Waits until retention has taken everything of the channel.
fn wait_for_nothing(broker: &Broker) {
    let begin = Instant::now();
    while !everything(broker, "a").is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(60), "the sweep does not go on by itself");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn as_many_tombstones_as_a_channel_may_have_keys() {
    let machine = Machine::default();
    let settings = settings(options(Some(Compaction::default())));
    let (engine, _broker) = open_on(&machine, &settings);
    let keys = || (0..10_000).map(|number| number.to_string());
    publish_all(&engine, keys().map(|key| keyed(&key, "value")));
    let nothing = || Draft::new(Content::Nothing);
    publish_all(&engine, keys().map(|key| Draft { key: key.parse().ok(), ..nothing() }));
    sweep(&engine);
}

#[test]
fn more_messages_than_one_round_removes() {
    let machine = Machine::default();
    let (engine, broker) = open_on(&machine, &settings(options(None)));
    publish_all(&engine, (0..40_000).map(|number| text(&number.to_string())));
    sweep(&engine);
    wait_for_nothing(&broker);
}
