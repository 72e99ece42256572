//! Making a store from a backup, and giving a store a new epoch.

use super::{DataError, FRAME_BYTES_MAX, HEAD, checksum, open_closed};
use crate::{
    clock::Clock,
    copies,
    disk::FILES,
    engine::open_files,
    identity::FolderGeneration,
    layout,
    opening::{EPOCH, FORMAT, FORMAT_KNOWN, ORDER_EPOCH, RUNNING, UNFINISHED, fact},
    pending::Changes,
    store::{Store, StoreError, Wait},
};
use std::{
    fs,
    io::{self, Read},
    path::Path,
};

/// What was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The epoch of the new store.
    pub epoch: u64,
    /// How many rows it has.
    pub rows: u64,
}

/// Makes a store in `directory` from a backup, with a new epoch: clients that resume get a gap notice.
///
/// `now_ms`, milliseconds since the Unix epoch, becomes the epoch, unless the store had a later one.
///
/// # Errors
///
/// The directory is not empty or cannot be written, or this is no whole backup. Then nothing is left
/// in the directory.
pub fn restore(backup: impl Read, directory: &Path, now_ms: u64) -> Result<Restored, DataError> {
    let unreadable = |source| DataError::Unreadable { path: directory.to_path_buf(), source };
    let is_new = !directory.exists();
    if !is_new && fs::read_dir(directory).map_err(unreadable)?.next().is_some() {
        return Err(DataError::NotEmpty { path: directory.to_path_buf() });
    }
    let restored = fill(backup, directory, now_ms);
    if restored.is_err() {
        FILES.iter().for_each(|name| drop(fs::remove_file(directory.join(name))));
        FolderGeneration(directory.to_path_buf()).remove();
        if is_new {
            let _ = fs::remove_dir(directory);
        }
    }
    restored
}

fn fill(mut backup: impl Read, directory: &Path, now_ms: u64) -> Result<Restored, DataError> {
    let mut head = [0; HEAD.len()];
    backup.read_exact(&mut head).map_err(|_| DataError::NoBackup)?;
    if head != *HEAD {
        return Err(DataError::NoBackup);
    }
    let to_error = |error: StoreError| DataError::of_store(directory, &error);
    let (store, _) = Store::open(directory, open_files(directory)?, Clock::MONOTONIC)?;
    // Until all of it is there, it must not be taken for a store.
    commit_number(&store, FORMAT, UNFINISHED).map_err(to_error)?;
    let mut epoch_before = 0;
    let (mut rows, mut frames) = (0, 0);
    while let Some(changes) = read_frame(&mut backup, frames, rows)? {
        let mut kept = Changes::default();
        for (key, value) in changes.iter() {
            let Some(value) = value else { continue };
            if key == layout::fact(EPOCH) {
                epoch_before = value.first_chunk().map_or(0, |it| u64::from_be_bytes(*it));
            } else if key == layout::fact(FORMAT) {
                check_format(value, rows)?;
            } else if key != layout::fact(RUNNING) {
                kept.put(key.to_vec(), value.to_vec());
            }
        }
        rows += u64::try_from(changes.len()).unwrap_or(u64::MAX);
        frames += 1;
        store.commit(kept, Wait::Not).map_err(to_error)?;
    }
    let epoch = begin_epoch(&store, epoch_before, now_ms).map_err(to_error)?;
    Ok(Restored { epoch, rows })
}

/// Refuses a backup that a later version has made, whose rows this one does not understand, and one of a folder into
/// which a restore was interrupted.
fn check_format(value: &[u8], rows: u64) -> Result<(), DataError> {
    match value.first_chunk().map_or(0, |it| u64::from_be_bytes(*it)) {
        UNFINISHED => Err(DataError::Cut { rows }),
        found if found > FORMAT_KNOWN => {
            Err(crate::OpenError::Format { found, known: FORMAT_KNOWN }.into())
        }
        _ => Ok(()),
    }
}

