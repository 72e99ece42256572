//! What each of the store's files is kept on, as a port: tests and simulations count syncs, cut the
//! power and fill it up without a real disk.

use crate::{Identity, OpenError};
use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{FileExt, MetadataExt as _},
    path::Path,
    time::UNIX_EPOCH,
};

/// A row of bytes that survives, as far as it has been synced.
pub trait Disk: fmt::Debug + Send + Sync {
    /// How many bytes there are.
    ///
    /// # Errors
    ///
    /// The disk failed.
    fn len(&self) -> io::Result<u64>;

    /// Whether there are no bytes.
    ///
    /// # Errors
    ///
    /// The disk failed.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `bytes` from the place `at`.
    ///
    /// # Errors
    ///
    /// There are fewer bytes, or the disk failed.
    fn read(&self, at: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Puts `bytes` at the place `at`, which is not beyond the end.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::StorageFull`] when there is no room, or the disk failed.
    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts off, or appends zeros.
    ///
    /// # Errors
    ///
    /// The disk failed.
    fn set_len(&self, bytes: u64) -> io::Result<()>;

    /// Waits until everything written so far survives a power cut.
    ///
    /// # Errors
    ///
    /// The disk failed; what was written since the last sync may be lost.
    fn sync(&self) -> io::Result<()>;

    /// What distinguishes this disk from a copy of its bytes; `None` if nothing does.
    fn identity(&self) -> Option<Identity> {
        None
    }
}

/// A file that no other process may open as a store meanwhile.
#[derive(Debug)]
pub(crate) struct FileDisk(File);

impl FileDisk {
    /// Opens a file of the store's in `directory`; makes both if need be.
    pub(crate) fn open(directory: &Path, name: &str) -> Result<Self, OpenError> {
        let to_error = |error| OpenError::from_io(directory, error);
        make_directory(directory).map_err(to_error)?;
        let path = directory.join(name);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(to_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::Held { path }),
            Err(TryLockError::Error(error)) => return Err(to_error(error)),
        }
        // A new file survives only once its directory does.
        sync_directory(directory).map_err(to_error)?;
        Ok(Self(file))
    }
}

/// Makes a directory and those above it, if need be. A new one survives only once the one above it
/// has been synced.
fn make_directory(directory: &Path) -> io::Result<()> {
    let above: Vec<&Path> = directory.ancestors().take_while(|path| !path.exists()).collect();
    fs::create_dir_all(directory)?;
    let parents = above.iter().filter_map(|new| new.parent());
    // A relative path ends in an empty one, which is the present directory.
    let parents = parents.map(|path| if path == Path::new("") { Path::new(".") } else { path });
    parents.into_iter().try_for_each(sync_directory)
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

impl Disk for FileDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(bytes, at)
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, at)
    }

    /// Zeros take no room until they are written over: the store grows by doubling.
    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn identity(&self) -> Option<Identity> {
        let metadata = self.0.metadata().ok()?;
        let created = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let created_ns = created.and_then(|time| u64::try_from(time.as_nanos()).ok());
        Some(Identity { inode: metadata.ino(), created_ns: created_ns.unwrap_or(0) })
    }
}

/// The files of a store, by name.
pub(crate) const FILES: [&str; 4] = [ROWS_FILE, SPARE_FILE, JOURNAL_FILE, WITNESS_FILE];
pub(crate) const ROWS_FILE: &str = "rows.redb";
pub(crate) const SPARE_FILE: &str = "rows.spare.redb";
pub(crate) const JOURNAL_FILE: &str = "journal.redb";
pub(crate) const WITNESS_FILE: &str = "witness";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_is_asked_of_the_system_and_its_refusal_returned() {
        // It takes writes, and refuses to sync.
        let file = OpenOptions::new().read(true).write(true).open("/dev/null").unwrap();
        let disk = FileDisk(file);
        disk.write(0, b"x").unwrap();
        let error = disk.sync().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
