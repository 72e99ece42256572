//! How many bytes are held, counted by those who hold and free them.

use crate::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that the whole log holds, encodings included.
#[derive(Debug, Default)]
pub(crate) struct MemoryGauge(AtomicUsize);

impl MemoryGauge {
    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn subtract(&self, bytes: usize) {
        let before = self.0.fetch_sub(bytes, Ordering::Relaxed);
        debug_assert!(before >= bytes, "{bytes} bytes of {before} are given back");
    }
}
