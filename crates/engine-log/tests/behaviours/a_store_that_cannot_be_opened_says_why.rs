//! Held by another, forbidden, no store, another version: each has its own answer.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{fs, os::unix::process::CommandExt, path::Path, process::Command};
use tidewire_engine_log::{LogEngine, OpenError, Settings};

fn open(directory: &Path) -> Result<LogEngine, OpenError> {
    LogEngine::open(directory, Settings::default(), 1).map(|(engine, _)| engine)
}

#[test]
fn a_store_that_another_holds_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path()).unwrap();
    assert!(matches!(open(directory.path()), Err(OpenError::Held { .. })));
    drop(first);
    open(directory.path()).unwrap();
}

#[test]
fn a_file_in_the_place_of_the_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("messages.log");
    fs::write(&file, "mine").unwrap();
    for path in [file.clone(), file.join("data"), file.join("data/deeper")] {
        let error = open(&path).unwrap_err();
        assert!(matches!(&error, OpenError::NotADirectory { path } if *path == file), "{error:?}");
        let reported = format!("{} is a file, and the log needs a directory", file.display());
        assert!(error.to_string().starts_with(&reported), "{error}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn a_file_that_is_no_store_is_not_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rows.redb");
    fs::write(&path, "dear diary\n".repeat(1_000)).unwrap();
    assert!(matches!(open(directory.path()), Err(OpenError::Damaged { .. })));
    assert!(fs::read_to_string(&path).unwrap().starts_with("dear diary"));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "files were left behind");
}

#[test]
fn a_journal_that_was_cut_short_is_named_with_what_it_costs() {
    let directory = tempfile::tempdir().unwrap();
    let (left, path) = (directory.path().join("left"), directory.path().join("left/journal.redb"));
    fs::create_dir(&left).unwrap();
    let running = directory.path().join("running");
    let engine = open(&running).unwrap();
    crate::common::publish(&engine, "a", crate::common::text("1")).unwrap();
    // As after a crash, and without its last bytes.
    for name in ["rows.redb", "journal.redb", "witness"] {
        fs::copy(running.join(name), left.join(name)).unwrap();
    }
    let cut = fs::OpenOptions::new().write(true).open(&path).unwrap();
    cut.set_len(cut.metadata().unwrap().len() - 500).unwrap();
    let before = fs::read(&path).unwrap();
    for _ in 0..2 {
        let error = open(&left).unwrap_err().to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
        assert!(error.contains("up to 8 MiB, are lost"), "{error}");
        // In its head the store notes that somebody has had it open.
        let now = fs::read(&path).unwrap();
        assert!(now.len() == before.len() && now[64..] == before[64..], "it was written to");
        assert_eq!(fs::read_dir(&left).unwrap().count(), 3, "files were left behind");
    }
    fs::rename(&path, directory.path().join("away")).unwrap();
    open(&left).unwrap();
}

#[test]
fn a_directory_that_may_not_be_written_is_named() {
    const CHILD: &str = "TIDEWIRE_TEST_FORBIDDEN";
    if let Ok(forbidden) = std::env::var(CHILD) {
        let error = open(Path::new(&forbidden)).unwrap_err();
        assert!(matches!(error, OpenError::Denied { .. }), "{error}");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let forbidden = directory.path().join("forbidden");
    fs::create_dir(&forbidden).unwrap();
    fs::set_permissions(&forbidden, std::os::unix::fs::PermissionsExt::from_mode(0o500)).unwrap();
    fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    // A copy where anybody may run it: the superuser may write anywhere, so somebody else tries.
    let test = directory.path().join("test");
    fs::copy(std::env::current_exe().unwrap(), &test).unwrap();
    let mut child = Command::new(&test);
    child.arg("a_directory_that_may_not_be_written_is_named").env(CHILD, &forbidden);
    if fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own)).unwrap() == 0
    {
        child.uid(65_534).gid(65_534);
    }
    let reported = child.current_dir("/").output().unwrap();
    assert!(reported.status.success(), "{}", String::from_utf8_lossy(&reported.stdout));
}
