//! Whether the files of a store are those that it had in its last life, or an older copy of them.
//!
//! A restored copy has the epoch of the store that it was made of. Positions that were handed out
//! after the copy was made would be handed out again for other messages, and who resumes with one
//! would miss messages in silence. Two things tell that the files are a copy:
//!
//! - the store's rows hold what tells each file from a copy of it, [`Identity`];
//! - beside the files stands a [`Generation`], which files copied over them do not replace.

use crate::{
    layout,
    pending::Changes,
    store::{Store, StoreError},
};
use std::{fmt, fs, io, path::PathBuf};

/// What tells a file from a copy of it.
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
    fn is_same(&self, other: &Self) -> bool {
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

/// Why the files must be a copy, if they are known to be.
pub(crate) fn find_copy(store: &Store) -> Result<Option<&'static str>, StoreError> {
    let noted = store.find(&layout::fact(IDENTITY))?;
    let noted = noted.as_deref().map(decode).unwrap_or_default();
    let present = store.identities();
    let is_another = |(noted, now): (&Option<Identity>, &Option<Identity>)| {
        noted.zip(*now).is_some_and(|(noted, now)| !noted.is_same(&now))
    };
    if noted.iter().zip(&present).any(is_another) {
        return Ok(Some("its files are not those that it wrote last, but copies"));
    }
    let has_generation = store.find(&layout::fact(GENERATION))?.is_some();
    let Some(generations) = store.generations() else { return Ok(None) };
    Ok(match *generations {
        [] if has_generation => Some("the file generation-N beside its files is missing"),
        [_, _, ..] => Some("files of two times stand in its folder"),
        [number] if number > store.commits() => {
            Some("its folder has known more commits than are in its files")
        }
        _ => None,
    })
}

/// Has the files that are there now be the store's, with the next commit.
pub(crate) fn claim(store: &Store, changes: &mut Changes) -> Result<(), StoreError> {
    let mut claim = |name, value: Vec<u8>| -> Result<(), StoreError> {
        if store.find(&layout::fact(name))?.as_ref() != Some(&value) {
            changes.put(layout::fact(name), value);
        }
        Ok(())
    };
    claim(IDENTITY, encode(&store.identities()))?;
    if store.renew_generation() { claim(GENERATION, vec![1]) } else { Ok(()) }
}

/// What a copy made by the store itself leaves out.
pub(crate) fn is_of_files(key: &[u8]) -> bool {
    [IDENTITY, GENERATION].iter().any(|name| key == layout::fact(name))
}

fn encode(identities: &[Option<Identity>; 2]) -> Vec<u8> {
    let words = identities.iter().flat_map(|identity| {
        identity.map_or([0, 0], |Identity { inode, created_ns }| [inode, created_ns])
    });
    words.flat_map(u64::to_be_bytes).collect()
}

fn decode(value: &[u8]) -> [Option<Identity>; 2] {
    let mut identities = [None, None];
    let (words, _) = value.as_chunks::<8>();
    for (place, words) in identities.iter_mut().zip(words.chunks_exact(2)) {
        if let [inode, created_ns] = words {
            let (inode, created_ns) = (u64::from_be_bytes(*inode), u64::from_be_bytes(*created_ns));
            *place = (inode != 0).then_some(Identity { inode, created_ns });
        }
    }
    identities
}

const IDENTITY: &str = "identity";
const GENERATION: &str = "generation";
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
    fn identities_come_back_and_unknown_ones_are_none() {
        let known = Some(Identity { inode: 1, created_ns: 2 });
        for identities in [[known, None], [None, known], [known, known], [None, None]] {
            assert_eq!(decode(&encode(&identities)), identities);
        }
        assert_eq!(decode(b"short"), [None, None]);
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
