//! What distinguishes the files of a store from copies of them: their own identity, and a number beside them.

use std::{fmt, fs, io, path::PathBuf};

/// What distinguishes a file from a copy of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its number on its file system.
    pub inode: u64,
    /// When it was created, in nanoseconds since the Unix epoch; 0 where the file system does not say.
    /// No program can set it.
    pub created_ns: u64,
}

impl Identity {
    /// Whether both are of the same file. A new file often gets the number of one that was removed,
    /// and numbers change with some mounts; so the time of creation decides if both are known.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self.created_ns, other.created_ns) {
            (0, _) | (_, 0) => self.inode == other.inode,
            (one, other) => one == other,
        }
    }
}

/// A number kept beside the files of a store, so that files copied over them leave it as it is.
///
/// It is how many commits the store had, and so never more than it has.
pub trait Generation: fmt::Debug + Send + Sync {
    /// Every number that is there: one, none if none was ever kept, or several if files of another
    /// time came along with theirs.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    fn find(&self) -> io::Result<Vec<u64>>;

    /// Has `number` stand there alone.
    ///
    /// # Errors
    ///
    /// The folder cannot be written.
    fn replace(&self, number: u64) -> io::Result<()>;
}

/// The number as the name of an empty file: whatever is copied over a folder, a file that has another
/// name than all of it stays.
#[derive(Debug)]
pub(crate) struct FolderGeneration(pub(crate) PathBuf);

impl FolderGeneration {
    fn files(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            files.extend(number.and_then(|it| it.parse().ok()).map(|it| (it, entry.path())));
        }
        Ok(files)
    }

    /// Removes all of them, as with a store whose making has failed.
    pub(crate) fn remove(&self) {
        let files = self.files().unwrap_or_default();
        files.iter().for_each(|(_, path)| drop(fs::remove_file(path)));
    }
}

impl Generation for FolderGeneration {
    fn find(&self) -> io::Result<Vec<u64>> {
        Ok(self.files()?.into_iter().map(|(number, _)| number).collect())
    }

    fn replace(&self, number: u64) -> io::Result<()> {
        let mut files = self.files()?.into_iter();
        let new = self.0.join(format!("{PREFIX}{number}"));
        // By renaming, so that there is one at every moment.
        match files.next() {
            Some((found, _)) if found == number => {}
            Some((_, path)) => fs::rename(path, &new)?,
            None => {
                // Without it the next start would take the files for a copy.
                fs::File::create(&new)?;
                fs::File::open(&self.0)?.sync_all()?;
            }
        }
        files.try_for_each(|(_, path)| if path == new { Ok(()) } else { fs::remove_file(path) })
    }
}

const PREFIX: &str = "generation-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_creation_decides_and_without_it_the_number() {
        let identity = |inode, created_ns| Identity { inode, created_ns };
        assert!(identity(1, 5).is_same(&identity(1, 5)));
        assert!(identity(1, 5).is_same(&identity(2, 5)), "mounted otherwise");
        assert!(!identity(1, 5).is_same(&identity(1, 6)), "the number was given again");
        assert!(identity(1, 0).is_same(&identity(1, 6)));
        assert!(!identity(1, 0).is_same(&identity(2, 0)));
    }

    #[test]
    fn a_generation_is_a_name_that_other_files_do_not_replace() {
        let folder = tempfile::tempdir().unwrap();
        let generation = FolderGeneration(folder.path().to_path_buf());
        fs::write(folder.path().join("generation-x"), "not ours").unwrap();
        assert_eq!(generation.find().unwrap(), []);
        generation.replace(3).unwrap();
        generation.replace(7).unwrap();
        generation.replace(7).unwrap();
        assert_eq!(generation.find().unwrap(), [7]);
        fs::write(folder.path().join("generation-3"), "").unwrap();
        assert_eq!(generation.find().unwrap().len(), 2);
        generation.replace(9).unwrap();
        assert_eq!(generation.find().unwrap(), [9]);
        fs::write(folder.path().join("generation-3"), "").unwrap();
        generation.replace(3).unwrap();
        assert_eq!(generation.find().unwrap(), [3]);
    }
}
