//! A copy assigns offsets again that the original assigned after the copy was made. So it gets another epoch, once, and
//! readers that resume get a gap notice.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{disk::Machine, may_read, open_at, publish, read, text};
use std::{fs, path::Path};
use tidewire_broker::{Broker, Options, Position, Reader, Start};
use tidewire_engine_log::{LogEngine, Settings};

fn settings() -> Settings {
    crate::common::settings(Options::default())
}

/// Three messages, of which the copy is made.
fn before(engine: &LogEngine) {
    ["1", "2", "3"].iter().for_each(|said| assert!(publish(engine, "a", text(said)).is_ok()));
}

/// Two more, of which it knows nothing.
fn after(engine: &LogEngine) {
    ["4", "5"].iter().for_each(|said| assert!(publish(engine, "a", text(said)).is_ok()));
}

/// Checks that nobody with a position of the old epoch misses anything in silence.
#[track_caller]
fn assert_reported((engine, broker): (LogEngine, Broker), epoch: u64) -> u64 {
    assert_ne!(broker.epoch(), epoch);
    ["other 4", "other 5", "other 6"].iter().for_each(|said| {
        publish(&engine, "a", text(said)).unwrap();
    });
    let lost = Start::after(Position { epoch, offset: 5 });
    let started = Reader::default().follow(&broker, &[may_read("a")], lost);
    assert!(started.is_foreign, "a gap before everything");
    let all = ["1", "2", "3", "other 4", "other 5", "other 6"];
    assert_eq!(read(&broker, "a", lost), all);
    broker.epoch()
}

#[test]
fn files_that_are_copies_are_recognised() {
    let machine = Machine::default();
    let (engine, broker) = open_at(&machine, &settings(), 1_000).unwrap();
    before(&engine);
    let copy = machine.copied();
    after(&engine);
    drop((engine, broker));
    let epoch = assert_reported(open_at(&copy, &settings(), 1_000).unwrap(), 1_000);
    for life in 0..2 {
        let (_engine, broker) = open_at(&copy, &settings(), 2_000).unwrap();
        assert_eq!(broker.epoch(), epoch, "once, life {life}");
    }
    let (_engine, broker) = open_at(&machine.copy(), &settings(), 2_000).unwrap();
    assert_eq!(broker.epoch(), 1_000, "the same files after a crash");
}

#[test]
fn older_files_put_over_those_of_a_later_time_are_recognised() {
    let machine = Machine::default();
    let (engine, broker) = open_at(&machine, &settings(), 1_000).unwrap();
    before(&engine);
    engine.close();
    let older = machine.copy();
    drop((engine, broker));
    let (engine, broker) = open_at(&machine, &settings(), 1_001).unwrap();
    after(&engine);
    drop((engine, broker));
    let mixed = machine.overwritten_by(&older);
    assert_reported(open_at(&mixed, &settings(), 1_000).unwrap(), 1_000);
    // The same without the name beside the files: the folder knows more commits than they have.
    let without = Machine { generation: machine.copy().generation, ..older.copy() };
    assert_reported(open_at(&without, &settings(), 1_000).unwrap(), 1_000);
}

#[test]
fn files_that_came_without_the_name_beside_them_are_recognised() {
    let machine = Machine::default();
    let (engine, broker) = open_at(&machine, &settings(), 1_000).unwrap();
    before(&engine);
    engine.close();
    let alone = Machine { generation: Machine::default().generation, ..machine.copy() };
    drop((engine, broker));
    // One that is closed may take a last publish, or refuse it.
    let (engine, broker) = open_at(&machine, &settings(), 1_001).unwrap();
    after(&engine);
    drop((engine, broker));
    assert_reported(open_at(&alone, &settings(), 1_000).unwrap(), 1_000);
}

/// Copies the files of a folder over those of another.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// A folder at its end, and a copy of it as of three messages.
fn folders(top: &Path) -> [std::path::PathBuf; 2] {
    let [data, older] = ["data", "older"].map(|name| top.join(name));
    let (engine, broker) = LogEngine::open(&data, settings(), 1_000).unwrap();
    before(&engine);
    drop((engine, broker));
    copy(&data, &older);
    let (engine, broker) = LogEngine::open(&data, settings(), 1_001).unwrap();
    assert_eq!(broker.epoch(), 1_000, "the same files in order");
    after(&engine);
    [data, older]
}

#[test]
fn a_folder_copied_elsewhere_back_or_over_the_files_begins_a_new_epoch() {
    let open = |folder: &Path| LogEngine::open(folder, settings(), 1_000).unwrap();
    let top = tempfile::tempdir().unwrap();
    let [data, older] = folders(top.path());
    let moved = top.path().join("elsewhere");
    copy(&older, &moved);
    assert_reported(open(&moved), 1_000);
    // Files keep their numbers and times where others are copied over them.
    let over = top.path().join("over");
    fs::rename(&data, &over).unwrap();
    copy(&older, &over);
    assert_reported(open(&over), 1_000);
    // New files may get the numbers of those that were removed.
    fs::remove_dir_all(&over).unwrap();
    copy(&older, &over);
    assert_reported(open(&over), 1_000);
}

#[test]
fn a_folder_that_is_renamed_keeps_its_epoch() {
    let top = tempfile::tempdir().unwrap();
    let [data, _] = folders(top.path());
    let moved = top.path().join("elsewhere");
    fs::rename(&data, &moved).unwrap();
    let (_engine, broker) = LogEngine::open(&moved, settings(), 2_000).unwrap();
    assert_eq!((broker.epoch(), broker.head()), (1_000, 5));
}
