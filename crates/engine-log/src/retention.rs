//! Removes the oldest messages of a channel, old tombstones, and values and ids that have expired.
//!
//! The broker learns of the loss before a row is removed. The row is removed with the next commit, without a sync of
//! its own. After a crash in between the row is there again, and is removed again.

use crate::{
    channels::State,
    commit_state::{CommitState, REMOVALS_MAX, units},
    committer::Committer,
    layout,
    record::Record,
    store::{Order, Row, StoreError},
};
use std::ops::{Bound, ControlFlow};
use tidewire_broker::{
    ChannelName, Compaction, Content, Draft, Label, LossKind, Message, Options, Retention,
};

impl Committer {
    /// Removes from a channel what its retention no longer allows.
    pub(crate) fn retain(&mut self, channel: &ChannelName, now_ms: u64) {
        let Some(mut state) =
            self.commit_state.channels.find(channel).filter(|state| state.count > 0)
        else {
            return;
        };
        let before = state;
        let retention = self.commit_state.broker.options(channel).retention;
        let done = match state.is_compact {
            true => self.retain_tombstones(channel, &mut state, &retention, now_ms),
            false => self.retain_messages(&mut state, &retention, now_ms),
        };
        if let Err(error) = done {
            self.log_unread(&error, "messages that retention removes");
        }
        self.announce(channel, before, state);
    }

    /// Reports to the broker what a channel has lost, and queues its new state with the rows to remove.
    pub(crate) fn announce(&mut self, channel: &ChannelName, before: State, mut state: State) {
        if state == before {
            return;
        }
        if state.is_compact && state.count == 0 {
            // Its last tombstone went: nobody need remember that there was such a channel. If that was
            // not its newest message, something else went before.
            state.lost_messages |= state.taken < state.last || state.values > 0;
            state.taken = state.last;
        }
        if !state.is_compact || state.count == 0 {
            self.commit_state.broker.lose(channel, state.taken, state.loss());
        }
        self.commit_state.removals.put(layout::channel(state.number), state.encode(channel));
        self.commit_state.set(channel, state);
    }

    /// Applies age limits to an eighth of the channels, or a thousand if that is more, and forgets
    /// what nobody needs. Returns whether it came so far: it stops where much is to be removed, to be
    /// called again soon with the same time.
    pub(crate) fn sweep(&mut self, now_ms: u64) -> bool {
        self.has_logged_full = false;
        self.renew_generation(now_ms);
        // These first, as what retention takes may leave no room for them, round after round.
        let has_sorted_out = self.sort_out_ids();
        self.commit_state.remove_stale_ids();
        self.commit_state.forget_channels();
        if let Err(error) = self.commit_state.trim_order() {
            self.log_unread(&error, "blocks of the order to remove");
        }
        self.evict();
        let count = self.commit_state.channels.len();
        let interrupted = self.unswept.take().filter(|(began_ms, _)| *began_ms == now_ms);
        let left = interrupted.map_or((count / 8).max(SWEPT_CHANNELS_MIN), |(_, left)| left);
        let (expired, left) = self.sweep_channels(left.min(count), now_ms);
        let is_done = has_sorted_out
            && self.commit_state.stale_ids.is_empty()
            && !self.commit_state.has_dead_in_excess()
            && !self.commit_state.is_over_bytes()
            && !self.commit_state.has_enough_removals();
        if !expired.is_empty() {
            self.append(expired, now_ms);
        }
        self.write_removals();
        self.note_stored();
        if !is_done {
            self.unswept = Some((now_ms, left));
        }
        // A store that takes nothing now is asked again in a second, not at once.
        is_done || !self.commit_state.removals.is_empty()
    }

    /// Applies age limits to the next `left` channels. Returns the tombstones due to old values, and
    /// to how many channels it did not come.
    fn sweep_channels(
        &mut self,
        mut left: usize,
        now_ms: u64,
    ) -> (Vec<(ChannelName, Draft)>, usize) {
        let mut expired = Vec::new();
        while left > 0 && expired.len() < EXPIRED_A_ROUND {
            let Some((number, channel)) = self.commit_state.channels.name_from(self.sweep_from)
            else {
                // After the last comes the first again.
                self.sweep_from = 0;
                continue;
            };
            self.sweep_from = number;
            self.retain(&channel, now_ms);
            if self.commit_state.has_enough_removals() {
                break;
            }
            expired.extend(self.expired(&channel, now_ms));
            self.commit_state.forget_ids(number, &channel, now_ms);
            self.sweep_from = number.saturating_add(1);
            left -= 1;
        }
        (expired, left)
    }

    fn retain_messages(
        &mut self,
        state: &mut State,
        retention: &Retention,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let is_over = |state: &State| is_over(state, retention, now_ms);
        if is_over(state) { self.remove_messages(state, is_over) } else { Ok(()) }
    }

    /// Removes a channel's oldest messages while its figures are over a bound.
    pub(crate) fn remove_messages(
        &mut self,
        state: &mut State,
        is_over: impl Fn(&State) -> bool,
    ) -> Result<(), StoreError> {
        let (from, upto) =
            (layout::message(state.number, state.first), layout::message(state.number, state.last));
        let CommitState { store, removals, .. } = &mut self.commit_state;
        let mut is_done = false;
        store.scan(Bound::Included(&from), Bound::Included(&upto), Order::Ascending, |row| {
            let (Some(offset), Some(value)) = (layout::offset_of(row.key), row.value) else {
                return ControlFlow::Continue(());
            };
            let record = Record::decode(value);
            (state.first, state.first_ms) =
                (offset, record.as_ref().map_or(state.first_ms, |record| record.time_ms));
            let is_kept = record.is_some() && !is_over(state);
            if is_kept || removals.len() >= REMOVALS_MAX {
                is_done = true;
                return ControlFlow::Break(());
            }
            let cost = record.map_or(0, |record| units(Message::cost_of(&record.draft)));
            state.count = state.count.saturating_sub(1);
            state.bytes = state.bytes.saturating_sub(cost);
            state.taken = offset;
            removals.remove(row.key.to_vec());
            ControlFlow::Continue(())
        })?;
        if !is_done {
            // Nothing is left, whatever damaged rows made of the figures.
            (state.count, state.bytes, state.taken) = (0, 0, state.last);
        }
        Ok(())
    }

