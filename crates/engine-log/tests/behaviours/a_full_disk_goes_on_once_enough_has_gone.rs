//! Full, and no room is made from outside: what retention or age takes is given back all the same, and
//! publishing goes on in the same process.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{disk::Machine, everything, keyed, open_on, publish_at, settings, text};
use std::{
    sync::atomic::Ordering,
    thread::sleep,
    time::{Duration, Instant},
};
use tidewire_broker::{AppendError, Compaction, Draft, EngineError, Options, Retention};
use tidewire_engine_log::LogEngine;

const FULL_BYTES: u64 = 14 << 20;
const AGE_MS: u64 = 60_000;

/// Publishes at the time 1,000 until the disk is full, for good.
fn fill(machine: &Machine, engine: &LogEngine, draft: impl Fn(usize) -> Draft) -> usize {
    machine.journal.room.store(FULL_BYTES, Ordering::SeqCst);
    machine.rows.room.store(FULL_BYTES, Ordering::SeqCst);
    let mut answered = 0;
    loop {
        match publish_at(engine, "a", draft(answered), 1_000) {
            Ok(_) => answered += 1,
            Err(refusal) => {
                break assert_eq!(refusal, AppendError::Engine(EngineError::StorageFull));
            }
        }
        assert!(answered < 1_000, "the disk never fills");
    }
    for _ in 0..3 {
        let again = publish_at(engine, "a", draft(answered), 1_000);
        assert_eq!(again, Err(AppendError::Engine(EngineError::StorageFull)));
    }
    answered
}

/// Lets the age pass until a publish goes through.
fn publish_after_age(engine: &LogEngine, draft: &Draft) {
    let begin = Instant::now();
    while let Err(refusal) = publish_at(engine, "b", draft.clone(), 1_000 + AGE_MS) {
        assert_eq!(refusal, AppendError::Engine(EngineError::StorageFull));
        assert!(begin.elapsed() < Duration::from_secs(10), "full for ever");
        engine.sweep(1_000 + AGE_MS);
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_retention_takes_makes_room() {
    let retention = Retention { age_max_ms: AGE_MS, ..Retention::default() };
    let settings = settings(Options { retention, ..Options::default() });
    let machine = Machine::default();
    let (engine, broker) = open_on(&machine, &settings);
    let payload = "x".repeat(100_000);
    fill(&machine, &engine, |_| text(&payload));
    engine.sweep(1_000 + AGE_MS);
    publish_after_age(&engine, &text(&payload));
    assert_eq!(everything(&broker, "b"), [payload.as_str()]);
    drop((engine, broker));
    let (_engine, broker) = open_on(&machine, &settings);
    assert_eq!(everything(&broker, "b"), [payload]);
    assert!(everything(&broker, "a").is_empty());
}

/// Both if the rows can be opened again at once, and if they cannot: the code differs.
#[test]
fn a_commit_that_failed_and_is_there_nevertheless_is_not_built_upon() {
    for is_unreadable in [false, true] {
        let (machine, settings) = (Machine::default(), settings(Options::default()));
        let (engine, broker) = open_on(&machine, &settings);
        publish_at(&engine, "a", text("1"), 1_000).unwrap();
        // The rows take what the journal cannot: with two syncs, of which the second fails.
        machine.journal.room.store(1, Ordering::SeqCst);
        let syncs = machine.rows.syncs.load(Ordering::SeqCst);
        machine.rows.failing_sync.store(syncs + 2, Ordering::SeqCst);
        machine.rows.is_unreadable.store(is_unreadable, Ordering::SeqCst);
        assert!(publish_at(&engine, "a", text("2"), 1_000).is_err());
        machine.journal.room.store(0, Ordering::SeqCst);
        machine.rows.failing_sync.store(0, Ordering::SeqCst);
        assert_eq!(
            publish_at(&engine, "b", text("3"), 1_000),
            Err(AppendError::Engine(EngineError::Unavailable))
        );
        machine.rows.is_unreadable.store(false, Ordering::SeqCst);
        sleep(Duration::from_millis(1_100));
        for _ in 0..3 {
            assert_eq!(
                publish_at(&engine, "b", text("3"), 1_000),
                Err(AppendError::Engine(EngineError::Unavailable))
            );
        }
        drop((engine, broker));
        let (engine, broker) = open_on(&machine, &settings);
        assert_eq!(publish_at(&engine, "b", text("4"), 1_000), Ok(3));
        assert_eq!(everything(&broker, "a"), ["1", "2"]);
        assert_eq!(everything(&broker, "b"), ["4"]);
    }
}

#[test]
fn values_that_nothing_renews_make_room() {
    let compaction = Compaction { age_max_ms: Some(AGE_MS), ..Compaction::default() };
    let settings = settings(Options { compaction: Some(compaction), ..Options::default() });
    let machine = Machine::default();
    let (engine, broker) = open_on(&machine, &settings);
    let payload = "x".repeat(100_000);
    let answered = fill(&machine, &engine, |number| keyed(&number.to_string(), &payload));
    assert_eq!(everything(&broker, "a").len(), answered);
    engine.sweep(1_000 + AGE_MS);
    publish_after_age(&engine, &keyed("0", &payload));
    assert!(everything(&broker, "a").is_empty());
    drop((engine, broker));
    let (_engine, broker) = open_on(&machine, &settings);
    assert!(everything(&broker, "a").is_empty());
    assert_eq!(everything(&broker, "b"), [payload]);
}
