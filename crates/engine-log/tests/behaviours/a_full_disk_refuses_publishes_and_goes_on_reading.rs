//! No room: 507, while readers read; room again: it goes on in the same process.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{disk::Machine, everything, open_on, publish, settings, text};
use std::sync::atomic::Ordering;
use tidewire_broker::{AppendError, EngineError, Options};

#[test]
fn a_full_disk_refuses_publishes_and_goes_on_reading() {
    let machine = Machine::default();
    let settings = settings(Options::default());
    let (engine, broker) = open_on(&machine, &settings);
    let payload = "x".repeat(100_000);
    let mut answered = 0;
    let full = 6 << 20;
    machine.journal.room.store(full, Ordering::SeqCst);
    machine.rows.room.store(full, Ordering::SeqCst);
    let refusal = loop {
        match publish(&engine, "a", text(&payload)) {
            Ok(_) => answered += 1,
            Err(refusal) => break refusal,
        }
        assert!(answered < 1_000, "the disk never fills");
    };
    assert_eq!(refusal, AppendError::Engine(EngineError::StorageFull));
    for _ in 0..3 {
        assert_eq!(
            publish(&engine, "a", text(&payload)),
            Err(AppendError::Engine(EngineError::StorageFull))
        );
        assert_eq!(everything(&broker, "a").len(), answered);
    }
    // The next process finds the disk as full as this one left it.
    let still_full = machine.copy();
    still_full.journal.room.store(full, Ordering::SeqCst);
    still_full.rows.room.store(full, Ordering::SeqCst);
    let (other_engine, other) = open_on(&still_full, &settings);
    assert_eq!(everything(&other, "a").len(), answered);
    assert_eq!(
        publish(&other_engine, "a", text(&payload)),
        Err(AppendError::Engine(EngineError::StorageFull))
    );

    machine.journal.room.store(0, Ordering::SeqCst);
    machine.rows.room.store(0, Ordering::SeqCst);
    publish(&engine, "a", text("room again")).unwrap();
    drop((engine, broker));
    let (_engine, broker) = open_on(&machine, &settings);
    let found = everything(&broker, "a");
    assert_eq!(found.len(), answered + 1);
    assert_eq!(found[answered], "room again");
}
