//! The newest message of each key of a compacted channel.
//!
//! Values stay until a newer message of their key supersedes them. Tombstones stay as long as retention allows, so that
//! readers that resume receive the removal.

use crate::{Compaction, Label, QuotaError, Retention};
use std::collections::{BTreeMap, HashMap};

/// The keys of a channel. `values` + `tombstones.len()` = `held.len()`.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    held: HashMap<Label, Held>,
    values: usize,
    values_bytes: usize,
    tombstones: BTreeMap<u64, Tombstone>,
    tombstones_bytes: usize,
}

/// The newest message of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) offset: u64,
    /// What the message and its place here cost.
    pub(crate) bytes: usize,
    pub(crate) is_tombstone: bool,
}

#[derive(Debug)]
struct Tombstone {
    key: Label,
    time_ms: u64,
}

impl Keys {
    /// The offset of the newest message of `key`.
    pub(crate) fn offset_of(&self, key: &Label) -> Option<u64> {
        self.held.get(key).map(|held| held.offset)
    }

    /// What a message of `key` would supersede, if it may be taken at all.
    ///
    /// `room` is what the values of all channels together may still grow by, out of `room_max`.
    pub(crate) fn admit(
        &self,
        key: &Label,
        next: Held,
        compaction: &Compaction,
        room: usize,
        room_max: usize,
    ) -> Result<Option<u64>, QuotaError> {
        let held = self.held.get(key);
        if !next.is_tombstone {
            let value = held.filter(|held| !held.is_tombstone).map(|held| held.bytes);
            compaction.check_room((self.values, self.values_bytes), value, next.bytes)?;
        }
        let freed = held.map_or(0, |held| held.bytes);
        // What makes room is always let in.
        if next.bytes > freed && next.bytes - freed > room {
            return Err(QuotaError::StateFull { bytes_max: room_max });
        }
        Ok(held.map(|held| held.offset))
    }

    /// Notes a message that was admitted, and returns what it superseded.
    pub(crate) fn note(&mut self, key: Label, next: Held, time_ms: u64) -> Option<Held> {
        let old = self.held.insert(key.clone(), next);
        old.iter().for_each(|old| self.discount(*old));
        if next.is_tombstone {
            self.tombstones_bytes += next.bytes;
            self.tombstones.insert(next.offset, Tombstone { key, time_ms });
        } else {
            self.values += 1;
            self.values_bytes += next.bytes;
        }
        self.check_if_small();
        old
    }

    /// Takes out the oldest tombstone if retention no longer allows it.
    pub(crate) fn drop_tombstone(&mut self, retention: &Retention, now_ms: u64) -> Option<Held> {
        let (_, oldest) = self.tombstones.first_key_value()?;
        let is_over = self.tombstones.len() > retention.messages_max
            || self.tombstones_bytes > retention.bytes_max
            || oldest.time_ms.saturating_add(retention.age_max_ms) <= now_ms;
        if !is_over {
            return None;
        }
        let held = self.held.remove(&oldest.key)?;
        self.discount(held);
        self.check_if_small();
        Some(held)
    }

    /// Whether nothing is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn discount(&mut self, old: Held) {
        if old.is_tombstone {
            self.tombstones_bytes -= old.bytes;
            self.tombstones.remove(&old.offset);
        } else {
            self.values -= 1;
            self.values_bytes -= old.bytes;
        }
    }

    /// What all that is held costs.
    pub(crate) fn bytes(&self) -> usize {
        self.values_bytes + self.tombstones_bytes
    }

    /// Checks in debug builds what changes, and everything as long as that is little.
    fn check_if_small(&self) {
        debug_assert_eq!(self.values + self.tombstones.len(), self.held.len());
        if cfg!(debug_assertions) && self.held.len() <= CHECKED_MAX {
            self.check();
        }
    }

    /// Checks that everything agrees. O(keys).
    pub(crate) fn check(&self) {
        let values = || self.held.values().filter(|held| !held.is_tombstone);
        assert_eq!(values().count(), self.values, "values");
        let values_bytes: usize = values().map(|held| held.bytes).sum();
        assert_eq!(values_bytes, self.values_bytes, "bytes of values");
        let bytes: usize = self.held.values().map(|held| held.bytes).sum();
        assert_eq!(bytes - values_bytes, self.tombstones_bytes, "bytes of tombstones");
        let is_known = |(offset, tombstone): (&u64, &Tombstone)| {
            self.held.get(&tombstone.key).is_some_and(|held| held.offset == *offset)
        };
        assert!(self.tombstones.iter().all(is_known), "a tombstone is what its key holds");
    }
}

/// What a key costs beside its message: twice its text, and its places in two maps.
pub fn key_cost_bytes(key: &Label) -> usize {
    2 * key.as_str().len() + KEY_OVERHEAD_BYTES
}

const KEY_OVERHEAD_BYTES: usize = 128;

/// Keys up to which all of them are looked at whenever one changes, in debug builds.
const CHECKED_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "bytes of tombstones")]
    fn keys_that_count_wrongly_are_noticed() {
        let mut keys = Keys::default();
        keys.note("k".parse().unwrap(), Held { offset: 1, bytes: 9, is_tombstone: true }, 0);
        keys.check();
        keys.tombstones_bytes -= 1;
        keys.check();
    }
}
