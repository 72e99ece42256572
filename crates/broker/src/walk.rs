//! The same read for followers of wildcards, message by message along the offset index.
//!
//! Merging channels needs to know which have news. Where that is not known, each entry of the index
//! names the channel to look at next: O(offsets passed), however many channels there are. One walk
//! does so much work and no more; the rest is for the reader's next turn.

use crate::{
    Broker, Gap, Gathered, Item, Message, ReadContext,
    channel::Channel,
    cursor::Cursor,
    offset_index::Segment,
    order::Ahead,
    ring::{LossWatermark, LossWatermarks},
};
use std::{mem, sync::Arc};

impl Gathered {
    /// Reads what `cursor` selects up to `limit`, until about `bytes_max` are found or enough work is
    /// done. The order after the cursor is known, here or in the archive.
    pub(crate) fn walk(
        &mut self,
        broker: &Broker,
        cursor: &Cursor,
        limit: u64,
        bytes_max: usize,
        is_wanted: impl Fn(&Channel, &Message) -> bool,
        context: ReadContext<'_>,
    ) {
        self.has_walked = true;
        self.upto = cursor.after;
        // How many channels that will be is not known: one message of each will do.
        self.read_ahead.share_bytes = 1;
        for channel in cursor.follows.iter().filter_map(|follow| follow.channel.as_ref()) {
            // It may have lost more than there are entries for, in an earlier life.
            if channel.last() > cursor.after {
                let losses = channel.ring().losses();
                self.note_loss(cursor, channel, losses, cursor.after, cursor.after, 0);
            }
        }
        let mut budget = isize::try_from(bytes_max).unwrap_or(isize::MAX).max(1);
        let work_max = (bytes_max / WALK_BYTES).clamp(WALK_WORK_MIN, WALK_WORK_MAX);
        let (mut work, mut count) = (work_max, SELECTED_MIN);
        while self.upto < limit && budget > 0 && work > 0 && !self.waits {
            let segment = match broker.shared.ahead(self.upto, context) {
                Ahead::Known(segment) => segment,
                // The next turn scans.
                Ahead::Unknown(_) => break,
                Ahead::Waits => {
                    self.waits = true;
                    break;
                }
                Ahead::Nothing => {
                    self.upto = limit;
                    break;
                }
            };
            let part = (self.upto, limit.min(segment.last()));
            let end = self.find_selected(broker, cursor, &segment, part, count, &mut work);
            self.read_selected(broker, cursor, end, &mut budget, context, &is_wanted);
            count = (count * 2).min(SELECTED_MAX);
            if self.waits {
                self.ask_ahead(broker, cursor, end, limit, work, context);
            }
        }
        self.bytes_left = usize::try_from(budget).unwrap_or(0);
        self.is_exhausted = self.upto >= limit && !self.waits;
    }

    /// Asks the archive for what comes after `looked`, as much as one reader may, so that it is fetched
    /// together.
    fn ask_ahead(
        &mut self,
        broker: &Broker,
        cursor: &Cursor,
        mut looked: u64,
        limit: u64,
        mut work: usize,
        context: ReadContext<'_>,
    ) {
        while looked < limit && work > 0 && !context.has_asked_enough() {
            let Ahead::Known(segment) = broker.shared.ahead(looked, context) else { return };
            let part = (looked, limit.min(segment.last()));
            looked = self.find_selected(broker, cursor, &segment, part, SELECTED_MAX, &mut work);
            let Self { selected, read_ahead, .. } = self;
            for (offset, channel) in selected.drain(..) {
                let _ = channel.next_after(&broker.shared, offset - 1, 1, context, read_ahead);
            }
        }
    }

