//! Reads messages that the broker does not have in memory any more, or not yet; [`crate::cold`] is in front of it.
//!
//! Each message names the previous one of its channel. So rows that are missing or cannot be read are noticed at the
//! next one, and readers get a gap notice. In a compacted channel rows are also removed from the middle; there, only a
//! hole in the file shows that some may be missing.

use crate::{
    channels::{Channels, State},
    clock::Clock,
    layout::{self, Progress},
    log_throttle::LogThrottle,
    order::{self, Block},
    record::Record,
    store::{Order, Row, Store, StoreError},
};
use std::{
    collections::HashMap,
    ops::{Bound, ControlFlow},
    sync::Arc,
};
use tidewire_broker::{ArchiveRead, ChannelName, Charge, Entry, Message, Stretch};

/// Reads what the committer has written.
#[derive(Debug)]
pub(crate) struct LogArchive {
    pub(crate) store: Arc<Store>,
    pub(crate) channels: Arc<Channels>,
    /// The newest offset of earlier runs, whose connections had other numbers.
    pub(crate) inherited: u64,
    /// Reads that fail.
    pub(crate) unread: LogThrottle,
    /// Rows that are missing.
    pub(crate) damage: LogThrottle,
    pub(crate) clock: Clock,
}

/// A message, and what should be before it.
struct Found {
    offset: u64,
    /// The offsets up to this one, and after the previous message, cannot be read; 0 if nothing is missing.
    missing: u64,
    record: Record,
}

impl LogArchive {
    /// Reads messages in `after + 1 ..= upto`: the first at least, and about `bytes_max` bytes. What they
    /// take is counted in `charge`.
    pub(crate) fn read(
        &self,
        channel: &ChannelName,
        after: u64,
        upto: u64,
        bytes_max: usize,
        charge: &Arc<Charge>,
    ) -> ArchiveRead {
        let (mut cold, mut messages, mut bytes) = (ArchiveRead::default(), Vec::new(), 0);
        let Some(state) = self.channels.find(channel) else { return cold };
        let walked = self.walk(channel, &state, after, upto, |found| {
            cold.lost = cold.lost.max(found.missing);
            if bytes >= bytes_max {
                cold.next = Some(found.offset);
                return ControlFlow::Break(());
            }
            let Record { time_ms, mut draft, .. } = found.record;
            if found.offset <= self.inherited {
                draft.origin = None;
            }
            bytes += Message::cost_of(&draft);
            let (channel, offset) = (channel.clone(), found.offset);
            let entry = Entry { channel, offset, time_ms, draft };
            messages.push(Arc::new(Message::charged(entry, charge)));
            ControlFlow::Continue(())
        });
        cold.lost = cold.lost.max(walked.unwrap_or_else(|error| {
            self.log_unread(channel, &error);
            upto
        }));
        cold.messages = messages.into();
        // What retention takes meanwhile is missing, too; that is announced, and no damage.
        let taken = self.channels.find(channel).map_or(0, |state| state.taken);
        if cold.lost <= taken {
            cold.lost = 0;
        } else if self.damage.should_log(self.clock.now()) {
            let (store, upto) = (self.store.path(), cold.lost);
            tracing::error!(
                %store, %channel, upto,
                "messages are missing: their rows cannot be read; logged once a minute, of \
                whichever \
                 channel is read"
            );
        }
        cold
    }

    /// The offset of the first message of `time_ms` or later.
    pub(crate) fn first_since(&self, channel: &ChannelName, time_ms: u64) -> Option<u64> {
        let state = self.channels.find(channel)?;
        let oldest = state.first.max(state.floor() + 1);
        // If that fails, a read from the oldest message on reports what is missing.
        self.search_since(&state, oldest, time_ms).unwrap_or(Some(oldest))
    }

