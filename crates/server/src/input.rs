//! Input whose end has not come: one account for the bodies of all requests together.
//!
//! What is held may be at most a quarter of what the others leave free. So the large are refused first, and one who
//! comes with little is served as long as anything is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The account of all unfinished input; cloning gives another handle.
#[derive(Clone, Debug)]
pub(crate) struct InputAccount(Arc<Account>);

#[derive(Debug)]
struct Account {
    held: AtomicUsize,
    bytes_max: usize,
}

/// What one request holds; dropped, it is free again.
#[derive(Debug)]
pub(crate) struct HeldInput {
    account: InputAccount,
    bytes: usize,
}

/// There is no room for so much more at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{held} bytes of unfinished requests are held of {bytes_max} (input_bytes_max), too many for {bytes} more; try \
     again in a moment, or send less at once"
)]
pub(crate) struct InputFull {
    held: usize,
    bytes_max: usize,
    bytes: usize,
}

impl InputAccount {
    /// An account of so many bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Account { held: AtomicUsize::new(0), bytes_max }))
    }

    /// Begins to hold, nothing as yet.
    pub(crate) fn open(&self) -> HeldInput {
        HeldInput { account: self.clone(), bytes: 0 }
    }

    #[cfg(test)]
    fn held(&self) -> usize {
        self.0.held.load(Ordering::Relaxed)
    }
}

impl HeldInput {
    /// Holds so many bytes, if that is more than before.
    ///
    /// # Errors
    ///
    /// The others leave too little free. As much is held as before.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<(), InputFull> {
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else {
            return Ok(());
        };
        let Account { held, bytes_max } = &*self.account.0;
        let own = self.bytes;
        let grown = held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            let free = bytes_max.saturating_sub(held.saturating_sub(own));
            (bytes <= free / SHARE).then(|| held.saturating_add(more))
        });
        match grown {
            Ok(_) => {
                self.bytes = bytes;
                Ok(())
            }
            Err(held) => Err(InputFull { held, bytes_max: *bytes_max, bytes: more }),
        }
    }
}

impl Drop for HeldInput {
    fn drop(&mut self) {
        self.account.0.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// One may hold this part of what the others leave free: what is left is never the share of one alone.
pub(crate) const SHARE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_large_are_refused_before_the_small() {
        let account = InputAccount::new(1_000);
        let mut large: Vec<_> = (0..20).map(|_| account.open()).collect();
        let taken = large.iter_mut().filter_map(|one| one.grow_to(200).ok()).count();
        assert_eq!((taken, account.held()), (2, 400));
        assert!(large[0].grow_to(250).is_err(), "who holds much is no exception");
        let mut small = account.open();
        small.grow_to(100).unwrap();
        assert_eq!(account.held(), 500);
        drop(large);
        assert_eq!(account.held(), 100);
        small.grow_to(250).unwrap();
        small.grow_to(10).unwrap();
        assert_eq!(account.held(), 250);
    }

    #[test]
    fn all_together_never_pass_the_bound() {
        let account = InputAccount::new(1_000);
        let mut all: Vec<_> = (0..1_000).map(|_| account.open()).collect();
        for bytes in 1..1_000 {
            for one in &mut all {
                let _full = one.grow_to(bytes);
            }
            assert!(account.held() <= 1_000);
        }
        drop(all);
        assert_eq!(account.held(), 0);
    }
}
