//! What one channel holds in memory: its messages in order, and the newest position it has lost.
//!
//! A plain data structure: the channel around it brings the lock, the broker the retention.

use crate::{LossKind, Message, Retention};
use std::{collections::VecDeque, sync::Arc};

/// A channel's messages. Offsets rise; the first slot is not empty.
///
/// Without an archive every offset held is newer than any lost, unless the channel is compacted:
/// there a tombstone may be lost that stood between values.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    slots: VecDeque<Slot>,
    /// Slots that are not empty.
    len: usize,
    bytes: usize,
    /// Messages that were ever put in.
    appended: u64,
    /// What is retained up to here is in the archive only, and no slot is older.
    memory_floor: Option<u64>,
    /// Nothing is left up to here, in the archive either; no newer than what was lost, as a compacted
    /// channel loses tombstones from between its values.
    archive_floor: u64,
    losses: LossWatermarks,
    /// Whether the sequencer has filed this channel among those that may hold messages.
    pub(crate) ranked: bool,
}

/// The offset beside the message, so that a binary search touches no message.
#[derive(Debug)]
struct Slot {
    offset: u64,
    /// None once a newer message of its key has superseded it.
    message: Option<Arc<Message>>,
}

/// What was lost of a channel, as far as anybody still knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LossWatermarks {
    /// Losses for which every reader before them gets a gap notice.
    pub(crate) messages: LossWatermark,
    /// Those that were tombstones and nothing else: they concern only who may hold what they removed.
    pub(crate) tombstones: LossWatermark,
}

/// Some of what was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LossWatermark {
    /// The newest offset lost.
    pub(crate) offset: u64,
    /// The broker's eviction count when the last was lost.
    pub(crate) stamp: u64,
}

impl LossWatermarks {
    /// Losses that may have been anything.
    pub(crate) fn of_messages(messages: LossWatermark) -> Self {
        Self { messages, ..Self::default() }
    }
}

impl LossWatermark {
    /// This and another loss. The stamp counts though a newer offset was lost before, as one that
    /// could not be read: who began in between is owed word of this one.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { offset: self.offset.max(other.offset), stamp: self.stamp.max(other.stamp) }
    }
}

impl Ring {
    /// A ring of a channel that may have lost what `losses` says, in an earlier life.
    pub(crate) fn new(losses: LossWatermarks) -> Self {
        Self { losses, ..Self::default() }
    }

    /// A ring in front of an archive. The archive holds the messages retained after `archive_floor` and up to
    /// `memory_floor`.
    pub(crate) fn archived(losses: LossWatermarks, archive_floor: u64, memory_floor: u64) -> Self {
        Self { losses, archive_floor, memory_floor: Some(memory_floor), ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many messages were ever put in, those that are gone included.
    pub(crate) fn appended(&self) -> u64 {
        self.appended
    }

    pub(crate) fn losses(&self) -> LossWatermarks {
        self.losses
    }

    /// Up to which offset the archive has to be asked; 0 if there is no archive.
    pub(crate) fn memory_floor(&self) -> u64 {
        self.memory_floor.unwrap_or(0)
    }

    /// Up to where nothing is left, in the archive either.
    pub(crate) fn archive_floor(&self) -> u64 {
        self.archive_floor
    }

    /// Whether everything there ever was after `after` is here, but for what was superseded.
    pub(crate) fn is_whole_after(&self, after: u64) -> bool {
        let LossWatermarks { messages, tombstones } = self.losses;
        self.memory_floor() <= after && messages.offset.max(tombstones.offset) <= after
    }

    /// The offset of the oldest message held.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.slots.front().map(|slot| slot.offset)
    }

    /// Whether nothing is retained, here or in an archive.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.memory_floor() <= self.archive_floor
    }

    pub(crate) fn push(&mut self, message: Arc<Message>) {
        self.bytes += message.cost_bytes();
        self.len += 1;
        self.appended += 1;
        self.slots.push_back(Slot { offset: message.offset(), message: Some(message) });
        self.check_if_small();
    }

    /// Removes the oldest message, which is then lost unless an archive has it.
    pub(crate) fn take_oldest(&mut self, stamp: impl FnOnce() -> u64) -> Option<Arc<Message>> {
        let slot = self.slots.pop_front()?;
        match &mut self.memory_floor {
            Some(memory_floor) => *memory_floor = slot.offset,
            None => self.losses.messages = LossWatermark { offset: slot.offset, stamp: stamp() },
        }
        Some(self.let_go(slot.message?))
    }

