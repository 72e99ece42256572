//! Threads that read from disk leave the processor to others that want it.
#![allow(clippy::unwrap_used)]

use crate::{
    cold::{Patient, offsets},
    common::{publish, settings, text},
};
use std::{
    fs, thread,
    time::{Duration, Instant},
};
use tidewire_broker::{Limits, Options, Start};
use tidewire_engine_log::{LogEngine, Settings};

/// The niceness of each thread whose name begins so.
fn niceness(name: &str) -> Vec<i32> {
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
    let nice = threads.filter_map(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).ok()?;
        let (head, rest) = stat.rsplit_once(") ")?;
        // The 19th field of `proc_pid_stat(5)`; the state is the third.
        let nice = rest.split(' ').nth(16)?.parse().ok()?;
        head.split_once('(')?.1.starts_with(name).then_some(nice)
    });
    nice.collect()
}

#[test]
fn threads_that_read_run_after_workers() {
    let directory = tempfile::tempdir().unwrap();
    let settings = settings(Options::default());
    let settings = Settings { limits: Limits { bytes_max: 0, ..settings.limits }, ..settings };
    let (engine, broker) = LogEngine::open(directory.path(), settings, 7).unwrap();
    for _ in 0..10 {
        publish(&engine, "a", text("x")).unwrap();
    }
    let start = Start::after(broker.position(0));
    let mut reader = Patient::follow(&broker, &["a"], start);
    assert_eq!(offsets(&reader.drain(&broker)), Vec::from_iter(1..=10));
    let own = rustix::process::getpriority_process(None).unwrap();
    // A thread that has just started says so a moment later.
    let begun = Instant::now();
    loop {
        let nice = niceness("tidewire-read");
        if !nice.is_empty() && nice.iter().all(|nice| *nice > own) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{nice:?} beside {own}");
        thread::yield_now();
    }
}
