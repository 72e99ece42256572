//! While a disk cannot be read, a reader that resumes gets a gap notice; one that resumes later misses nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions)]

use crate::common::{
    disk::Machine, everything, may_look_back, open_at, open_on, publish, read, settings, text,
};
use std::{
    sync::atomic::Ordering,
    thread::sleep,
    time::{Duration, Instant},
};
use tidewire_broker::{AppendError, EngineError, Options, Position, Start};

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
    let start = || Start::after(Position { epoch: broker.epoch(), offset: 10 });
    // After a write that fails, the store is opened again, which fails too.
    machine.rows.is_unreadable.store(true, Ordering::SeqCst);
    machine.journal.room.store(1, Ordering::SeqCst);
    machine.rows.room.store(1, Ordering::SeqCst);
    assert_eq!(
        publish(&engine, "b", text("refused")),
        Err(AppendError::Engine(EngineError::StorageFull))
    );
    for unread in [start(), Start::Time(1, may_look_back())] {
        assert_eq!(read(&broker, "a", unread), ["gap"]);
    }
    machine.rows.is_unreadable.store(false, Ordering::SeqCst);
    machine.journal.room.store(0, Ordering::SeqCst);
    machine.rows.room.store(0, Ordering::SeqCst);
    // Nobody publishes: reading opens it again.
    let begin = Instant::now();
    while read(&broker, "a", start()) != said[10..] {
        assert!(begin.elapsed() < Duration::from_secs(10), "it stays closed");
        sleep(Duration::from_millis(50));
    }
    assert_eq!(everything(&broker, "a"), said);
    publish(&engine, "b", text("goes on")).unwrap();
}

#[test]
fn a_page_that_cannot_be_read_for_a_while_is_not_taken_for_damaged() {
    let machine = Machine::default();
    let settings = settings(Options::default());
    let (engine, broker) = open_on(&machine, &settings);
    let said: Vec<_> = (0..100).map(|number| number.to_string().repeat(1_500)).collect();
    for text_of in &said {
        publish(&engine, "a", text(text_of)).unwrap();
    }
    let epoch = broker.epoch();
    drop((engine, broker));
    let (mut gaps, begin) = (0, Instant::now());
    for page in (2..machine.rows.bytes() as u64 / 4_096).step_by(5) {
        let (engine, broker) = open_at(&machine, &settings, 2_000).unwrap();
        assert_eq!(broker.epoch(), epoch, "it was mended");
        machine.rows.unreadable_at.store(page * 4_096 + 7, Ordering::SeqCst);
        // Has it opened again, so that nothing is left in memory.
        let disks = [&machine.journal, &machine.rows];
        disks.iter().for_each(|disk| disk.room.store(1, Ordering::SeqCst));
        assert!(publish(&engine, "b", text("refused")).is_err());
        disks.iter().for_each(|disk| disk.room.store(0, Ordering::SeqCst));
        let is_read = everything(&broker, "a") == said;
        machine.rows.unreadable_at.store(0, Ordering::SeqCst);
        gaps += usize::from(!is_read);
        while everything(&broker, "a") != said {
            assert!(begin.elapsed() < Duration::from_secs(60), "page {page} stays unread");
            sleep(Duration::from_millis(50));
        }
        if gaps == 3 {
            break;
        }
    }
    assert_eq!(gaps, 3, "of what was read");
}
