//! While a disk cannot be read, who resumes hears of a gap; once it can, who resumes then misses nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "common/common.rs"]
mod common;
use common::{disk::Machine, everything, open_on, publish, read, settings, text};
use std::sync::atomic::Ordering;
use tidewire_broker::{AppendError, Options, Position, Start};

#[test]
fn a_disk_that_comes_back_has_lost_nothing() {
    let machine = Machine::default();
    let settings = settings(Options::default());
    let (engine, broker) = open_on(&machine, &settings);
    let said: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    for text_of in &said {
        publish(&engine, "a", text(text_of)).unwrap();
    }
    drop((engine, broker));
    // None of it is in memory now.
    let (engine, broker) = open_on(&machine, &settings);
    let start = || Start::After(Position { epoch: broker.epoch(), offset: 10 });
    // A write that fails has the store opened anew, which fails, too.
    machine.rows.is_unreadable.store(true, Ordering::SeqCst);
    machine.journal.room.store(1, Ordering::SeqCst);
    machine.rows.room.store(1, Ordering::SeqCst);
    assert_eq!(publish(&engine, "b", text("refused")), Err(AppendError::StorageFull));
    for unread in [start(), Start::Since(1)] {
        assert_eq!(read(&broker, "a", unread), ["gap"]);
    }
    machine.rows.is_unreadable.store(false, Ordering::SeqCst);
    machine.journal.room.store(0, Ordering::SeqCst);
    machine.rows.room.store(0, Ordering::SeqCst);
    // The next publish opens it, the one behind it is taken.
    let _ = publish(&engine, "b", text("opens it"));
    publish(&engine, "b", text("goes on")).unwrap();
    assert_eq!(read(&broker, "a", start()), said[10..]);
    assert_eq!(everything(&broker, "a"), said);
}