    /// Empties the slot of a message that another has superseded, or that is lost.
    pub(crate) fn remove(&mut self, offset: u64) -> Option<Arc<Message>> {
        let slot = self.slots.get_mut(self.index_after(offset.saturating_sub(1)))?;
        let message = if slot.offset == offset { slot.message.take()? } else { return None };
        let gone = self.let_go(message);
        if self.slots.len() > 2 * self.len + SPARE_SLOTS {
            self.slots.retain(|slot| slot.message.is_some());
        }
        Some(gone)
    }

    /// Notes that messages up to `offset`, all or some, are lost.
    pub(crate) fn lose(&mut self, offset: u64, stamp: u64, loss: LossKind) {
        let lost = match loss {
            LossKind::Messages => &mut self.losses.messages,
            LossKind::Tombstones => &mut self.losses.tombstones,
        };
        *lost = lost.and(LossWatermark { offset, stamp });
    }

    /// Notes that all messages up to `offset` are lost, in the archive too.
    pub(crate) fn lose_all(&mut self, offset: u64, stamp: u64, loss: LossKind) {
        self.lose(offset, stamp, loss);
        self.archive_floor = self.archive_floor.max(offset);
    }

    /// What happens whenever a message goes.
    fn let_go(&mut self, message: Arc<Message>) -> Arc<Message> {
        self.bytes -= message.cost_bytes();
        self.len -= 1;
        while self.slots.front().is_some_and(|slot| slot.message.is_none()) {
            self.slots.pop_front();
        }
        if self.slots.capacity() > SPARE_SLOTS && self.slots.len() < self.slots.capacity() / 4 {
            self.slots.shrink_to(self.slots.len() * 2);
        }
        self.check_if_small();
        message
    }

    /// Whether the oldest message has to go.
    pub(crate) fn is_over(&self, retention: &Retention, now_ms: u64) -> bool {
        self.len > retention.messages_max
            || self.bytes > retention.bytes_max && self.len > 1
            || self
                .iter_after(0)
                .next()
                .is_some_and(|oldest| oldest.is_older(retention.age_max_ms, now_ms))
    }

    /// The offset of the first message after `after`.
    pub(crate) fn next_after(&self, after: u64) -> Option<u64> {
        let mut slots = self.slots.range(self.index_after(after)..);
        slots.find(|slot| slot.message.is_some()).map(|slot| slot.offset)
    }

    /// The offset of the first message whose time is `time_ms` or later.
    pub(crate) fn first_since(&self, time_ms: u64) -> Option<u64> {
        if self.len < self.slots.len() {
            // An empty slot has no time to halve the way by.
            let first = self.iter_after(0).find(|message| message.time_ms() >= time_ms);
            return first.map(|message| message.offset());
        }
        let index = self.slots.partition_point(|slot| {
            slot.message.as_ref().is_some_and(|message| message.time_ms() < time_ms)
        });
        self.slots.get(index).map(|slot| slot.offset)
    }

    /// The time of the message with this offset, if it is held.
    pub(crate) fn time_of(&self, offset: u64) -> Option<u64> {
        let slot = self.slots.get(self.index_after(offset.checked_sub(1)?))?;
        slot.message.as_ref().filter(|_| slot.offset == offset).map(|message| message.time_ms())
    }

    /// The messages held, in order, from behind `after` on.
    pub(crate) fn iter_after(&self, after: u64) -> impl Iterator<Item = &Arc<Message>> {
        self.slots.range(self.index_after(after)..).filter_map(|slot| slot.message.as_ref())
    }

