//! The one order: the next offset, the clock that never runs back, and whose message is oldest.
//!
//! Everything here happens under one short lock. Inside it a channel's lock may be taken, and a
//! channel put into the lanes' queues, which lock nothing; nothing else nests.

use crate::{
    ChannelName, Retention,
    channel::Channel,
    offset_index::IndexWriter,
    sync::atomic::{AtomicUsize, Ordering},
};
use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

#[derive(Debug, Default)]
pub(crate) struct Sequencer {
    /// The offset given last.
    pub(crate) last: u64,
    /// The time given last, in milliseconds.
    pub(crate) time_ms: u64,
    /// Every channel that may hold messages, once, by an offset no newer than its oldest.
    by_age: BinaryHeap<Reverse<Ranked>>,
    /// Where the next entry of the offset index goes.
    pub(crate) index: IndexWriter,
}

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

impl Sequencer {
    /// Files a channel, whose oldest message is `oldest`, for eviction by age.
    pub(crate) fn rank(&mut self, oldest: u64, channel: Arc<Channel>) {
        self.by_age.push(Reverse(Ranked { oldest, channel }));
    }

    /// Removes the oldest message of the whole log; false when there is none.
    pub(crate) fn evict_oldest(&mut self, gauge: &MemoryGauge, stamp: impl Fn() -> u64) -> bool {
        while let Some(Reverse(Ranked { oldest: filed, channel })) = self.by_age.pop() {
            let mut ring = channel.ring();
            match ring.oldest() {
                None => ring.ranked = false,
                // Retention was here since it was filed; another channel may be older now.
                Some(oldest) if oldest > filed => {
                    drop(ring);
                    self.rank(oldest, channel);
                }
                Some(_) => {
                    let message = ring.take_oldest(&stamp);
                    let oldest = ring.oldest();
                    ring.ranked = oldest.is_some();
                    drop(ring);
                    if let Some(oldest) = oldest {
                        self.rank(oldest, channel);
                    }
                    message.iter().for_each(|gone| gauge.subtract(gone.encodings().leave()));
                    return true;
                }
            }
        }
        false
    }

    /// Drops the filing of channels that hold nothing, so that they can be forgotten.
    pub(crate) fn drop_empty(&mut self) {
        self.by_age.retain(|Reverse(ranked)| {
            let mut ring = ranked.channel.ring();
            ring.ranked = ring.oldest().is_some();
            ring.ranked
        });
    }
}

/// Removes from `channel` what its retention no longer allows.
pub(crate) fn retain(
    channel: &Channel,
    retention: &Retention,
    now_ms: u64,
    gauge: &MemoryGauge,
    stamp: impl Fn() -> u64,
) {
    let mut ring = channel.ring();
    while ring.is_over(retention, now_ms) {
        match ring.take_oldest(&stamp) {
            Some(message) => gauge.subtract(message.encodings().leave()),
            None => break,
        }
    }
}

#[derive(Debug)]
struct Ranked {
    oldest: u64,
    channel: Arc<Channel>,
}

impl Ranked {
    fn key(&self) -> (u64, &ChannelName) {
        (self.oldest, self.channel.name())
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