/// The rows of the next frame; `None` at the end.
fn read_frame(
    backup: &mut impl Read,
    number: u64,
    rows: u64,
) -> Result<Option<Changes>, DataError> {
    let damaged = || DataError::Damaged { rows };
    let cut = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => DataError::Cut { rows },
        _ => DataError::Unreadable { path: "the backup".into(), source: error },
    };
    let (mut length, mut sum) = ([0; 4], [0; 8]);
    backup.read_exact(&mut length).map_err(cut)?;
    backup.read_exact(&mut sum).map_err(cut)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > FRAME_BYTES_MAX {
        return Err(damaged());
    }
    // As much as is there, not as much as the length claims.
    let (mut payload, wanted) = (Vec::new(), if length == 0 { END_BYTES } else { length });
    let limit = u64::try_from(wanted).unwrap_or(u64::MAX);
    backup.take(limit).read_to_end(&mut payload).map_err(cut)?;
    if payload.len() < wanted {
        return Err(DataError::Cut { rows });
    }
    if checksum(number, &payload) != u64::from_be_bytes(sum) {
        return Err(damaged());
    }
    if length > 0 {
        return Changes::decode(&payload).map(Some).ok_or_else(damaged);
    }
    Ok(None)
}

/// Gives the store in `directory`, which no process has open, a new epoch, and returns it: clients that resume get a
/// gap notice.
///
/// # Errors
///
/// There is no store, another process has it, or it cannot be written.
pub fn begin_new_epoch(directory: &Path, now_ms: u64) -> Result<u64, DataError> {
    let store = open_closed(directory)?;
    let to_error = |error: StoreError| DataError::of_store(directory, &error);
    crate::opening::check_format(&store, |error| crate::OpenError::of_rows(directory, error))?;
    let before = fact(&store, EPOCH).map_err(to_error)?.unwrap_or(0);
    begin_epoch(&store, before, now_ms).map_err(to_error)
}

fn begin_epoch(store: &Store, before: u64, now_ms: u64) -> Result<u64, StoreError> {
    let epoch = now_ms.max(before.saturating_add(1));
    // The rows first: what is checkpointed below is certainly theirs.
    store.checkpoint()?;
    let mut changes = Changes::default();
    let mut facts = vec![(FORMAT, FORMAT_KNOWN), (EPOCH, epoch)];
    // Where another version began the last epoch, the next start finds that out.
    if fact(store, ORDER_EPOCH)? == Some(before) {
        facts.push((ORDER_EPOCH, epoch));
    }
    for (name, number) in facts {
        changes.put(layout::fact(name), number.to_be_bytes().to_vec());
    }
    copies::claim(store, &mut changes)?;
    store.commit(changes, Wait::ForDisk)?;
    store.checkpoint()?;
    store.renew_generation();
    Ok(epoch)
}

fn commit_number(store: &Store, name: &str, number: u64) -> Result<(), StoreError> {
    let mut changes = Changes::default();
    changes.put(layout::fact(name), number.to_be_bytes().to_vec());
    store.commit(changes, Wait::ForDisk)
}

/// The number of rows, at the end.
const END_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Backup, LogEngine, Settings,
        inspection::{publish, store},
    };
    use std::sync::Arc;

    #[test]
    fn a_backup_of_a_later_format_is_refused_and_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let (engine, broker) = LogEngine::open(home.path(), Settings::default(), 7).unwrap();
        publish(&engine, "a", None, 1_000);
        drop((engine, broker));
        let restored = |format: u64| {
            let later = store(home.path());
            commit_number(&later, FORMAT, format).unwrap();
            let backup = Backup::of(&Arc::new(later)).unwrap();
            let bytes: Vec<u8> = backup.flat_map(Result::unwrap).collect();
            let folder = home.path().join("restored");
            let result = restore(&*bytes, &folder, 8).map_err(|error| error.to_string());
            (result.map(|restored| restored.epoch), folder.exists())
        };
        let error = "the store is of format 3; this version reads format 2".to_owned();
        assert_eq!(restored(FORMAT_KNOWN + 1), (Err(error), false));
        let error = restored(UNFINISHED).0.unwrap_err();
        assert!(error.starts_with("the backup is cut short"), "{error}");
        assert_eq!(restored(FORMAT_KNOWN), (Ok(8), true));
    }
}