    /// Messages before `before`, newest first: their offsets, and their bytes on a wire.
    pub(crate) fn back(&self, before: u64) -> impl Iterator<Item = (u64, usize)> {
        let end = before.checked_sub(1).map_or(0, |after| self.index_after(after));
        let messages = self.slots.range(..end).rev().filter_map(|slot| slot.message.as_ref());
        messages.map(|message| (message.offset(), message.wire_bytes()))
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

    /// The offset of the newest message held, or of one that has superseded nothing since.
    pub(crate) fn newest(&self) -> Option<u64> {
        self.slots.back().map(|slot| slot.offset)
    }

    /// Checks everything in debug builds, as long as that is little.
    fn check_if_small(&self) {
        if cfg!(debug_assertions) && self.slots.len() <= CHECKED_MAX {
            self.check();
        }
    }

    /// Checks that everything agrees. O(slots).
    pub(crate) fn check(&self) {
        let held = || self.slots.iter().filter_map(|slot| slot.message.as_ref());
        assert_eq!(held().count(), self.len, "messages");
        assert_eq!(held().map(|message| message.cost_bytes()).sum::<usize>(), self.bytes, "bytes");
        assert!(self.slots.iter().is_sorted_by(|one, next| one.offset < next.offset), "order");
        let is_first_held = self.slots.front().is_none_or(|slot| slot.message.is_some());
        assert!(is_first_held, "the first slot is not empty");
        let is_after_floor = self.oldest().is_none_or(|oldest| oldest > self.memory_floor());
        assert!(is_after_floor, "no message is as old as what only the archive holds");
        let LossWatermarks { messages, tombstones } = self.losses;
        let is_lost = self.archive_floor <= messages.offset.max(tombstones.offset);
        assert!(is_lost, "what the archive has removed is lost");
    }
}

/// Slots up to which all of them are looked at whenever one changes, in debug builds.
const CHECKED_MAX: usize = 16;

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
        ring.take_oldest(|| 1);
        ring.take_oldest(|| 2);
        assert_eq!(
            ring.losses(),
            LossWatermarks::of_messages(LossWatermark { offset: 5, stamp: 2 })
        );
        assert_eq!(ring.oldest(), Some(9));
    }

    #[test]
    fn what_is_superseded_is_passed_over() {
        let mut ring = ring(&[2, 5, 9, 11]);
        assert_eq!(ring.remove(5).unwrap().offset(), 5);
        assert!(ring.remove(5).is_none() && ring.remove(6).is_none() && ring.remove(99).is_none());
        assert_eq!((ring.len(), ring.next_after(2)), (3, Some(9)));
        assert_eq!(ring.first_since(50), Some(9));
        ring.remove(2);
        assert_eq!((ring.oldest(), ring.losses()), (Some(9), LossWatermarks::default()));
        ring.take_oldest(|| 1);
        assert_eq!((ring.oldest(), ring.losses().messages.offset), (Some(11), 9));
    }

    #[test]
    fn slots_left_empty_do_not_pile_up() {
        let mut ring = ring(&[1]);
        for offset in 2..10_000 {
            ring.push(Arc::clone(self::ring(&[offset]).slots[0].message.as_ref().unwrap()));
            if offset > 2 {
                ring.remove(offset - 1);
            }
        }
        assert_eq!(ring.len(), 2);
        assert!(ring.slots.len() <= 2 * ring.len + SPARE_SLOTS);
    }

    #[test]
    fn before_an_archive_what_leaves_the_memory_is_not_lost() {
        let mut ring = Ring { memory_floor: Some(1), ..ring(&[2, 5]) };
        ring.take_oldest(|| unreachable!());
        assert_eq!((ring.memory_floor(), ring.losses()), (2, LossWatermarks::default()));
    }

    #[test]
    fn a_loss_before_a_known_one_is_news() {
        let mut ring = ring(&[2, 5, 9]);
        ring.lose(5, 1, LossKind::Messages);
        ring.lose(2, 2, LossKind::Messages);
        assert_eq!(
            ring.losses(),
            LossWatermarks::of_messages(LossWatermark { offset: 5, stamp: 2 })
        );
    }

    #[test]
    fn lost_tombstones_are_counted_apart_from_the_rest() {
        let mut ring = ring(&[2, 5, 9]);
        ring.lose(5, 1, LossKind::Tombstones);
        ring.lose(2, 2, LossKind::Messages);
        let (messages, tombstones) =
            (LossWatermark { offset: 2, stamp: 2 }, LossWatermark { offset: 5, stamp: 1 });
        assert_eq!(ring.losses(), LossWatermarks { messages, tombstones });
    }

    #[test]
    fn before_an_archive_a_loss_between_values_leaves_them() {
        let mut ring = Ring::archived(LossWatermarks::default(), 0, 9);
        ring.lose(9, 1, LossKind::Tombstones);
        assert!(!ring.is_empty());
        ring.lose_all(9, 2, LossKind::Tombstones);
        assert!(ring.is_empty());
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

    #[test]
    #[should_panic(expected = "bytes")]
    fn a_ring_that_counts_wrongly_is_noticed() {
        let mut ring = ring(&[2, 5, 9]);
        ring.bytes += 1;
        ring.check();
    }

    #[test]
    #[should_panic(expected = "order")]
    fn a_message_out_of_order_is_noticed() {
        let mut ring = ring(&[2, 5, 9]);
        ring.slots.swap(1, 2);
        ring.check();
    }

    #[test]
    #[should_panic(expected = "what the archive has removed is lost")]
    fn what_goes_from_the_archive_without_a_loss_is_noticed() {
        let mut ring = Ring::archived(LossWatermarks::default(), 0, 1);
        ring.archive_floor = 1;
        ring.check();
    }
}
