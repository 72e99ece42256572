//! Reads that many readers have in common.
//!
//! - The same read for the commonest reader: one cursor that has to look at one channel, in memory. It is
//!   the one that the reader follows by name, or the only one among its patterns' that has news. Merging looks where
//!   each channel has news before it reads. One channel needs no merging, so one hold of its lock finds the same.
//! - What one reader has gathered is what the next one at the same place finds, if it looks at the same one channel, or
//!   follows the same one pattern, and nothing is removed from the log in between.

use crate::{
    Broker, Gathered, Item, Reader,
    channel::Channel,
    cursor::{Cursor, Wild},
    gathered::{LiveRead, Selection},
};
use std::{num::NonZeroU64, sync::Arc};

impl Reader {
    /// Gathers, if the reader is a plain one and is owed no word of a loss; otherwise says false, and
    /// nothing of `gathered` counts.
    ///
    /// It finds what [`Gathered::read`] would find.
    pub(crate) fn gather_live(
        &self,
        broker: &Broker,
        read_limit: u64,
        bytes_max: usize,
        gathered: &mut Gathered,
    ) -> bool {
        let Some((cursor, channel)) = self.plain() else { return false };
        let limit = read_limit.max(cursor.after);
        let of = Selection::Channel(Arc::clone(channel));
        let read = LiveRead { of, after: cursor.after, limit, bytes_max };
        gathered.clear();
        // Before anything is read, as for every read.
        gathered.evictions = NonZeroU64::new(broker.shared.evictions());
        gathered.read_live(channel, read, self.muted)
    }

    /// Whether `gathered`, which another reader may have gathered, is what this one would find.
    ///
    /// It is for a reader at the same place of the same one channel or pattern, if nothing has been removed from
    /// the log since. What has been published since is newer than `read_limit`, which has to be the same.
    pub fn would_find(
        &self,
        broker: &Broker,
        read_limit: u64,
        bytes_max: usize,
        gathered: &Gathered,
    ) -> bool {
        let Some(read) = &gathered.live else { return false };
        let [cursor] = &*self.cursors else { return false };
        let has_it = || match &read.of {
            Selection::Channel(read) => {
                self.plain().is_some_and(|(_, channel)| Arc::ptr_eq(read, channel))
            }
            Selection::Pattern(read) => cursor.only_pattern() == Some(read),
        };
        read.after == cursor.after
            && read.limit == read_limit.max(cursor.after)
            && read.bytes_max == bytes_max
            && has_it()
            && gathered.evictions == NonZeroU64::new(broker.shared.evictions())
    }

    /// Moves past what was gathered last, if all of it is handed over and it depends on nothing but the
    /// place; otherwise says false, and has done nothing.
    pub(crate) fn advance_live(&mut self, gathered: &Gathered, handed_over: usize) -> bool {
        if gathered.live.is_none() || handed_over < gathered.items.len() {
            return false;
        }
        let [cursor] = &mut *self.cursors else { return false };
        for follow in &mut cursor.follows {
            follow.begun = follow.begun.or(gathered.evictions);
        }
        cursor.after = cursor.after.max(gathered.upto);
        if gathered.is_exhausted && !matches!(cursor.wild, Wild::Quiet) {
            cursor.exhaust(gathered.upto, gathered.has_walked);
        }
        true
    }

    /// The one cursor of a plain reader, and the one channel that it has to look at.
    ///
    /// Compacted channels are read the long way: what of them is owed depends on where a reader began.
    fn plain(&self) -> Option<(&Cursor, &Arc<Channel>)> {
        let [cursor] = &*self.cursors else { return None };
        let channel = cursor.only_channel()?;
        (!channel.is_compacted()).then_some((cursor, channel))
    }
}

impl Gathered {
    /// Notes what was read of one pattern, if every follower finds the same after this offset: it meets no
    /// loss, and no message is for some of them only.
    pub(crate) fn note_shared(
        &mut self,
        cursor: &Cursor,
        limit: u64,
        bytes_max: usize,
        is_anyones: bool,
    ) {
        let is_whole = !self.waits && !self.has_scanned && !self.has_met_loss;
        if is_anyones
            && is_whole
            && self.learned.is_empty()
            && let Some(pattern) = cursor.only_pattern()
        {
            let of = Selection::Pattern(pattern.clone());
            self.live = Some(LiveRead { of, after: cursor.after, limit, bytes_max });
        }
    }

    /// Reads one channel; false if something after the reader's place is not in memory.
    fn read_live(&mut self, channel: &Channel, read: LiveRead, muted: Option<NonZeroU64>) -> bool {
        let LiveRead { after, limit, bytes_max, .. } = &read;
        let mut budget = isize::try_from(*bytes_max).unwrap_or(isize::MAX).max(1);
        let (mut passed, mut is_cut, mut is_anyones) = (*after, false, true);
        if channel.last() > *after {
            let ring = channel.ring();
            if !ring.is_whole_after(*after) {
                return false;
            }
            for message in ring.iter_after(*after) {
                if message.offset() > *limit {
                    break;
                }
                if budget <= 0 {
                    is_cut = true;
                    break;
                }
                budget = budget.saturating_sub_unsigned(message.wire_bytes());
                passed = message.offset();
                let origin = message.origin();
                // It depends on the reader whether it gets this one.
                is_anyones &= origin.is_none();
                if origin.is_none() || origin != muted {
                    self.items.push(Item::Message(Arc::clone(message)));
                }
            }
        }
        self.bytes_left = usize::try_from(budget).unwrap_or(0);
        self.is_exhausted = !is_cut;
        self.is_caught_up = !is_cut;
        self.upto = if is_cut { passed } else { *limit };
        self.live = is_anyones.then_some(read);
        true
    }
}

#[cfg(test)]
mod tests;
