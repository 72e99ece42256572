//! The offset index: which channel each recent offset belongs to, so that a follower of a wildcard
//! reads the log itself and not channel after channel.
//!
//! - **What it is.** A window over the newest offsets, in segments of equal length. An entry is a channel's number in the
//!   registry: four bytes a message. Rings and archive remain authoritative: an entry only says where to look.
//! - **When it is written.** In a publish, under the sequencer's lock, before the head moves: one store. A reader takes no
//!   entry beyond the head, so it finds each one written.
//! - **When it is trimmed.** In the publish that begins a segment: the oldest segment is removed once there are as many
//!   entries as the log could hold messages. The entry of a message that a newer one of its key supersedes is erased,
//!   because no reader needs it.
//! - **Why a reader misses nothing.** The index is complete after its `tail`: every message published since then has its
//!   entry, whether it is in memory, on disk only, or lost. A reader visits the channel of each entry, in order, and checks
//!   what the channel has lost *after* it has read there, as every read does. So it delivers the message or reports the
//!   gap. A forgotten channel leaves entries whose number is unused, or belongs to another channel. Therefore the losses
//!   of all forgotten channels are checked under the same lock as the numbers. Before the tail, a reader uses the order of
//!   the archive if there is one (`stretch`), and scans the channels if not. A few segments made from the archive's order
//!   are kept for the next reader.

use crate::sync::{
    RwLock,
    atomic::{AtomicU32, AtomicU64, Ordering},
};
use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError},
};

/// The readers' end. Offsets in `tail + 1 ..= head` have their entries.
#[derive(Debug)]
pub(crate) struct OffsetIndex {
    segments: RwLock<VecDeque<Arc<Segment>>>,
    tail: AtomicU64,
    size: Size,
    /// Of offsets before the tail, in the order in which they were first asked for.
    kept: RwLock<VecDeque<Arc<Segment>>>,
}

/// The publishers' end, which the sequencer's lock guards.
#[derive(Debug, Default)]
pub(crate) struct IndexWriter {
    open: Option<Arc<Segment>>,
}

/// Entries of the offsets from `first` on: the number of a channel, or 0 for nothing to read.
#[derive(Debug)]
pub(crate) struct Segment {
    first: u64,
    /// Of the first message, where this process orders: times never run back, so all before it are no later.
    time_ms: u64,
    entries: Box<[AtomicU32]>,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
struct Size {
    segment_len: usize,
    segments_max: usize,
}

impl OffsetIndex {
    /// An index for a log that can hold `messages_max`, complete from the next offset after `head`.
    pub(crate) fn new(messages_max: usize) -> Self {
        let segment_len = (messages_max / SEGMENTS).clamp(SEGMENT_LEN_MIN, SEGMENT_LEN_MAX);
        let segments_max = (messages_max / segment_len).clamp(1, SEGMENTS_MAX) + 1;
        let size = Size { segment_len, segments_max };
        Self { segments: RwLock::default(), tail: AtomicU64::new(0), size, kept: RwLock::default() }
    }

    /// Starts again after `head`: offsets up to there have no entries.
    pub(crate) fn begin_after(&self, head: u64) {
        let mut segments = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        segments.clear();
        self.tail.store(head, Ordering::Release);
    }

    /// How many offsets it holds, or a few more.
    pub(crate) fn len_max(&self) -> u64 {
        let Size { segment_len, segments_max } = self.size;
        u64::try_from(segment_len.saturating_mul(segments_max)).unwrap_or(u64::MAX)
    }

    /// Every message after this offset has its entry.
    pub(crate) fn tail(&self) -> u64 {
        self.tail.load(Ordering::Acquire)
    }

    /// The segment of the first entry after `after`, if it is not trimmed yet.
    pub(crate) fn segment_after(&self, after: u64) -> Option<Arc<Segment>> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that it is the tail of these segments.
        if after < self.tail() {
            drop(segments);
            return self.kept_after(after);
        }
        let at = segments.partition_point(|segment| segment.end() <= after.saturating_add(1));
        segments.get(at).cloned()
    }

    /// The last segment whose first message is from before `time_ms`. If there is no such segment, the tail: all
    /// messages after it are of that time or later.
    pub(crate) fn segment_before(&self, time_ms: u64) -> Result<Arc<Segment>, u64> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let end = segments.partition_point(|segment| segment.time_ms < time_ms);
        let last = end.checked_sub(1).and_then(|at| segments.get(at));
        last.cloned().ok_or_else(|| self.tail())
    }

    /// Keeps a segment of offsets before the tail for the next reader. If there are too many, it replaces the oldest.
    pub(crate) fn keep(&self, segment: &Arc<Segment>) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(segment));
    }

    fn kept_after(&self, after: u64) -> Option<Arc<Segment>> {
        let next = after.saturating_add(1);
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|segment| segment.first <= next && next < segment.end()).cloned()
    }

    /// Erases the entry of a message that a newer one of its key has superseded.
    pub(crate) fn erase(&self, offset: u64) {
        if let Some(segment) = self.segment_after(offset.saturating_sub(1)) {
            segment.store(offset, 0);
        }
    }

    /// Adds a segment that begins with `first`, and lets the oldest go if there are too many.
    fn add_segment(&self, first: u64, time_ms: u64) -> Arc<Segment> {
        let segment = Arc::new(Segment::new(first, time_ms, self.size.segment_len));
        let mut segments = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        segments.push_back(Arc::clone(&segment));
        while segments.len() > self.size.segments_max {
            segments.pop_front();
            let tail = segments.front().map_or(first, |oldest| oldest.first) - 1;
            self.tail.store(tail, Ordering::Release);
        }
        segment
    }
}

