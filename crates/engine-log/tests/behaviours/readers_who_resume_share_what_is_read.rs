//! Messages on disk are read and decoded once for all who resume, and a reader never waits on its thread.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use crate::{
    cold::{Patient, messages, offsets},
    common::{publish, settings, text},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tidewire_broker::{Broker, Item, Limits, Options, Start};
use tidewire_engine_log::{LogEngine, Settings};

/// A log of `count` messages in turns over `channels`, none of them in memory.
fn cold(count: usize, channels: usize, cache_bytes_max: usize) -> (tempfile::TempDir, Broker) {
    let directory = tempfile::tempdir().unwrap();
    let settings = settings(Options::default());
    let limits = Limits { bytes_max: 0, ..settings.limits };
    let settings = Settings {
        limits,
        cache_bytes_max: Some(cache_bytes_max),
        sync: tidewire_engine_log::Sync::Never,
        ..Settings::default()
    };
    let (engine, broker) = LogEngine::open(directory.path(), settings.clone(), 7).unwrap();
    for at in 0..count {
        publish(&engine, &format!("c.{}", at % channels), text("x")).unwrap();
    }
    engine.close();
    drop((engine, broker));
    let (engine, broker) = LogEngine::open(directory.path(), settings, 7).unwrap();
    drop(engine);
    (directory, broker)
}

fn from_the_start(broker: &Broker) -> Start {
    Start::after(broker.position(0))
}

#[test]
fn who_asks_meanwhile_and_who_asks_later_get_the_same_messages() {
    let (_directory, broker) = cold(50, 1, 1 << 20);
    let follow = || Patient::follow(&broker, &["c.0"], from_the_start(&broker));
    let (mut first, mut beside) = (follow(), follow());
    // Neither has waited for the other, nor for the disk.
    assert!(first.turn(&broker, 1 << 20).is_none() && beside.turn(&broker, 1 << 20).is_none());
    let all = first.drain(&broker);
    assert_eq!(offsets(&all), Vec::from_iter(1..=50));
    for other in [beside.drain(&broker), follow().drain(&broker)] {
        let (one, other) = (messages(&all), messages(&other));
        assert_eq!(one.len(), other.len());
        assert!(one.iter().zip(&other).all(|(one, other)| Arc::ptr_eq(one, other)));
    }
    let (made, message) = (AtomicUsize::new(0), &messages(&all)[0]);
    for _ in 0..2 {
        broker.encoded(message, 3, |_| {
            made.fetch_add(1, Ordering::SeqCst);
            vec![1]
        });
    }
    assert_eq!(made.load(Ordering::SeqCst), 1);
}

#[test]
fn who_stands_further_on_shares_the_rest() {
    let (_directory, broker) = cold(50, 1, 1 << 20);
    let all = Patient::follow(&broker, &["c.0"], from_the_start(&broker)).drain(&broker);
    let start = Start::after(broker.position(20));
    // At once: it is there.
    let (rest, _) = Patient::follow(&broker, &["c.0"], start).turn(&broker, 1 << 20).unwrap();
    assert_eq!(offsets(&rest), Vec::from_iter(21..=50));
    assert!(Arc::ptr_eq(&messages(&rest)[0], &messages(&all)[20]));
}

#[test]
fn many_who_share_a_cache_that_is_too_small_all_come_to_their_ends() {
    // All of it takes 190 KB: a message 377 bytes, and a run of four of them 384 more.
    let (_directory, broker) = cold(400, 100, 64 << 10);
    let mut readers: Vec<Patient> = (0..20)
        .map(|at| {
            let start = Start::after(broker.position(at * 7));
            Patient::follow(&broker, &["c.*", "c.3"], start)
        })
        .collect();
    std::thread::scope(|scope| {
        for (at, reader) in (0_u64..).zip(&mut readers) {
            let broker = broker.clone();
            scope.spawn(move || {
                assert_eq!(offsets(&reader.drain(&broker)), Vec::from_iter(at * 7 + 1..=400));
            });
        }
    });
}

#[test]
fn a_log_that_closes_lets_go_of_those_who_wait() {
    let (directory, broker) = cold(2_000, 200, 1 << 20);
    let mut readers: Vec<Patient> =
        (0..50).map(|_| Patient::follow(&broker, &["c.*"], from_the_start(&broker))).collect();
    readers.retain_mut(|reader| reader.turn(&broker, 1 << 20).is_none());
    assert!(!readers.is_empty());
    // Readers hold on to channels, not to the log.
    drop(broker);
    readers.iter().for_each(Patient::wait);
    let again = LogEngine::open(directory.path(), settings(Options::default()), 8);
    assert_eq!(again.unwrap().1.head(), 2_000);
}

#[test]
fn gaps_and_messages_come_in_the_order_of_the_log() {
    let (_directory, broker) = cold(300, 7, 1 << 20);
    let mut reader = Patient::follow(&broker, &["c.>"], from_the_start(&broker));
    let mut all = Vec::new();
    loop {
        // So small that each turn ends in the middle of what was read.
        match reader.turn(&broker, 500) {
            None => reader.wait(),
            Some((items, is_caught_up)) => {
                assert!(items.iter().all(|item| matches!(item, Item::Message(_))));
                all.extend(offsets(&items));
                if is_caught_up {
                    break;
                }
            }
        }
    }
    assert_eq!(all, Vec::from_iter(1..=300));
}
