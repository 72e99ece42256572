//! Why a store cannot be opened, in texts that say to the operator what to do.

use std::{
    io,
    path::{Path, PathBuf},
};

/// The store was not opened, and holds what it held.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is in use by another process; stop that one, or choose another directory", path.display())]
    Held {
        /// The store's file.
        path: PathBuf,
    },
    /// The directory or its file may not be read and written.
    #[error("this user has no permission to read and write {}", path.display())]
    Denied {
        /// What was asked for.
        path: PathBuf,
    },
    /// A file is where the directory has to be, or one above it.
    #[error("{} is a file, and the log needs a directory: choose another name, or move the file away", path.display())]
    NotADirectory {
        /// The file.
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
    /// A restore into it has not come to its end.
    #[error("a restore into {} was interrupted; empty it and run `tidewire data restore` again", path.display())]
    Unfinished {
        /// The directory.
        path: PathBuf,
    },
    /// It is not a store, or a part without which nothing can be read is damaged.
    #[error("{} is not a file of a store, or is too damaged to read ({why}); restore it, or \
        {cost}", path.display())]
    Damaged {
        /// The store's file.
        path: PathBuf,
        /// What the store said.
        why: String,
        /// What else can be done, and what is lost with that.
        cost: &'static str,
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
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                // The path, or one that should hold it.
                let file = path.ancestors().find(|path| path.is_file()).map(Path::to_path_buf);
                match file {
                    Some(path) => Self::NotADirectory { path },
                    None => Self::Failed { path, source },
                }
            }
            _ => Self::Failed { path, source },
        }
    }
}