impl IndexWriter {
    /// Notes that `offset`, newer than all others, is a message of the channel in place `number`, and of this time.
    pub(crate) fn push(&mut self, index: &OffsetIndex, offset: u64, number: u32, time_ms: u64) {
        if let Some(open) = &self.open
            && open.store(offset, number)
        {
            return;
        }
        let open = index.add_segment(offset, time_ms);
        open.store(offset, number);
        self.open = Some(open);
    }
}

/// Of consecutive offsets.
impl FromIterator<(u64, u32)> for Segment {
    fn from_iter<I: IntoIterator<Item = (u64, u32)>>(entries: I) -> Self {
        let mut first = None;
        let entries = entries.into_iter().map(|(offset, number)| {
            first.get_or_insert(offset);
            AtomicU32::new(number)
        });
        let entries = entries.collect();
        Self { first: first.unwrap_or(0), time_ms: 0, entries }
    }
}

impl Segment {
    fn new(first: u64, time_ms: u64, len: usize) -> Self {
        Self { first, time_ms, entries: (0..len).map(|_| AtomicU32::new(0)).collect() }
    }

    /// The offset of its first entry.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// The offset after its last entry.
    pub(crate) fn end(&self) -> u64 {
        self.first.saturating_add(u64::try_from(self.entries.len()).unwrap_or(u64::MAX))
    }

    /// Its entries in `after + 1 ..= upto`, with their offsets; 0 where nothing is to be read.
    pub(crate) fn entries(&self, after: u64, upto: u64) -> impl Iterator<Item = (u64, u32)> {
        let from = after.saturating_add(1).saturating_sub(self.first);
        let until = upto.saturating_add(1).saturating_sub(self.first);
        let len = self.entries.len();
        let [from, until] = [from, until].map(|at| usize::try_from(at).unwrap_or(len).min(len));
        let entries = self.entries.get(from..until).unwrap_or_default();
        let numbers = entries.iter().map(|entry| entry.load(Ordering::Acquire));
        (self.first.max(after.saturating_add(1))..).zip(numbers)
    }

    /// The offset of its last entry.
    pub(crate) fn last(&self) -> u64 {
        self.end() - 1
    }

    fn store(&self, offset: u64, number: u32) -> bool {
        let at = offset.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        let entry = at.and_then(|at| self.entries.get(at));
        entry.into_iter().for_each(|entry| entry.store(number, Ordering::Release));
        entry.is_some()
    }
}

/// Into how many segments the whole is cut, so that trimming takes little at once.
const SEGMENTS: usize = 64;

/// A log of few bytes has small segments, and so have the models, which then begin and trim them.
const SEGMENT_LEN_MIN: usize = if cfg!(shuttle) { 1 } else { 4 };

/// 16 KiB: the memory of an idle broker, and what one publish in `SEGMENT_LEN_MAX` allocates.
const SEGMENT_LEN_MAX: usize = if cfg!(shuttle) { 1 } else { 4_096 };

/// 16 MiB of entries, however many bytes the log may hold.
const SEGMENTS_MAX: usize = if cfg!(shuttle) { 1 } else { 1_024 };

/// Segments kept of what an archive knows: half a megabyte.
const KEPT_MAX: usize = if cfg!(shuttle) { 1 } else { 64 };

#[cfg(test)]
mod tests {
    use super::*;

    fn found(index: &OffsetIndex, mut after: u64, upto: u64) -> Vec<(u64, u32)> {
        let mut found = Vec::new();
        while let Some(segment) = index.segment_after(after) {
            found.extend(segment.entries(after, upto).filter(|(_, number)| *number > 0));
            after = segment.last();
        }
        found
    }

    fn filled(messages_max: usize, offsets: impl IntoIterator<Item = u64>) -> OffsetIndex {
        let (index, mut writer) = (OffsetIndex::new(messages_max), IndexWriter::default());
        for offset in offsets {
            writer.push(&index, offset, u32::try_from(offset).unwrap() + 100, offset * 10);
        }
        index
    }

    #[test]
    fn every_offset_is_found_from_every_place() {
        let index = filled(1_000, 1..=50);
        for after in 0..=50 {
            for upto in after..=50 {
                let wanted: Vec<(u64, u32)> =
                    (after + 1..=upto).map(|offset| (offset, offset as u32 + 100)).collect();
                assert_eq!(found(&index, after, upto), wanted, "{after} to {upto}");
            }
        }
    }

    #[test]
    fn offsets_that_an_engine_leaves_out_have_no_entry() {
        let index = filled(1_000, [3, 4, 9, 1 << 30, (1 << 30) + 2]);
        let offsets: Vec<u64> = found(&index, 0, u64::MAX).iter().map(|(at, _)| *at).collect();
        assert_eq!(offsets, [3, 4, 9, 1 << 30, (1 << 30) + 2]);
        assert_eq!(found(&index, 9, (1 << 30) + 1).len(), 1);
    }

    #[test]
    fn what_is_trimmed_is_before_the_tail() {
        let index = filled(8, 1..=100);
        let tail = index.tail();
        assert!((80..96).contains(&tail), "{tail}");
        assert!(index.segment_after(tail - 1).is_none());
        assert_eq!(found(&index, tail, 100).len() as u64, 100 - tail);
    }

    #[test]
    fn what_is_superseded_is_erased() {
        let index = filled(1_000, 1..=10);
        index.erase(4);
        index.erase(11);
        assert!(found(&index, 0, 10).iter().all(|(offset, _)| *offset != 4));
        assert_eq!(found(&index, 0, 20).len(), 9);
    }
}
