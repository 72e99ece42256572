//! A channel: its ring behind a short lock, and which lanes to tell of news.

use crate::{
    ChannelName, Message, Options,
    ring::{Ring, Taken},
};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// One channel of the broker. `last` ≥ every offset its ring holds or has lost.
#[derive(Debug)]
pub(crate) struct Channel {
    name: ChannelName,
    options: Options,
    ring: Mutex<Ring>,
    last: AtomicU64,
    /// A bit a lane that has followers of exactly this channel; set and cleared by the lanes.
    pub(crate) followed: AtomicU64,
    /// A bit a lane in whose queue this channel stands.
    pub(crate) dirty: AtomicU64,
}

/// What a read of one channel found.
pub(crate) struct Run {
    /// The offset of the next message that was not read.
    pub(crate) next: Option<u64>,
    /// What the channel had lost by the time of reading.
    pub(crate) taken: Taken,
    /// Bytes left of the reader's budget; zero or less ends the batch.
    pub(crate) budget: isize,
}

impl Channel {
    pub(crate) fn new(name: ChannelName, options: Options, taken: Taken) -> Self {
        Self {
            name,
            options,
            ring: Mutex::new(Ring::new(taken)),
            last: AtomicU64::new(taken.offset),
            followed: AtomicU64::new(0),
            dirty: AtomicU64::new(0),
        }
    }

    pub(crate) fn name(&self) -> &ChannelName {
        &self.name
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Where in memory it is, which tells it from every other channel while it lives.
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

    /// Whether nobody would miss it: no message held, none filed for eviction.
    pub(crate) fn is_dead(&mut self) -> bool {
        let ring = self.ring.get_mut().unwrap_or_else(PoisonError::into_inner);
        ring.oldest().is_none() && !ring.ranked
    }

    /// The ring. A panic elsewhere cannot have left it half changed, so poison is ignored.
    pub(crate) fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands `found` the messages in `after + 1 ..= upto`, until `budget` bytes are spent.
    pub(crate) fn read(
        &self,
        after: u64,
        upto: u64,
        mut budget: isize,
        mut found: impl FnMut(&Arc<Message>),
    ) -> Run {
        let ring = self.ring();
        let mut next = None;
        for message in ring.iter_after(after) {
            if message.offset() > upto || budget <= 0 {
                next = Some(message.offset());
                break;
            }
            budget = budget.saturating_sub_unsigned(message.wire_bytes());
            found(message);
        }
        Run { next, taken: ring.taken(), budget }
    }
}
