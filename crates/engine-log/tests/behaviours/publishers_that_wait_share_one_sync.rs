//! Whatever waits while the disk is busy is made safe together.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{disk::Machine, everything, open_on, permit, text, wait};
use std::sync::atomic::Ordering;
use tidewire_broker::{Engine, Options};

#[test]
fn publishers_that_wait_share_one_sync() {
    let machine = Machine::default();
    let (engine, broker) = open_on(&machine, &crate::common::settings(Options::default()));
    let syncs =
        || machine.journal.syncs.load(Ordering::SeqCst) + machine.rows.syncs.load(Ordering::SeqCst);
    let publish = |name: &str| engine.publish(permit("a"), text(name), 1);
    wait(publish("warm")).unwrap();
    let before = syncs();
    wait(publish("alone")).unwrap();
    let alone = syncs() - before;

    machine.journal.hold();
    let first = publish("first");
    while syncs() == before + alone {
        std::thread::yield_now();
    }
    let others: Vec<_> = (0..64).map(|number| publish(&number.to_string())).collect();
    machine.journal.let_go();
    wait(first).unwrap();
    for other in others {
        wait(other).unwrap();
    }
    assert_eq!(syncs() - before, 3 * alone, "one for the first, and one for the 64");
    assert_eq!(everything(&broker, "a").len(), 67);
}
