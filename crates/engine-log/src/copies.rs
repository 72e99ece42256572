//! Whether the files of a store are those of its last run, or an older copy of them.
//!
//! A copy has the epoch of the store that it was made of. It would assign positions again that the original assigned to
//! other messages after the copy was made, and a client that resumes from one would miss messages silently. Two things
//! show that the files are a copy:
//!
//! - the store's rows contain what distinguishes each file from a copy of it, [`Identity`];
//! - beside the files there is a [`Generation`](crate::Generation), which files copied over them do not replace.

use crate::{
    identity::Identity,
    layout,
    pending::Changes,
    store::{Store, StoreError},
};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_come_back_and_unknown_ones_are_none() {
        let known = Some(Identity { inode: 1, created_ns: 2 });
        for identities in [[known, None], [None, known], [known, known], [None, None]] {
            assert_eq!(decode(&encode(&identities)), identities);
        }
        assert_eq!(decode(b"short"), [None, None]);
    }
}
