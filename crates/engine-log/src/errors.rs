//! Why a store cannot be opened, told so that whoever starts the server knows what to do.

use std::{
    io,
    path::{Path, PathBuf},
};

/// The store was not opened. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is in use by another process; stop that one, or choose another directory", path.display())]
    Held {
        /// The store's file.
        path: PathBuf,
    },
    /// The directory or its file may not be read and written.
    #[error("{} may not be read and written by this user", path.display())]
    Denied {
        /// What was asked for.
        path: PathBuf,
    },
    /// There is no room even to open it.
    #[error("the disk that holds {} is full", path.display())]
    Full {
        /// What was asked for.
        path: PathBuf,
    },
    /// The store is of a version that this one does not know.
    #[error("the store is of format {found}; this version reads format {known}")]
    Format {
        /// What the store says.
        found: u64,
        /// What is known here.
        known: u64,
    },
    /// It is no store, or it is damaged where nothing can be told without it.
    #[error(
        "the file is no store, or is damaged beyond reading: {why}; restore it, or move it away to begin anew"
    )]
    Damaged {
        /// What the store said.
        why: String,
    },
    /// The operating system refused for another reason.
    #[error("cannot open {}", path.display())]
    Failed {
        /// What was asked for.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl OpenError {
    pub(crate) fn from_io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Denied { path }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::Failed { path, source },
        }
    }
}
