//! What one channel retains: its messages in order, and the newest position it has lost.
//!
//! A plain data structure: the channel around it brings the lock, the broker the retention.

use crate::{Message, Retention};
use std::{collections::VecDeque, sync::Arc};

/// A channel's messages. Offsets rise, and `taken` < every offset held.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    slots: VecDeque<Slot>,
    bytes: usize,
    /// The newest offset that retention has removed.
    taken: u64,
    /// The broker's eviction count when `taken` last moved.
    taken_stamp: u64,
    /// Whether the eviction order holds an entry for this channel.
    pub(crate) ranked: bool,
}

/// The offset beside the message, so that a binary search touches no message.
#[derive(Debug)]
struct Slot {
    offset: u64,
    message: Arc<Message>,
}

/// What was lost of a channel, as far as anybody still knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The newest offset lost.
    pub(crate) offset: u64,
    /// The broker's eviction count when it was.
    pub(crate) stamp: u64,
}

impl Ring {
    /// A ring of a channel that may have lost what `taken` says, in an earlier life.
    pub(crate) fn new(taken: Taken) -> Self {
        Self { taken: taken.offset, taken_stamp: taken.stamp, ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn taken(&self) -> Taken {
        Taken { offset: self.taken, stamp: self.taken_stamp }
    }

    /// The offset of the oldest message held.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.slots.front().map(|slot| slot.offset)
    }

    pub(crate) fn push(&mut self, message: Arc<Message>) {
        self.bytes += message.cost_bytes();
        self.slots.push_back(Slot { offset: message.offset(), message });
        self.check();
    }

    /// Removes the oldest message.
    pub(crate) fn take_oldest(&mut self, stamp: u64) -> Option<Arc<Message>> {
        let slot = self.slots.pop_front()?;
        self.bytes -= slot.message.cost_bytes();
        (self.taken, self.taken_stamp) = (slot.offset, stamp);
        if self.slots.capacity() > SPARE_SLOTS && self.slots.len() < self.slots.capacity() / 4 {
            self.slots.shrink_to(self.slots.len() * 2);
        }
        self.check();
        Some(slot.message)
    }

    /// Whether the oldest message has to go.
    pub(crate) fn is_over(&self, retention: &Retention, now_ms: u64) -> bool {
        self.slots.len() > retention.messages_max
            || self.bytes > retention.bytes_max && self.slots.len() > 1
            || self.slots.front().is_some_and(|slot| {
                slot.message.time_ms().saturating_add(retention.age_max_ms) <= now_ms
            })
    }

    /// The offset of the first message after `after`.
    pub(crate) fn next_after(&self, after: u64) -> Option<u64> {
        self.slots.get(self.index_after(after)).map(|slot| slot.offset)
    }

    /// The offset of the first message whose time is `time_ms` or later.
    pub(crate) fn first_since(&self, time_ms: u64) -> Option<u64> {
        let index = self.slots.partition_point(|slot| slot.message.time_ms() < time_ms);
        self.slots.get(index).map(|slot| slot.offset)
    }

    /// Messages after `after`, oldest first.
    pub(crate) fn iter_after(&self, after: u64) -> impl Iterator<Item = &Arc<Message>> {
        self.slots.range(self.index_after(after)..).map(|slot| &slot.message)
    }

    /// Messages before `before`, newest first: their offsets, and their bytes on a wire.
    pub(crate) fn back(&self, before: u64) -> impl Iterator<Item = (u64, usize)> {
        let end = before.checked_sub(1).map_or(0, |after| self.index_after(after));
        let slots = self.slots.range(..end).rev();
        slots.map(|slot| (slot.offset, slot.message.wire_bytes()))
    }

    /// The index of the first slot behind `after`.
    ///
    /// Looks from the end in strides that double, as a live reader is nearly always there; then
    /// halves the stride it ended in. O(log distance), and no cache line touched in between.
    fn index_after(&self, after: u64) -> usize {
        let is_behind = |index| self.slots.get(index).is_some_and(|slot| slot.offset > after);
        let (mut end, mut stride) = (self.slots.len(), 1);
        let mut start = loop {
            match end.checked_sub(stride) {
                Some(index) if is_behind(index) => (end, stride) = (index, stride * 2),
                Some(index) => break index + 1,
                None => break 0,
            }
        };
        while start < end {
            let middle = start + (end - start) / 2;
            if is_behind(middle) {
                end = middle;
            } else {
                start = middle + 1;
            }
        }
        start
    }

    fn check(&self) {
        debug_assert!(self.oldest().is_none_or(|oldest| oldest > self.taken));
        debug_assert!(self.slots.is_empty() == (self.bytes == 0));
    }
}

/// Slots a drained ring may keep allocated.
const SPARE_SLOTS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Content, Draft};

    fn ring(offsets: &[u64]) -> Ring {
        let mut ring = Ring::default();
        for offset in offsets {
            let draft = Draft::new(Content::Text("x".into()));
            let name = "a".parse().unwrap();
            ring.push(Arc::new(Message::new(name, *offset, *offset * 10, draft)));
        }
        ring
    }

    #[test]
    fn reading_starts_behind_the_position_whether_held_or_not() {
        let ring = ring(&[2, 5, 9]);
        assert_eq!(ring.next_after(0), Some(2));
        assert_eq!(ring.next_after(2), Some(5));
        assert_eq!(ring.next_after(6), Some(9));
        assert_eq!(ring.next_after(9), None);
        assert_eq!(ring.iter_after(4).map(|m| m.offset()).collect::<Vec<_>>(), [5, 9]);
    }

    #[test]
    fn stepping_back_starts_before_the_position_whether_held_or_not() {
        let ring = ring(&[2, 5, 9]);
        let back = |before| ring.back(before).map(|(offset, _)| offset).collect::<Vec<_>>();
        assert_eq!(back(u64::MAX), [9, 5, 2]);
        assert_eq!(back(9), [5, 2]);
        assert_eq!(back(8), [5, 2]);
        assert_eq!(back(2), [0; 0]);
        assert_eq!(back(0), [0; 0]);
    }

    #[test]
    fn looking_from_the_end_finds_what_looking_at_each_would() {
        for len in 0..40 {
            let offsets: Vec<u64> = (1..=len).map(|n| n * 3).collect();
            let ring = ring(&offsets);
            for after in 0..=len * 3 + 1 {
                let naive = offsets.iter().filter(|offset| **offset <= after).count();
                assert_eq!(ring.index_after(after), naive, "{after} of {len}");
            }
        }
    }

    #[test]
    fn taking_remembers_the_newest_loss() {
        let mut ring = ring(&[2, 5, 9]);
        ring.take_oldest(1);
        ring.take_oldest(2);
        assert_eq!(ring.taken(), Taken { offset: 5, stamp: 2 });
        assert_eq!(ring.oldest(), Some(9));
    }

    #[test]
    fn each_bound_alone_makes_the_ring_full() {
        let ring = ring(&[1, 2, 3]);
        let roomy = Retention::default();
        assert!(!ring.is_over(&roomy, 0));
        assert!(ring.is_over(&Retention { messages_max: 2, ..roomy }, 0));
        assert!(ring.is_over(&Retention { bytes_max: 100, ..roomy }, 0));
        assert!(ring.is_over(&Retention { age_max_ms: 5, ..roomy }, 15));
        assert!(!ring.is_over(&Retention { age_max_ms: 5, ..roomy }, 14));
    }

    #[test]
    fn the_first_message_since_a_time_is_found() {
        let ring = ring(&[2, 5, 9]);
        assert_eq!(ring.first_since(0), Some(2));
        assert_eq!(ring.first_since(50), Some(5));
        assert_eq!(ring.first_since(51), Some(9));
        assert_eq!(ring.first_since(91), None);
    }
}
