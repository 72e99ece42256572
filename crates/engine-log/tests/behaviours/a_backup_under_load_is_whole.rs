//! A backup taken while others publish has everything that was answered before it began, in order and
//! without a hole; put back it has another epoch.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{everything, keyed, publish, settings, text};
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};
use tidewire_broker::{Options, Rule, Rules};
use tidewire_engine_log::{LogEngine, Settings, restore};

const PUBLISHERS: usize = 3;

/// Large enough that the store settles several times while the backup is made.
fn said(number: u64) -> String {
    format!("{number} {}", "x".repeat(60_000))
}

fn with_state() -> Settings {
    let mut settings = settings(Options::default());
    let compact = Rule { compact: Some(true), ..Rule::default() };
    settings.limits.rules = Rules::new(Options::default(), [("state".parse().unwrap(), compact)]);
    settings
}

/// Checks that a channel has the numbers from 0 on, at least `count` of them; retention may have
/// taken older ones.
fn assert_whole(found: &[String], count: u64) {
    let numbers: Vec<u64> =
        found.iter().map(|text| text.split(' ').next().unwrap().parse().unwrap()).collect();
    let first = numbers[0];
    let whole: Vec<u64> = (first..).take(numbers.len()).collect();
    assert_eq!(numbers, whole, "in order, none missing");
    assert!(*numbers.last().unwrap() + 1 >= count, "{count} were answered before");
}

#[test]
fn a_backup_under_load_is_whole() {
    let top = tempfile::tempdir().unwrap();
    let (engine, broker) = LogEngine::open(&top.path().join("data"), with_state(), 1_000).unwrap();
    let answered: [AtomicU64; PUBLISHERS] = Default::default();
    let is_over = AtomicBool::new(false);
    let copies = thread::scope(|scope| {
        for (number, answered) in answered.iter().enumerate() {
            let (engine, is_over) = (&engine, &is_over);
            scope.spawn(move || {
                let channel = format!("load.{number}");
                for next in 0.. {
                    if is_over.load(Ordering::SeqCst) {
                        break;
                    }
                    publish(engine, &channel, text(&said(next))).unwrap();
                    publish(engine, "state", keyed(&channel, &next.to_string())).unwrap();
                    answered.store(next + 1, Ordering::SeqCst);
                }
            });
        }
        let copies: Vec<_> = (1..=2)
            .map(|round| {
                while answered.iter().any(|count| count.load(Ordering::SeqCst) < round * 30) {
                    thread::yield_now();
                }
                let before = answered.each_ref().map(|count| count.load(Ordering::SeqCst));
                let backup = engine.backup().unwrap();
                let bytes: Vec<u8> = backup.flat_map(Result::unwrap).collect();
                (before, bytes)
            })
            .collect();
        is_over.store(true, Ordering::SeqCst);
        copies
    });
    drop((engine, broker));
    for (number, (before, bytes)) in copies.iter().enumerate() {
        let folder = top.path().join(format!("restored {number}"));
        let restored = restore(bytes.as_slice(), &folder, 900).unwrap();
        assert_eq!(restored.epoch, 1_001, "later than the store's, whatever the clock says");
        let (engine, broker) = LogEngine::open(&folder, with_state(), 2_000).unwrap();
        assert_eq!(broker.epoch(), restored.epoch, "once");
        for (number, count) in before.iter().enumerate() {
            assert_whole(&everything(&broker, &format!("load.{number}")), *count);
        }
        let state = everything(&broker, "state");
        assert_eq!(state.len(), PUBLISHERS);
        let next = broker.head() + 1;
        assert_eq!(publish(&engine, "load.0", text("0 goes on")), Ok(next));
    }
}