    fn retain_tombstones(
        &mut self,
        channel: &ChannelName,
        state: &mut State,
        retention: &Retention,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let mut from = 0;
        while state.count > state.values && !self.commit_state.has_enough_removals() {
            let Some((offset, key)) = self.oldest_tombstone(state.number, from)? else {
                return Ok(());
            };
            from = offset.saturating_add(1);
            let message = layout::message(state.number, offset);
            let value = self.commit_state.store.find(&message).ok().flatten();
            let record = value.and_then(|value| Record::decode(&value));
            let over_time =
                record.as_ref().is_none_or(|record| is_old(record.time_ms, retention, now_ms));
            let tombstones_bytes = state.bytes.saturating_sub(state.values_bytes);
            let is_over = state.count - state.values > units(retention.messages_max)
                || tombstones_bytes > units(retention.bytes_max);
            if !over_time && !is_over {
                return Ok(());
            }
            let is_known = record.is_some_and(|Record { draft, .. }| {
                draft.content.is_nothing() && draft.key.is_some() && draft.key == key
            });
            let loss = if is_known { LossKind::Tombstones } else { LossKind::Messages };
            state.lost_messages |= !is_known;
            self.commit_state.broker.lose_one(channel, offset, loss);
            state.taken = state.taken.max(offset);
            self.commit_state.removals.remove(message);
            self.commit_state.removals.remove(layout::tombstone(state.number, offset));
            let Some(key) = key else { continue };
            let held = self.commit_state.held(state.number, &key)?;
            if let Some(held) = held.filter(|held| held.offset == offset) {
                state.forget(held, &key);
                self.commit_state.removals.remove(layout::key(state.number, &key));
            }
        }
        Ok(())
    }

    /// The first tombstone at or after `from` that is not being removed, and its key.
    fn oldest_tombstone(
        &self,
        number: u64,
        from: u64,
    ) -> Result<Option<(u64, Option<Label>)>, StoreError> {
        let (from, upto) = (layout::tombstone(number, from), layout::tombstone(number, u64::MAX));
        let (mut oldest, commit_state) = (None, &self.commit_state);
        let find = |row: Row<'_>| {
            if row.value.is_none() || commit_state.removals.removes(row.key) {
                return ControlFlow::Continue(());
            }
            oldest = layout::offset_of(row.key).map(|offset| (offset, label(row)));
            ControlFlow::Break(())
        };
        commit_state.store.scan(
            Bound::Included(&from),
            Bound::Included(&upto),
            Order::Ascending,
            find,
        )?;
        Ok(oldest)
    }

    /// Tombstones for values that nothing has renewed for too long.
    fn expired(&mut self, channel: &ChannelName, now_ms: u64) -> Vec<(ChannelName, Draft)> {
        let state = self.commit_state.channels.find(channel).filter(|state| state.values > 0);
        let Some(mut state) = state else { return Vec::new() };
        let Options { compaction: Some(Compaction { age_max_ms: Some(age_max_ms), .. }), .. } =
            self.commit_state.broker.options(channel)
        else {
            return Vec::new();
        };
        let is_old = |time_ms: u64| time_ms.saturating_add(age_max_ms) <= now_ms;
        if !is_old(state.first_ms) {
            return Vec::new();
        }
        let (from, upto) =
            (layout::message(state.number, state.first), layout::message(state.number, state.last));
        let (mut expired, store) = (Vec::new(), &self.commit_state.store);
        let scanned =
            store.scan(Bound::Included(&from), Bound::Included(&upto), Order::Ascending, |row| {
                let Some(record) = row.value.and_then(Record::decode) else {
                    return ControlFlow::Continue(());
                };
                if !is_old(record.time_ms) || expired.len() == EXPIRED_MAX {
                    state.first = layout::offset_of(row.key).unwrap_or(state.first);
                    state.first_ms = record.time_ms;
                    return ControlFlow::Break(());
                }
                if !record.draft.content.is_nothing() {
                    let nothing = Draft { key: record.draft.key, ..Draft::new(Content::Nothing) };
                    expired.push((channel.clone(), nothing));
                }
                ControlFlow::Continue(())
            });
        if scanned.is_ok() && expired.is_empty() {
            self.commit_state.set(channel, state);
        }
        expired
    }
}

fn is_over(state: &State, retention: &Retention, now_ms: u64) -> bool {
    state.count > units(retention.messages_max)
        || state.bytes > units(retention.bytes_max) && state.count > 1
        || state.count > 0 && is_old(state.first_ms, retention, now_ms)
}

fn is_old(time_ms: u64, retention: &Retention, now_ms: u64) -> bool {
    time_ms.saturating_add(retention.age_max_ms) <= now_ms
}

/// The key that a tombstone's row names.
fn label(row: Row<'_>) -> Option<Label> {
    std::str::from_utf8(row.value?).ok()?.parse().ok()
}

/// This many channels are checked in some milliseconds.
const SWEPT_CHANNELS_MIN: usize = 1_000;

/// Values of one channel removed in one round: each is a message of its own.
const EXPIRED_MAX: usize = 1_000;

/// Those of all channels together: they are validated and committed at once.
const EXPIRED_A_ROUND: usize = 10_000;
