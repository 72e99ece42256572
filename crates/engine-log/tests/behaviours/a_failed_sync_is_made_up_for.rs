//! A sync that fails takes unsynced commits out of the journal: the next one brings them to disk.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{disk::Machine, everything, open_on, publish, settings, text};
use std::{
    sync::atomic::Ordering,
    thread::sleep,
    time::{Duration, Instant},
};
use tidewire_broker::Options;
use tidewire_engine_log::{Settings, Sync};

#[test]
fn what_a_failed_sync_left_behind_is_safe_after_the_next() {
    let machine = Machine::default();
    let interval = Duration::from_millis(20);
    let settings = Settings { sync: Sync::Every(interval), ..settings(Options::default()) };
    let (engine, _broker) = open_on(&machine, &settings);
    machine.journal.room.store(1, Ordering::SeqCst);
    publish(&engine, "a", text("answered")).unwrap();
    let begin = Instant::now();
    while machine.journal.refused.load(Ordering::SeqCst) == 0 {
        assert!(begin.elapsed() < Duration::from_secs(10), "nothing is written to be synced");
        sleep(interval);
    }
    machine.journal.room.store(0, Ordering::SeqCst);
    let (begin, mut random) = (Instant::now(), fastrand::Rng::with_seed(1));
    loop {
        let (_engine, broker) = open_on(&machine.cut(&mut random), &settings);
        if everything(&broker, "a") == ["answered"] {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(10), "no sync makes up for the failed one");
        sleep(interval);
    }
}
