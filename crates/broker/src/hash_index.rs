//! Places by the hash of what is there: a hash table that grows fast.
//!
//! A hash table that grows moves everything it holds, under the lock around it. The tables of the standard library
//! hash each key again, and keys lie all over the memory: that takes tens of milliseconds for a hundred thousand
//! names. Here each hash is stored beside its place, and there are several tables, of which one grows at a time.

use hashbrown::HashTable;

/// Places, each under a hash of 64 bits. Several may stand under the same hash.
#[derive(Debug)]
pub(crate) struct HashIndex {
    parts: [HashTable<Filed>; PARTS],
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Filed {
    hash: u64,
    at: usize,
}

impl Default for HashIndex {
    fn default() -> Self {
        Self { parts: [const { HashTable::new() }; PARTS], len: 0 }
    }
}

impl HashIndex {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The place under this hash of which `is_it` says that it is the one.
    pub(crate) fn find(&self, hash: u64, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let part = self.parts.get(part(hash))?;
        part.find(hash, |filed| filed.hash == hash && is_it(filed.at)).map(|filed| filed.at)
    }

    /// Files a place that is not filed yet.
    pub(crate) fn insert(&mut self, hash: u64, at: usize) {
        if let Some(part) = self.parts.get_mut(part(hash)) {
            part.insert_unique(hash, Filed { hash, at }, |filed| filed.hash);
            self.len += 1;
        }
    }

    /// Takes a place out.
    pub(crate) fn remove(&mut self, hash: u64, at: usize) {
        let part = self.parts.get_mut(part(hash));
        let entry = part.and_then(|part| part.find_entry(hash, |filed| filed.at == at).ok());
        if let Some(entry) = entry {
            entry.remove();
            self.len -= 1;
        }
    }
}

/// By bits in the middle: a table uses the lowest and the highest.
fn part(hash: u64) -> usize {
    usize::try_from(hash >> 40).unwrap_or(0) % PARTS
}

/// How many tables: a million places are moved in parts that take some hundred microseconds.
const PARTS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn places_are_found_as_in_a_naive_map_though_hashes_collide() {
        let mut random = fastrand::Rng::with_seed(5);
        let (mut index, mut naive, mut hashes) = (HashIndex::default(), HashMap::new(), Vec::new());
        for at in 0..20_000 {
            // Few hashes, some of which differ in the part alone.
            let hash = u64::from(random.u8(..)) << 40 | random.u64(..40);
            hashes.push(hash);
            if random.u8(..4) > 0 {
                index.insert(hash, at);
                naive.insert(at, hash);
            } else if let Some((gone, hash)) = naive.iter().next().map(|(at, hash)| (*at, *hash)) {
                index.remove(hash, gone);
                naive.remove(&gone);
            }
        }
        assert_eq!(index.len(), naive.len());
        for (at, hash) in hashes.into_iter().enumerate() {
            let is_filed = naive.contains_key(&at);
            assert_eq!(index.find(hash, |found| found == at), is_filed.then_some(at));
        }
    }
}
