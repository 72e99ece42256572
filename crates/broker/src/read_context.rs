//! How a read asks an archive, and what is woken once the archive can answer.
//!
//! A reader may ask for many channels at once. It is woken when the last of them can be read, as it
//! would have to wait for that one anyway. Until then it asks for nothing more.

use crate::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};
use std::{
    cell::OnceCell,
    sync::{Arc, PoisonError, Weak},
    task::Waker,
};

/// The reads that one reader waits for. While this lives, their answers are wanted.
///
/// A reader of what is in memory never asks, and then stores nothing.
#[derive(Debug, Default)]
pub struct PendingReads(OnceCell<Arc<Awaited>>);

#[derive(Debug)]
struct Awaited {
    /// No other reader has had it: addresses are used again.
    reader: usize,
    /// Questions without an answer.
    count: AtomicUsize,
    waker: Mutex<Option<Waker>>,
}

/// How a read waits for an archive: passed to whatever may have to ask one.
#[derive(Clone, Copy, Debug)]
pub struct ReadContext<'a> {
    /// None blocks until it is answered.
    waits_by: Option<(&'a PendingReads, &'a Waker)>,
    as_of: u64,
}

/// A read that an archive has still to answer. Dropping the last one of a reader wakes that reader.
#[derive(Debug)]
pub struct PendingRead {
    awaited: Weak<Awaited>,
    reader: usize,
}

impl PendingReads {
    /// Whether there are questions without an answer; then `waker` is the one to be woken.
    pub fn is_waiting(&self, waker: &Waker) -> bool {
        self.count() > 0 && {
            self.0.get().into_iter().for_each(|awaited| awaited.wake_by(waker));
            // The last answer may have come before that.
            self.count() > 0
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.0.get().map_or(0, |awaited| awaited.count.load(Ordering::SeqCst))
    }
}

impl<'a> ReadContext<'a> {
    /// One that blocks until it is answered.
    pub const BLOCKING: Self = Self { waits_by: None, as_of: 0 };

    /// One that has `waker` woken if it has to ask again.
    pub const fn new(pending_reads: &'a PendingReads, waker: &'a Waker) -> Self {
        Self { waits_by: Some((pending_reads, waker)), as_of: 0 }
    }

    /// The same for a reader that began with the state of offset `as_of`.
    pub(crate) const fn since(self, as_of: u64) -> Self {
        Self { as_of, ..self }
    }

    /// Messages of a compacted channel may be no older than this offset: this reader gets no removals from before
    /// it.
    pub const fn as_of(&self) -> u64 {
        self.as_of
    }

    /// Whether it blocks until it is answered.
    pub const fn is_blocking(&self) -> bool {
        self.waits_by.is_none()
    }

    /// The number of [`PendingRead::reader`], if its reader has waited before.
    pub fn reader(&self) -> Option<usize> {
        let (pending_reads, _) = self.waits_by?;
        pending_reads.0.get().map(|awaited| awaited.reader)
    }

    /// Has the reader wait, unless it blocks.
    pub fn wait(&self) -> Option<PendingRead> {
        let (pending_reads, waker) = self.waits_by?;
        let awaited = pending_reads.0.get_or_init(|| Arc::new(Awaited::new()));
        awaited.wake_by(waker);
        awaited.count.fetch_add(1, Ordering::SeqCst);
        Some(PendingRead { awaited: Arc::downgrade(awaited), reader: awaited.reader })
    }

    /// Has it ask again though no archive is waited for: others first. It must not block.
    pub(crate) fn ask_again(&self) {
        self.waits_by.into_iter().for_each(|(_, waker)| waker.wake_by_ref());
    }

    /// Whether it waits for as many answers as one reader may.
    pub(crate) fn has_asked_enough(&self) -> bool {
        self.waits_by.is_some_and(|(pending_reads, _)| pending_reads.count() >= QUESTIONS_MAX)
    }
}

impl PendingRead {
    /// A number that is unique among all readers that ever waited.
    pub fn reader(&self) -> usize {
        self.reader
    }

    /// Whether its reader does not want the answer any more.
    pub fn is_gone(&self) -> bool {
        self.awaited.strong_count() == 0
    }
}

impl Drop for PendingRead {
    fn drop(&mut self) {
        if let Some(awaited) = self.awaited.upgrade()
            && awaited.count.fetch_sub(1, Ordering::SeqCst) == 1
        {
            let waker = awaited.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
            waker.into_iter().for_each(Waker::wake);
        }
    }
}

impl Awaited {
    fn new() -> Self {
        let reader = READERS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Self { reader, count: AtomicUsize::new(0), waker: Mutex::new(None) }
    }

    fn wake_by(&self, waker: &Waker) {
        let mut known = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *known {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }
}

/// How many readers have waited so far. It orders nothing, so models need not know of it.
static READERS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// Questions of one reader at a time. Each is a read of a channel; this many keep a disk busy.
const QUESTIONS_MAX: usize = 64;
