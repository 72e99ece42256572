//! The memory of messages outside the log, counted where it grows, so that it is never summed up.
//!
//! An archive keeps messages for readers to share. Their encodings are made later, by the first reader that needs them.

use crate::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

/// The bytes of some messages with their encodings, as a part of a greater charge if there is one.
///
/// ```
/// use std::sync::Arc;
/// use tidewire_broker::Charge;
///
/// let whole = Arc::new(Charge::default());
/// let part = Charge::part_of(&whole);
/// part.add(100);
/// assert_eq!((part.bytes(), whole.bytes()), (100, 100));
/// part.leave();
/// part.add(50);
/// assert_eq!((part.bytes(), whole.bytes()), (150, 0));
/// ```
#[derive(Debug, Default)]
pub struct Charge {
    // LEFT is set once it is no part of the whole any more.
    bytes: AtomicUsize,
    whole: Option<Arc<Charge>>,
}

impl Charge {
    /// A part of `whole`, until it leaves.
    pub fn part_of(whole: &Arc<Self>) -> Self {
        Self { bytes: AtomicUsize::new(0), whole: Some(Arc::clone(whole)) }
    }

    /// How many there are now.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed) & !LEFT
    }

    /// Takes in more of them.
    pub fn add(&self, bytes: usize) {
        let whole = self.whole.as_deref();
        // The whole first: a part that leaves between the two must not subtract what was never added.
        whole.into_iter().for_each(|whole| whole.add(bytes));
        if self.bytes.fetch_add(bytes, Ordering::AcqRel) & LEFT != 0 {
            whole.into_iter().for_each(|whole| whole.subtract(bytes));
        }
    }

    /// Takes this part, and what it grows by later, from the whole. A second time changes nothing.
    pub fn leave(&self) {
        let bytes = self.bytes.fetch_or(LEFT, Ordering::AcqRel);
        if let Some(whole) = self.whole.as_deref().filter(|_| bytes & LEFT == 0) {
            whole.subtract(bytes);
        }
    }

    fn subtract(&self, bytes: usize) {
        let before = self.bytes.fetch_sub(bytes, Ordering::AcqRel) & !LEFT;
        debug_assert!(before >= bytes, "{bytes} bytes of {before} are given back");
    }
}

const LEFT: usize = 1 << (usize::BITS - 1);
