//! Why an operation of a store failed, and what that means for its opening.

use crate::{
    OpenError,
    disk::{JOURNAL_FILE, ROWS_FILE},
};
use std::{
    io::{self, ErrorKind},
    path::Path,
};

/// Why an operation of the store failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The disk has no room.
    #[error("no room left on the disk")]
    Full,
    /// The disk failed, or the database has found that the file makes no sense.
    #[error(transparent)]
    Database(Box<redb::Error>),
    /// The database has panicked over what it found in the file.
    #[error("the store's file is damaged")]
    Damaged,
    /// No row of the rows' file can be read.
    #[error("nothing of the rows' file can be read")]
    Unreadable,
    /// What was said to have failed has happened, and what is in memory does not have it.
    #[error("the rows have a commit whose sync failed; a restart recovers them")]
    OutOfStep,
    /// A snapshot has lost its hold of the rows.
    #[error("the rows' file was opened again after an error, so this copy is not of one moment")]
    Reopened,
    /// No length is large enough for a row.
    #[error("a row has four gigabytes")]
    RowTooLong,
}

impl StoreError {
    /// Whether only room is wanting.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::Full)
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        redb::Error::Io(error).into()
    }
}

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error)
                if matches!(
                    error.kind(),
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
                ) =>
            {
                Self::Full
            }
            other => Self::Database(Box::new(other)),
        }
    }
}

impl OpenError {
    /// Of the rows, or of all together.
    pub(crate) fn of_rows(directory: &Path, error: StoreError) -> Self {
        let cost = "move the whole directory away, and the server starts with an empty store";
        Self::of_file(directory, ROWS_FILE, error, cost)
    }

    pub(crate) fn of_journal(directory: &Path, error: StoreError) -> Self {
        let cost = "move it away: what has reached the rows continues in a new epoch, and the newest \
                    messages, up to 8 MiB, are lost";
        Self::of_file(directory, JOURNAL_FILE, error, cost)
    }

    fn of_file(directory: &Path, file: &str, error: StoreError, cost: &'static str) -> Self {
        match error {
            StoreError::Full => Self::Full { path: directory.to_path_buf() },
            other => Self::Damaged { path: directory.join(file), why: other.to_string(), cost },
        }
    }
}
