//! A copy of a store in one stream: all rows of one moment, written while others publish, and made
//! into a store again. The order of the new store is not that of the old one, so it has a new epoch.
//!
//! | bytes | |
//! |---|---|
//! | 18 | `tidewire backup 1\n` |
//! | 4 + 8 + n | a frame, as often as need be: its length, a checksum, rows as in the journal |
//! | 4 + 8 + 8 | the end: a length of 0, a checksum, the number of rows |

mod restoring;

pub use restoring::{Restored, begin_new_epoch, restore};

use crate::{
    LogEngine, OpenError,
    clock::Clock,
    copies,
    disk::ROWS_FILE,
    engine::open_files,
    pending::Changes,
    store::{Snapshot, Store, StoreError},
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The bytes of a backup, piece by piece. They are a backup only with the last one.
#[derive(Debug)]
pub struct Backup {
    snapshot: Snapshot,
    frames: u64,
    rows: u64,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    Rows,
    Over,
}

/// Why a data folder could not be copied, restored or given a new epoch.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// There is no store.
    #[error("{} has no store: there is no {ROWS_FILE} in it; give the folder of `serve --data`", path.display())]
    NoStore {
        /// What was given.
        path: PathBuf,
    },
    /// A restore would mix two stores.
    #[error("{} is not empty; restore into a new or an empty folder", path.display())]
    NotEmpty {
        /// What was given.
        path: PathBuf,
    },
    /// It is no backup at all.
    #[error("this is not a backup made by `tidewire data backup`")]
    NoBackup,
    /// Its end is missing.
    #[error(
        "the backup is cut short after {rows} rows; take the file that `tidewire data backup` had finished"
    )]
    Cut {
        /// How many were whole.
        rows: u64,
    },
    /// Its checksums say that it is not as it was written.
    #[error("the backup is damaged after {rows} rows; take another one")]
    Damaged {
        /// How many were whole.
        rows: u64,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be read or written.
    #[error("the store in {} failed: {why}", path.display())]
    Store {
        /// The folder.
        path: PathBuf,
        /// What it said.
        why: String,
    },
    /// The backup or a folder cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl DataError {
    fn of_store(path: &Path, error: &StoreError) -> Self {
        Self::Store { path: path.to_path_buf(), why: error.to_string() }
    }
}

impl LogEngine {
    /// A copy of everything that has been answered, as of one moment. Publishing goes on meanwhile, and
    /// the files may grow, as nothing that the copy still needs is written over.
    ///
    /// # Errors
    ///
    /// The store cannot be read now.
    pub fn backup(&self) -> Result<Backup, DataError> {
        Backup::of(&self.store)
    }
}

impl Backup {
    /// A copy of what an open store holds now.
    fn of(store: &Arc<Store>) -> Result<Self, DataError> {
        let snapshot = store.snapshot();
        let path = PathBuf::from(store.path().to_string());
        let snapshot = snapshot.map_err(|error| DataError::of_store(&path, &error))?;
        Ok(Self { snapshot, frames: 0, rows: 0, stage: Stage::Head })
    }

    /// A copy of a store that no process has open. Meanwhile none can open it.
    ///
    /// # Errors
    ///
    /// There is no store, another process has it, or it cannot be read.
    pub fn of_closed(directory: &Path) -> Result<Self, DataError> {
        Self::of(&open_closed(directory)?)
    }

    /// How many rows have been written.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    fn next_frame(&mut self) -> Result<Vec<u8>, StoreError> {
        let rows = self.snapshot.next_rows(FRAME_BYTES)?;
        if rows.is_empty() {
            self.stage = Stage::Over;
            return Ok(frame(self.frames, 0, &self.rows.to_be_bytes()));
        }
        self.rows += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let mut changes = Changes::default();
        for (key, value) in rows.into_iter().filter(|(key, _)| !copies::is_of_files(key)) {
            changes.put(key, value);
        }
        let payload = changes.encode();
        let bytes = u32::try_from(payload.len());
        let bytes = bytes.map_err(|_| StoreError::RowTooLong)?;
        self.frames += 1;
        Ok(frame(self.frames - 1, bytes, &payload))
    }
}

impl Iterator for Backup {
    type Item = Result<Vec<u8>, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.stage {
            Stage::Over => None,
            Stage::Head => {
                self.stage = Stage::Rows;
                Some(Ok(HEAD.to_vec()))
            }
            Stage::Rows => Some(self.next_frame().map_err(|error| {
                self.stage = Stage::Over;
                DataError::of_store(Path::new(&self.snapshot.path().to_string()), &error)
            })),
        }
    }
}

/// Opens a store without a broker, if there is one.
fn open_closed(directory: &Path) -> Result<Arc<Store>, DataError> {
    if !directory.join(ROWS_FILE).exists() {
        return Err(DataError::NoStore { path: directory.to_path_buf() });
    }
    let (store, _) = Store::open(directory, open_files(directory)?, Clock::MONOTONIC)?;
    Ok(Arc::new(store))
}

fn frame(number: u64, bytes: u32, payload: &[u8]) -> Vec<u8> {
    let sum = checksum(number, payload);
    [&bytes.to_be_bytes()[..], &sum.to_be_bytes(), payload].concat()
}

/// One that stands elsewhere has another.
fn checksum(number: u64, payload: &[u8]) -> u64 {
    xxh3_64_with_seed(payload, number)
}

const HEAD: &[u8; 18] = b"tidewire backup 1\n";

/// Some thousand rows: read at once, while publishers wait for none of it.
const FRAME_BYTES: usize = 256 << 10;

/// No frame is larger: one row may be as large as a message.
const FRAME_BYTES_MAX: usize = 1 << 30;