    /// Finds which of the segment's entries in `from + 1 ..= upto` the cursor selects, `count` at most;
    /// returns how far it looked.
    fn find_selected(
        &mut self,
        broker: &Broker,
        cursor: &Cursor,
        segment: &Segment,
        (from, upto): (u64, u64),
        count: usize,
        work: &mut usize,
    ) -> u64 {
        let selected = &mut self.selected;
        let (end, forgotten) = broker.shared.registry.look_up(|standing, forgotten| {
            let (mut end, mut same) = (from, None);
            for (offset, number) in segment.entries(from, upto) {
                if *work == 0 || selected.len() == count {
                    return (end, forgotten);
                }
                (end, *work) = (offset, *work - 1);
                let Some(channel) = standing.find(number) else { continue };
                let is_selected = match same {
                    Some((known, is_selected)) if known == number => is_selected,
                    _ => cursor.tries(channel.name(), work),
                };
                same = Some((number, is_selected));
                if is_selected {
                    *work = work.saturating_sub(LOOK_WORK);
                    selected.push((offset, Arc::clone(channel)));
                }
            }
            (upto, forgotten)
        });
        self.note_forgotten(cursor, forgotten, from);
        end
    }

    /// Reads what was found, a run of one channel under one hold of its lock, and then is at `end`.
    fn read_selected(
        &mut self,
        broker: &Broker,
        cursor: &Cursor,
        end: u64,
        budget: &mut isize,
        context: ReadContext<'_>,
        is_wanted: impl Fn(&Channel, &Message) -> bool,
    ) {
        let mut selected = mem::take(&mut self.selected);
        let mut left = end;
        // Word of a loss comes before everything found, as after a scan.
        let gap_from = cursor.after;
        for same in selected.chunk_by(|one, other| Arc::ptr_eq(&one.1, &other.1)) {
            let [(first, channel), ..] = same else { continue };
            let Self { items, read_ahead, .. } = self;
            if self.waits {
                // So that what comes next is fetched together. What is found has to wait all the same.
                let _ = channel.next_after(&broker.shared, first - 1, 1, context, read_ahead);
                continue;
            }
            if *budget <= 0 {
                left = first - 1;
                break;
            }
            let last = same.last().map_or(*first, |(last, _)| *last);
            let range = (first - 1, last);
            let run =
                channel.read(&broker.shared, range, *budget, context, read_ahead, |message| {
                    if is_wanted(channel, message) {
                        items.push(Item::Message(Arc::clone(message)));
                    }
                });
            *budget = run.budget;
            for gone in [run.losses, run.unread] {
                self.note_loss(cursor, channel, gone, first - 1, gap_from, 0);
            }
            self.waits = run.waits;
            if let Some(next) = run.next.filter(|next| *next <= last) {
                left = next - 1;
                if !self.waits {
                    break;
                }
            }
        }
        self.upto = left;
        selected.clear();
        self.selected = selected;
    }

    /// Notes, before everything found, what forgotten channels had lost after `after`.
    pub(crate) fn note_forgotten(&mut self, cursor: &Cursor, forgotten: LossWatermark, after: u64) {
        self.has_met_loss |= forgotten.offset > after;
        for follow in cursor.follows.iter().filter(|follow| follow.channel.is_none()) {
            if follow.is_owed_forgotten(forgotten, after) {
                let pattern = follow.pattern.clone();
                self.note_gap(Gap { pattern, from: cursor.after, to: forgotten.offset }, 0);
            }
        }
    }

    /// Notes, ahead of item `at`, what the cursor is owed word of: losses after `after`, all of them
    /// after `from`.
    pub(crate) fn note_loss(
        &mut self,
        cursor: &Cursor,
        channel: &Channel,
        losses: LossWatermarks,
        after: u64,
        from: u64,
        at: usize,
    ) {
        self.has_met_loss |= losses.messages.offset.max(losses.tombstones.offset) > after;
        for (follow, lost) in cursor.owed(channel.name(), losses, after) {
            self.is_too_slow |= follow.is_sent_away(channel, lost);
            let gap = Gap { pattern: follow.pattern.clone(), from, to: lost.offset };
            self.note_gap(gap, at);
        }
    }
}

/// Work of one turn, counted in entries passed and patterns tried: some tens of microseconds.
const WALK_WORK_MAX: usize = 16_384;

/// A turn for fewer bytes does less work: one step for this many bytes,
const WALK_BYTES: usize = 4;

/// and so much at least.
const WALK_WORK_MIN: usize = 1_024;

/// What a look into a ring counts as, in entries passed.
const LOOK_WORK: usize = 8;

/// Entries looked up under one hold of the registry's lock, and their channels held in between,
const SELECTED_MAX: usize = 256;

/// and how many at first, as a reader may have room for few messages.
const SELECTED_MIN: usize = 8;
