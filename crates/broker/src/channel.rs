//! A channel: its ring under a short lock, the state that is checked before a message is appended, and the lanes to
//! notify of news.

use crate::{
    ChannelName, DedupWindow, Options,
    keys::Keys,
    ring::Ring,
    sync::{
        Mutex, MutexGuard, RwLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};
use std::sync::{Arc, PoisonError};

/// One channel of the broker. `last` ≥ every offset its ring holds or has lost.
#[derive(Debug)]
pub(crate) struct Channel {
    name: ChannelName,
    /// Whether its options have compaction, which never changes: apart, as readers look at it.
    is_compacted: bool,
    options: RwLock<Options>,
    ring: Mutex<Ring>,
    append_state: Mutex<AppendState>,
    last: AtomicU64,
    /// How the offset index calls it while the registry holds it; 0 before.
    number: AtomicU32,
    /// A bit a lane that has followers of exactly this channel; set and cleared by the lanes.
    pub(crate) followed: AtomicU64,
    /// A bit a lane in whose queue this channel stands.
    pub(crate) dirty: AtomicU64,
}

/// What is asked before a message is taken, where the broker itself decides that. Boxed, as most
/// channels have neither keys nor ids.
#[derive(Debug, Default)]
pub(crate) struct AppendState {
    pub(crate) keys: Option<Box<Keys>>,
    pub(crate) dedup_window: Option<Box<DedupWindow>>,
}

impl Channel {
    pub(crate) fn new(name: ChannelName, options: Options, ring: Ring, last: u64) -> Self {
        Self {
            name,
            is_compacted: options.compaction.is_some(),
            options: RwLock::new(options),
            ring: Mutex::new(ring),
            append_state: Mutex::default(),
            last: AtomicU64::new(last),
            number: AtomicU32::new(0),
            followed: AtomicU64::new(0),
            dirty: AtomicU64::new(0),
        }
    }

    pub(crate) fn name(&self) -> &ChannelName {
        &self.name
    }

    pub(crate) fn options(&self) -> Options {
        *self.options.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a message supersedes the older ones of its key.
    pub(crate) fn is_compacted(&self) -> bool {
        self.is_compacted
    }

    /// Has other options from now on. Says false, and keeps those it has, if these differ in whether it is compacted:
    /// what it holds was admitted by them.
    pub(crate) fn reconfigure(&self, options: Options) -> bool {
        let is_same_kind = options.compaction.is_some() == self.is_compacted;
        if is_same_kind {
            *self.options.write().unwrap_or_else(PoisonError::into_inner) = options;
        }
        is_same_kind
    }

    /// How the offset index calls it: by its place in the registry, from 1.
    pub(crate) fn number(&self) -> u32 {
        self.number.load(Ordering::Relaxed)
    }

    pub(crate) fn set_number(&self, number: u32) {
        self.number.store(number, Ordering::Relaxed);
    }

    /// Its address in memory, which identifies it while it lives.
    pub(crate) fn address(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self).addr()
    }

    /// The offset of the newest message there ever was.
    pub(crate) fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    pub(crate) fn set_last(&self, offset: u64) {
        self.last.store(offset, Ordering::Release);
    }

    /// Whether nobody would miss it: nothing retained, remembered or filed for eviction.
    pub(crate) fn is_dead(&mut self) -> bool {
        let ring = self.ring.get_mut().unwrap_or_else(PoisonError::into_inner);
        let append_state = self.append_state.get_mut().unwrap_or_else(PoisonError::into_inner);
        ring.is_empty()
            && !ring.ranked
            && append_state.dedup_window.as_ref().is_none_or(|ids| ids.is_empty())
    }

    /// The ring. A panic elsewhere cannot have left it half changed, so poison is ignored.
    pub(crate) fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, which is used only under the sequencer's lock, or by a sweep.
    pub(crate) fn append_state(&self) -> MutexGuard<'_, AppendState> {
        self.append_state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for Channel {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}
