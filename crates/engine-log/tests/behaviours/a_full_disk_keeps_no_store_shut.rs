//! After a crash, on a disk without room even for a new epoch, a store opens for reading. The epoch is
//! written with the first publish that there is room for.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{disk::Machine, everything, open_at, publish, settings, text};
use std::sync::atomic::Ordering;
use tidewire_broker::{AppendError, EngineError, Options};
use tidewire_engine_log::{Settings, Sync};

#[test]
fn a_full_disk_keeps_no_store_shut() {
    let settings = Settings { sync: Sync::Never, ..settings(Options::default()) };
    let machine = Machine::default();
    let (engine, broker) = open_at(&machine, &settings, 1_000).unwrap();
    publish(&engine, "a", text("settled")).unwrap();
    drop((engine, broker));
    let (engine, _broker) = open_at(&machine, &settings, 2_000).unwrap();
    publish(&engine, "a", text("never synced")).unwrap();

    let killed = machine.copy();
    // The heads of the files can be written over, and nothing else.
    killed.journal.room.store(4_096, Ordering::SeqCst);
    killed.rows.room.store(8_192, Ordering::SeqCst);
    for now_ms in [3_000, 4_000] {
        let (engine, broker) = open_at(&killed, &settings, now_ms).unwrap();
        assert_eq!(broker.epoch(), now_ms);
        assert_eq!(everything(&broker, "a"), ["settled"]);
        if now_ms == 4_000 {
            killed.journal.room.store(0, Ordering::SeqCst);
            killed.rows.room.store(0, Ordering::SeqCst);
            publish(&engine, "a", text("goes on")).unwrap();
        } else {
            engine.sweep(now_ms);
        }
    }
    let (_engine, broker) = open_at(&killed, &settings, 5_000).unwrap();
    assert_eq!(broker.epoch(), 4_000);
    assert_eq!(everything(&broker, "a"), ["settled", "goes on"]);
}

#[test]
fn under_always_too_where_something_was_lost() {
    let (machine, settings) = (Machine::default(), settings(Options::default()));
    let (engine, broker) = open_at(&machine, &settings, 1_000).unwrap();
    publish(&engine, "a", text("settled")).unwrap();
    drop((engine, broker));
    let (engine, _broker) = open_at(&machine, &settings, 2_000).unwrap();
    // A quiet end has emptied this journal.
    let before = machine.copy();
    publish(&engine, "a", text("lost")).unwrap();
    let harmed = Machine { journal: before.journal, ..machine.copy() };
    harmed.journal.room.store(4_096, Ordering::SeqCst);
    harmed.rows.room.store(8_192, Ordering::SeqCst);
    let (engine, broker) = open_at(&harmed, &settings, 3_000).unwrap();
    assert_eq!(broker.epoch(), 3_000);
    assert_eq!(everything(&broker, "a"), ["settled"]);
    assert_eq!(
        publish(&engine, "a", text("?")),
        Err(AppendError::Engine(EngineError::StorageFull))
    );
    harmed.journal.room.store(0, Ordering::SeqCst);
    harmed.rows.room.store(0, Ordering::SeqCst);
    publish(&engine, "a", text("goes on")).unwrap();
    let (_engine, broker) = open_at(&harmed.copy(), &settings, 4_000).unwrap();
    assert_eq!(broker.epoch(), 3_000, "it goes on, and nothing is missing any longer");
    assert_eq!(everything(&broker, "a"), ["settled", "goes on"]);
}
