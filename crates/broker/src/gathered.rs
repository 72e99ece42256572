//! What a gather finds: messages, and gap notices for messages that are gone.

use crate::{Message, Pattern, channel::Channel, read_ahead::ReadAhead};
use std::{cmp::Reverse, collections::BinaryHeap, num::NonZeroU64, sync::Arc};

/// What a gather found. Kept by a worker and used again, so that gathering allocates nothing.
#[derive(Debug, Default)]
pub struct Gathered {
    pub(crate) items: Vec<Item>,
    /// The place the cursor has reached when all items are handed over.
    pub(crate) upto: u64,
    /// Whether nothing known is left up to there.
    pub(crate) is_exhausted: bool,
    pub(crate) is_caught_up: bool,
    /// What is left of the bytes it was asked for.
    pub(crate) bytes_left: usize,
    /// Whether something was lost while it was followed, in a channel that then sends readers away.
    pub(crate) is_too_slow: bool,
    /// Whether channels were scanned, which is work enough for one turn.
    pub(crate) has_scanned: bool,
    /// Whether the log was walked along the index, so that it is known what it holds up to `upto`.
    pub(crate) has_walked: bool,
    /// Whether the archive has to fetch what comes next.
    pub(crate) waits: bool,
    /// Whether there is a gap notice among the items.
    pub(crate) has_gaps: bool,
    /// Whether something was lost after the cursor. It depends on the reader whether that concerns it.
    pub(crate) has_met_loss: bool,
    /// The read that this is the result of, if others may have the same.
    pub(crate) live: Option<LiveRead>,
    /// What the archive has returned while this was gathered.
    pub(crate) read_ahead: ReadAhead<Channel>,
    /// Whether an archive was asked where channels go on,
    pub(crate) has_asked: bool,
    /// and where they do, after all that was found.
    pub(crate) learned: Vec<(Arc<Channel>, u64)>,
    /// The eviction count before it was read, if anything has been.
    pub(crate) evictions: Option<NonZeroU64>,
    pub(crate) channels: Vec<Arc<Channel>>,
    pub(crate) order: BinaryHeap<Reverse<(u64, usize)>>,
    /// Entries of the index that a walk is about to read.
    pub(crate) selected: Vec<(u64, Arc<Channel>)>,
}

/// Of which read something is the result that depends on nothing else of its reader.
#[derive(Debug)]
pub(crate) struct LiveRead {
    pub(crate) of: Selection,
    pub(crate) after: u64,
    pub(crate) limit: u64,
    pub(crate) bytes_max: usize,
}

/// What was read.
#[derive(Debug)]
pub(crate) enum Selection {
    /// One channel.
    Channel(Arc<Channel>),
    /// All that one pattern with wildcards selects.
    Pattern(Pattern),
}

/// One thing to hand to a subscriber.
#[derive(Clone, Debug)]
pub enum Item {
    /// A message.
    Message(Arc<Message>),
    /// Some messages are gone.
    Gap(Gap),
}

/// Messages that `pattern` selects in `from + 1 ..= to` are gone for this reader, some or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// What the subscription follows.
    pub pattern: Pattern,
    /// Everything up to here had been handed over.
    pub from: u64,
    /// The newest offset lost.
    pub to: u64,
}

impl Gathered {
    /// What was found, in order.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The messages found, in order.
    pub fn messages(&self) -> impl Iterator<Item = &Arc<Message>> {
        self.items.iter().filter_map(|item| match item {
            Item::Message(message) => Some(message),
            Item::Gap(_) => None,
        })
    }

    /// Whether the reader is at the place up to which it was asked to read, these items included.
    pub fn is_caught_up(&self) -> bool {
        self.is_caught_up
    }

    /// The offset that the reader has reached once all items are handed over.
    pub fn reached(&self) -> u64 {
        self.upto
    }

    /// How many of the bytes asked for are left: with some, and not caught up, it was work that ended
    /// this turn, and reading on fills the same batch.
    pub fn bytes_left(&self) -> usize {
        self.bytes_left
    }

    /// Whether the reader was too slow in a channel whose options disconnect slow readers. Then nothing of this is
    /// to be delivered: the client reconnects with its own position.
    pub fn is_too_slow(&self) -> bool {
        self.is_too_slow
    }

    /// Whether the archive has to fetch what comes after these items: the waker is woken once it has.
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// Drops everything that was found.
    pub fn clear(&mut self) {
        self.items.clear();
        self.channels.clear();
        self.order.clear();
        self.selected.clear();
        self.learned.clear();
        self.read_ahead.clear();
        (self.is_exhausted, self.is_caught_up, self.upto) = (false, false, 0);
        (self.has_scanned, self.has_walked) = (false, false);
        (self.is_too_slow, self.waits, self.evictions) = (false, false, None);
        (self.has_gaps, self.has_met_loss) = (false, false);
        (self.live, self.has_asked) = (None, false);
    }

    /// Whether there is a gap notice among the items.
    pub fn has_gaps(&self) -> bool {
        self.has_gaps
    }

    /// One notice a pattern: what is lost later on only makes it reach further.
    pub(crate) fn note_gap(&mut self, gap: Gap, at: usize) {
        self.has_gaps = true;
        let noted = self.items.iter_mut().find_map(|item| match item {
            Item::Gap(noted) if noted.pattern == gap.pattern => Some(noted),
            _ => None,
        });
        match noted {
            Some(noted) => noted.to = noted.to.max(gap.to),
            None => self.items.insert(at.min(self.items.len()), Item::Gap(gap)),
        }
    }
}

/// The offset of the last message among `items`.
pub(crate) fn last_offset(items: &[Item]) -> Option<u64> {
    items.iter().rev().find_map(|item| match item {
        Item::Message(message) => Some(message.offset()),
        Item::Gap(_) => None,
    })
}
