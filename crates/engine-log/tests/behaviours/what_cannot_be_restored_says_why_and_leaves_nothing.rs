//! Copying, restoring and beginning a new epoch: each failure is reported with its reason, and leaves the folder as it
//! was.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{everything, publish, settings, text};
use std::{fs, path::Path};
use tidewire_broker::Options;
use tidewire_engine_log::{Backup, DataError, LogEngine, OpenError, begin_new_epoch, restore};

/// A closed store with three messages, and its backup.
fn store(folder: &Path) -> Vec<u8> {
    let (engine, broker) = LogEngine::open(folder, settings(Options::default()), 1_000).unwrap();
    ["1", "2", "3"].iter().for_each(|said| assert!(publish(&engine, "a", text(said)).is_ok()));
    let held = Backup::of_closed(folder).err();
    assert!(matches!(held, Some(DataError::Open(OpenError::Held { .. }))), "{held:?}");
    assert!(begin_new_epoch(folder, 1).unwrap_err().to_string().contains("in use"));
    drop((engine, broker));
    Backup::of_closed(folder).unwrap().flat_map(Result::unwrap).collect()
}

#[test]
fn a_backup_cut_or_harmed_anywhere_is_refused_and_leaves_nothing() {
    let top = tempfile::tempdir().unwrap();
    let bytes = store(&top.path().join("data"));
    let folder = top.path().join("new");
    for end in (0..bytes.len()).step_by(bytes.len() / 8 + 1).chain([bytes.len() - 1]) {
        let error = restore(&bytes[..end], &folder, 1).unwrap_err();
        let is_reported = matches!(error, DataError::NoBackup | DataError::Cut { .. });
        assert!(is_reported && !folder.exists(), "{end}: {error}");
        let mut harmed = bytes.clone();
        harmed[end] ^= 1;
        let error = restore(harmed.as_slice(), &folder, 1).unwrap_err();
        assert!(!folder.exists(), "{end}: {error}");
    }
    restore(bytes.as_slice(), &folder, 1).unwrap();
    let (_engine, broker) = LogEngine::open(&folder, settings(Options::default()), 5).unwrap();
    assert_eq!((broker.epoch(), everything(&broker, "a").len()), (1_001, 3));
}

#[test]
fn a_folder_that_is_not_empty_or_no_store_is_left_alone() {
    let top = tempfile::tempdir().unwrap();
    let bytes = store(&top.path().join("data"));
    let folder = top.path().join("full");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("notes"), "mine").unwrap();
    let error = restore(bytes.as_slice(), &folder, 1).unwrap_err();
    assert!(error.to_string().contains("is not empty; restore into a new or an empty folder"));
    for error in [Backup::of_closed(&folder).unwrap_err(), begin_new_epoch(&folder, 1).unwrap_err()]
    {
        assert!(matches!(error, DataError::NoStore { .. }), "{error}");
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    let empty = top.path().join("empty");
    fs::create_dir(&empty).unwrap();
    restore(bytes.as_slice(), &empty, 1).unwrap();
}

#[test]
fn a_new_epoch_is_later_than_the_old_one_and_keeps_every_message() {
    let top = tempfile::tempdir().unwrap();
    store(&top.path().join("data"));
    for (now_ms, epoch) in [(500, 1_001), (9_000, 9_000)] {
        assert_eq!(begin_new_epoch(&top.path().join("data"), now_ms).unwrap(), epoch);
        let opened = LogEngine::open(&top.path().join("data"), settings(Options::default()), 1);
        let (_engine, broker) = opened.unwrap();
        assert_eq!((broker.epoch(), everything(&broker, "a").len()), (epoch, 3));
    }
}
