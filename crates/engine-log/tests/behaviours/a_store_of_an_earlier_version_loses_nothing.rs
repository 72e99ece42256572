//! A data folder that an earlier version wrote opens with all messages, its positions and its epoch.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{everything, keyed, publish_at, read, text};
use std::{fs, path::Path};
use tempfile::TempDir;
use tidewire_broker::{Draft, Limits, Options, Position, Rule, Rules, Start};
use tidewire_engine_log::{LogEngine, Settings};

/// The settings under which the fixture was written.
fn settings() -> Settings {
    let compact = Rule { compact: Some(true), ..Rule::default() };
    let rules = Rules::new(Options::default(), [("state.*".parse().unwrap(), compact)]);
    Settings { limits: Limits { rules, ..Limits::default() }, ..Settings::default() }
}

fn fixture() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-format-2");
    for file in fs::read_dir(fixture).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

#[test]
fn a_store_of_format_2_keeps_its_messages_positions_and_ids_over_several_lives() {
    let folder = fixture();
    for life in 0..3 {
        let (engine, broker) = LogEngine::open(folder.path(), settings(), 2_000 + life).unwrap();
        let after = |offset| Start::after(Position { epoch: 7, offset });
        assert_eq!((broker.epoch(), broker.head()), (7, 9 + life));
        assert_eq!(everything(&broker, "chat.*"), ["one", "two", "three", "four"]);
        assert_eq!(read(&broker, "chat.*", after(3)), ["four"]);
        assert_eq!(everything(&broker, "news"), ["only in the journal"]);
        assert_eq!(read(&broker, "state.*", after(4)), ["†", "off"]);
        assert_eq!(everything(&broker, "state.*"), ["off"]);
        let repeat = Draft { id: "order-3".parse().ok(), ..text("three") };
        assert_eq!(publish_at(&engine, "chat.room1", repeat, 2_000), Ok(3));
        assert_eq!(publish_at(&engine, "other.lamps", keyed("k", "new"), 2_000), Ok(10 + life));
    }
}
