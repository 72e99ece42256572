//! What is answered before its sync is synced soon: about an interval later, and not whenever.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{disk::Machine, open_on, publish, settings, text};
use std::{
    sync::atomic::Ordering,
    thread::yield_now,
    time::{Duration, Instant},
};
use tidewire_broker::Options;
use tidewire_engine_log::{Settings, Sync};

/// How long after its answer the first message of a store is synced.
fn time_to_sync(interval: Duration) -> Duration {
    let machine = Machine::default();
    let sync = Sync::Every(interval);
    let (engine, _broker) = open_on(&machine, &Settings { sync, ..settings(Options::default()) });
    let syncs = || machine.journal.syncs.load(Ordering::SeqCst);
    let before = syncs();
    publish(&engine, "a", text("answered")).unwrap();
    let begin = Instant::now();
    while syncs() == before {
        assert!(begin.elapsed() < Duration::from_secs(20), "no sync follows the answer");
        yield_now();
    }
    begin.elapsed()
}

#[test]
fn a_sync_comes_within_its_interval() {
    // A busy machine makes one attempt longer, hardly all of them.
    let shortest = (0..5).map(|_| time_to_sync(Duration::from_millis(20))).min().unwrap();
    assert!(shortest < Duration::from_millis(500), "{shortest:?} instead of 20 ms, at best");
}
