//! The one order: the next offset, the clock that never runs back, and whose message is oldest.
//!
//! Everything here happens under one short lock. Inside it a channel's lock may be taken, and a
//! channel put into the lanes' queues, which lock nothing; nothing else nests.

use crate::{
    ChannelName, Retention, channel::Channel, memory_gauge::MemoryGauge, offset_index::IndexWriter,
};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, binary_heap::PeekMut},
    mem,
    sync::Arc,
};

#[derive(Debug, Default)]
pub(crate) struct Sequencer {
    /// The offset given last.
    pub(crate) last: u64,
    /// The time given last, in milliseconds.
    pub(crate) time_ms: u64,
    /// Every channel that may hold messages, once.
    filed: Filed,
    /// Where the next entry of the offset index goes.
    pub(crate) index: IndexWriter,
}

/// Channels that may hold messages, each by an offset no newer than its oldest.
#[derive(Debug, Default)]
pub(crate) struct Filed {
    /// Those of which the oldest message goes when the log is full,
    by_age: BinaryHeap<Reverse<Ranked>>,
    /// and those whose messages stay until they are superseded.
    kept: BinaryHeap<Reverse<Ranked>>,
}

/// Whether the messages of a channel may be evicted by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filing {
    /// The oldest goes when the log is full.
    ByAge,
    /// They stay until they are superseded.
    Kept,
}

impl Sequencer {
    /// Files a channel, whose oldest message is `oldest`.
    pub(crate) fn rank(&mut self, oldest: u64, channel: Arc<Channel>, filing: Filing) {
        let heap = match filing {
            Filing::ByAge => &mut self.filed.by_age,
            Filing::Kept => &mut self.filed.kept,
        };
        heap.push(Reverse(Ranked { oldest, channel }));
    }

    /// The offset of the oldest message held, or a smaller one; `None` if there are no messages.
    ///
    /// Visits a bounded number of channels. Entries that are out of date are corrected for the next call.
    pub(crate) fn oldest(&mut self) -> Option<u64> {
        let Filed { by_age, kept } = &mut self.filed;
        [by_age, kept].into_iter().filter_map(oldest_of).min()
    }

    /// Removes the oldest message of the whole log; false if there are no messages.
    pub(crate) fn evict_oldest(&mut self, gauge: &MemoryGauge, stamp: impl Fn() -> u64) -> bool {
        while let Some(Reverse(Ranked { oldest: filed, channel })) = self.filed.by_age.pop() {
            let mut ring = channel.ring();
            match ring.oldest() {
                None => ring.ranked = false,
                // Retention was here since it was filed; another channel may be older now.
                Some(oldest) if oldest > filed => {
                    drop(ring);
                    self.rank(oldest, channel, Filing::ByAge);
                }
                Some(_) => {
                    let message = ring.take_oldest(&stamp);
                    let oldest = ring.oldest();
                    ring.ranked = oldest.is_some();
                    drop(ring);
                    if let Some(oldest) = oldest {
                        self.rank(oldest, channel, Filing::ByAge);
                    }
                    message
                        .iter()
                        .for_each(|gone| gauge.subtract_message(gone.encodings().leave()));
                    return true;
                }
            }
        }
        false
    }

    /// Takes out which channels are filed, to be given back with [`Sequencer::file_all`]: nothing of them can be
    /// evicted meanwhile.
    pub(crate) fn take_filed(&mut self) -> Filed {
        mem::take(&mut self.filed)
    }

    /// Files channels again. O(log channels) for each that was filed meanwhile.
    pub(crate) fn file_all(&mut self, mut filed: Filed) {
        self.filed.by_age.append(&mut filed.by_age);
        self.filed.kept.append(&mut filed.kept);
    }
}

impl Filed {
    /// Drops the channels that hold nothing, so that they can be forgotten. O(channels), without the sequencer's lock.
    pub(crate) fn drop_empty(&mut self) {
        for heap in [&mut self.by_age, &mut self.kept] {
            heap.retain(|Reverse(ranked)| {
                let mut ring = ranked.channel.ring();
                ring.ranked = ring.oldest().is_some();
                ring.ranked
            });
        }
    }
}

/// The offset of the oldest message of these channels, or one that is older.
fn oldest_of(heap: &mut BinaryHeap<Reverse<Ranked>>) -> Option<u64> {
    for _ in 0..LOOKS_MAX {
        let mut first = heap.peek_mut()?;
        let mut ring = first.0.channel.ring();
        match ring.oldest() {
            Some(oldest) if oldest > first.0.oldest => {
                drop(ring);
                first.0.oldest = oldest;
            }
            Some(oldest) => return Some(oldest),
            None => {
                ring.ranked = false;
                drop(ring);
                PeekMut::pop(first);
            }
        }
    }
    heap.peek().map(|Reverse(ranked)| ranked.oldest)
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
            Some(message) => gauge.subtract_message(message.encodings().leave()),
            None => break,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Ranked {
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

/// Channels visited to find the oldest message, under the sequencer's lock.
const LOOKS_MAX: usize = if cfg!(shuttle) { 2 } else { 64 };
