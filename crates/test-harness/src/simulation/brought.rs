//! What a connection was brought by its subscriptions: it is to come to no other of them again.

use super::{history::Entry, oracle::matches};

/// What a subscription has brought to a connection, as messages of these offsets.
#[derive(Clone, Debug)]
pub(super) struct Brought {
    pub(super) pattern: String,
    pub(super) after: u64,
    pub(super) upto: u64,
    /// Tombstones up to here it may have passed over, and up to `passed` it has.
    pub(super) fresh: u64,
    pub(super) passed: u64,
}

impl Brought {
    /// Whether a message is certainly among it.
    pub(super) fn has(&self, offset: u64, entry: &Entry) -> bool {
        let unneeded = if entry.is_tombstone() { self.fresh } else { 0 };
        self.covers(offset, entry, unneeded)
    }

    /// Whether a message may be among it.
    pub(super) fn may_have(&self, offset: u64, entry: &Entry) -> bool {
        let unneeded = if entry.is_tombstone() { self.passed } else { 0 };
        self.covers(offset, entry, unneeded)
    }

    fn covers(&self, offset: u64, entry: &Entry, unneeded: u64) -> bool {
        offset > self.after.max(unneeded)
            && offset <= self.upto
            && matches(&self.pattern, &entry.channel)
    }
}
