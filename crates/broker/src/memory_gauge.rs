//! How many bytes are held, counted by those who hold and free them.

use crate::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that the whole log holds, encodings included, and how many messages.
#[derive(Debug, Default)]
pub(crate) struct MemoryGauge {
    bytes: AtomicUsize,
    messages: AtomicUsize,
}

impl MemoryGauge {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn messages(&self) -> usize {
        self.messages.load(Ordering::Relaxed)
    }

    /// Counts a message, and what it costs without encodings.
    pub(crate) fn add_message(&self, bytes: usize) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.add(bytes);
    }

    /// Counts that a message has gone, with all that it had been charged.
    pub(crate) fn subtract_message(&self, bytes: usize) {
        let before = self.messages.fetch_sub(1, Ordering::Relaxed);
        debug_assert!(before > 0, "one message more has gone than had come");
        self.subtract(bytes);
    }

    pub(crate) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn subtract(&self, bytes: usize) {
        let before = self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        debug_assert!(before >= bytes, "{bytes} bytes of {before} are given back");
    }
}