    /// Up to `count` messages before `before`, the newest first: their offsets and bytes.
    pub(crate) fn back(
        &self,
        channel: &ChannelName,
        before: u64,
        count: usize,
    ) -> Vec<(u64, usize)> {
        let mut found = Vec::new();
        let state = self.channels.find(channel);
        let Some(state) = state.filter(|state| count > 0 && state.floor() < before) else {
            return found;
        };
        let from = layout::message(state.number, state.floor() + 1);
        let upto = layout::message(state.number, before);
        let bounds = (Bound::Included(from.as_slice()), Bound::Excluded(upto.as_slice()));
        let scanned = self.store.scan(bounds.0, bounds.1, Order::Descending, |row| {
            if let Some(record) = row.value.and_then(Record::decode) {
                found.extend(layout::offset_of(row.key).map(|at| (at, record.draft.bytes())));
            }
            if found.len() < count { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        if let Err(error) = scanned {
            self.log_unread(channel, &error);
        }
        found
    }

    /// Whose messages the next offsets are, as far as one row of the order says.
    pub(crate) fn order(&self, after: u64) -> Option<Stretch> {
        let Block { first, entries } = self.block_after(after)?;
        let (mut channels, mut places) = (Vec::new(), HashMap::new());
        let mut place = |number: u64| match self.channels.name(number) {
            Some(name) => {
                channels.push(name);
                u32::try_from(channels.len()).unwrap_or(0)
            }
            None => 0,
        };
        let places = entries.iter().map(|order::Entry { channel, .. }| {
            *places.entry(*channel).or_insert_with(|| place(*channel))
        });
        let entries = places.collect();
        Some(Stretch { first, channels, entries })
    }

    fn block_after(&self, after: u64) -> Option<Block> {
        self.store.order_after(after).unwrap_or_else(|error| {
            self.store.metrics.note_failed_read();
            if self.unread.should_log(self.clock.now()) {
                let store = self.store.path();
                tracing::error!(
                    %store, %error, "the order cannot be read for now; logged once a minute"
                );
            }
            None
        })
    }

    /// The place by time, or `None` where the order is not known there.
    pub(crate) fn place_in_order(&self, time_ms: u64) -> Option<u64> {
        // Times rise with offsets: halve the way. What is held up to `low` is older than that.
        let progress = self.store.find(&layout::progress()).ok()?;
        let last = progress.and_then(|value| Progress::decode(&value))?.last;
        let (mut low, mut high) = (self.channels.oldest().saturating_sub(1), last);
        while low < high {
            let middle = low + (high - low) / 2;
            let block = self.block_after(middle)?;
            if block.newest_ms() < time_ms {
                low = block.last();
            } else if let Some(place) = block.place_since(time_ms, low) {
                return Some(place);
            } else {
                high = middle.min(block.first - 1);
            }
        }
        if low >= last {
            return Some(low);
        }
        let block = self.block_after(low).filter(|block| block.newest_ms() >= time_ms)?;
        block.place_since(time_ms, low)
    }

    fn log_unread(&self, channel: &ChannelName, error: &StoreError) {
        self.store.metrics.note_failed_read();
        if self.unread.should_log(self.clock.now()) {
            let store = self.store.path();
            tracing::error!(
                %store, %channel, %error,
                "messages cannot be read for now; logged once a minute, of whichever \
                channel is \
                 read"
            );
        }
    }

    /// Visits the messages in `after + 1 ..= upto`, and returns what is missing after the last one visited, like
    /// [`Found::missing`].
    ///
    /// The next message after a hole names the previous one. In a compacted channel that one may have been superseded;
    /// then everything in the range may be missing, unless the newest message was visited before.
    fn walk(
        &self,
        channel: &ChannelName,
        state: &State,
        after: u64,
        upto: u64,
        mut visit: impl FnMut(Found) -> ControlFlow<()>,
    ) -> Result<u64, StoreError> {
        let mut reached = after.max(state.floor());
        if reached >= state.last {
            return Ok(0);
        }
        // In a compacted channel not only up to the newest that is known: it may be superseded by
        // now, and that is no loss.
        let end = if state.is_compact { u64::MAX } else { state.last };
        let (from, end) =
            (layout::message(state.number, reached), layout::message(state.number, end));
        let (mut is_over, mut missing) = (false, 0);
        let look = |row: Row<'_>| {
            let record = row.value.and_then(Record::decode);
            let Some((offset, record)) = layout::offset_of(row.key).zip(record) else {
                if state.is_compact && reached < state.last {
                    missing = upto;
                }
                return ControlFlow::Continue(());
            };
            if !state.is_compact && record.previous > reached {
                missing = record.previous.min(upto);
            }
            is_over = offset > upto;
            if is_over {
                return ControlFlow::Break(());
            }
            reached = offset;
            let flow = visit(Found { offset, missing: std::mem::take(&mut missing), record });
            is_over = flow.is_break();
            flow
        };
        let bounds = (Bound::Excluded(from.as_slice()), Bound::Included(end.as_slice()));
        self.store.scan(bounds.0, bounds.1, Order::Ascending, look)?;
        // The newest message is never superseded, so it is missing if the rows end before it, unless
        // it was a tombstone that retention has taken, perhaps just now: that is announced.
        let taken = || self.channels.find(channel).map_or(0, |state| state.taken);
        let is_whole = is_over || reached >= state.last || taken() >= state.last;
        Ok(if is_whole { missing } else { state.last.min(upto) })
    }

    /// The first message of `time_ms` or later, from the offset `low` on.
    fn search_since(
        &self,
        state: &State,
        mut low: u64,
        time_ms: u64,
    ) -> Result<Option<u64>, StoreError> {
        // Times rise with offsets: halve the way. `low` ≤ the answer ≤ `high`, if there is one.
        let mut high = state.last;
        while low < high {
            let middle = low + (high - low) / 2;
            match self.first_readable(state, middle)? {
                Some((offset, time)) if time < time_ms => low = offset + 1,
                Some(_) | None => high = middle,
            }
        }
        if low > state.last {
            return Ok(None);
        }
        let first = self.first_readable(state, low)?;
        Ok(first.filter(|(_, time)| *time >= time_ms).map(|(offset, _)| offset))
    }

    /// The first message at or after `offset` that can be read, and its time.
    fn first_readable(&self, state: &State, offset: u64) -> Result<Option<(u64, u64)>, StoreError> {
        let mut first = None;
        let (from, upto) =
            (layout::message(state.number, offset), layout::message(state.number, state.last));
        let bounds = (Bound::Included(from.as_slice()), Bound::Included(upto.as_slice()));
        self.store.scan(bounds.0, bounds.1, Order::Ascending, |row| {
            let record = row.value.and_then(Record::decode);
            first = layout::offset_of(row.key).zip(record.map(|record| record.time_ms));
            if first.is_none() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(first)
    }
}
