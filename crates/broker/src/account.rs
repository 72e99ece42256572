//! What one publisher has the broker remember: its share of what all have together.
//!
//! Apart because whose account a message goes on is the server's to say: an address now, a token later.

use crate::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

/// The ids of deduplication that are remembered for one publisher. Cloning gives another handle to the same account.
#[derive(Clone, Debug)]
pub struct IdAccount(Arc<Account>);

#[derive(Debug)]
struct Account {
    ids: AtomicUsize,
    ids_max: usize,
}

/// One remembered id; forgetting it gives its place back.
#[derive(Debug)]
pub struct HeldId(IdAccount);

impl IdAccount {
    /// An account with room for `ids_max` ids.
    pub fn new(ids_max: usize) -> Self {
        Self(Arc::new(Account { ids: AtomicUsize::new(0), ids_max }))
    }

    /// How many are remembered.
    pub fn ids(&self) -> usize {
        self.0.ids.load(Ordering::Relaxed)
    }

    /// How many may be.
    pub fn ids_max(&self) -> usize {
        self.0.ids_max
    }

    /// Whether an id, a grant or a permit still has this account.
    pub fn is_used(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Takes a place for one more id, unless all are taken.
    pub fn hold(&self) -> Option<HeldId> {
        let ids = self.0.ids.fetch_add(1, Ordering::Relaxed);
        // Gives its place back where there was none.
        let held = HeldId(self.clone());
        (ids < self.0.ids_max).then_some(held)
    }
}

impl Drop for HeldId {
    fn drop(&mut self) {
        let before = self.0.0.ids.fetch_sub(1, Ordering::Relaxed);
        debug_assert!(before > 0, "an id is given back that nobody holds");
    }
}

/// The same account, not an equal one.
impl PartialEq for IdAccount {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for IdAccount {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_account_takes_one_more_when_an_id_is_forgotten() {
        let account = IdAccount::new(3);
        let mut held: Vec<_> = (0..3).map(|_| account.hold().unwrap()).collect();
        assert!(account.hold().is_none());
        assert_eq!(account.ids(), 3);
        held.pop();
        assert!(account.hold().is_some());
        assert!(account.is_used());
        drop(held);
        assert_eq!((account.ids(), account.is_used()), (0, false));
    }
}
