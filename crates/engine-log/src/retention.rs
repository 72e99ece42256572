//! What goes: the oldest messages of a channel, old tombstones, values and ids whose time is over.
//!
//! Readers are told before a row is gone; the row goes with the next commit, without a sync of its
//! own. After a crash in between it is there again, and is taken again.

use crate::{
    batch::{World, units},
    channels::State,
    committer::Committer,
    layout::{self, Known},
    record::Record,
    store::{Order, Row, StoreError},
};
use std::ops::{Bound, ControlFlow};
use tidewire_broker::{ChannelName, Content, Draft, Label, Message, Options, Retention};

impl Committer {
    /// Removes from a channel what its retention no longer allows.
    pub(crate) fn retain(&mut self, channel: &ChannelName, now_ms: u64) {
        let Some(mut state) = self.world.channels.find(channel) else { return };
        let before = state;
        let retention = self.world.broker.options(channel).retention;
        let done = match state.is_compact {
            true => self.retain_tombstones(channel, &mut state, &retention, now_ms),
            false => self.retain_messages(&mut state, &retention, now_ms),
        };
        if let Err(error) = done {
            tracing::error!(%channel, %error, "cannot look for what retention takes");
        }
        if state == before {
            return;
        }
        if state.is_compact && state.count == 0 {
            // Its last tombstone went: nobody need remember that there was such a channel.
            state.taken = state.last;
        }
        if !state.is_compact || state.count == 0 {
            self.world.broker.lose(channel, state.taken);
        }
        self.world.removals.put(layout::channel(state.number), state.encode(channel));
        self.world.channels.set(channel.clone(), state);
    }

    /// Applies age limits to an eighth of the channels, or a thousand if that is more. Returns
    /// whether it came so far: it stops, to be called again soon, where much is to be removed.
    pub(crate) fn sweep(&mut self, now_ms: u64) -> bool {
        let count = self.world.channels.next_number();
        let slice = (count / 8).max(SWEPT_CHANNELS_MIN).min(count);
        let (end, mut expired) = (self.sweep_from + slice, Vec::new());
        while self.sweep_from < end && expired.len() < EXPIRED_A_ROUND {
            let number = self.sweep_from % count;
            if let Some(channel) = self.world.channels.name(number) {
                self.retain(&channel, now_ms);
                if self.world.has_enough_removals() {
                    break;
                }
                expired.extend(self.expired(&channel, now_ms));
                self.forget_ids(number, &channel, now_ms);
            }
            self.sweep_from += 1;
        }
        self.sweep_from = self.sweep_from.checked_rem(count).unwrap_or(0);
        let is_interrupted = self.world.has_enough_removals();
        self.remove_old_ids(now_ms);
        if !expired.is_empty() {
            self.append(expired, now_ms);
        }
        self.write_removals();
        // A store that takes nothing now is asked again in a second, not at once.
        !is_interrupted || !self.world.removals.is_empty()
    }

    /// Remembers the id of a message that is in the store.
    pub(crate) fn note_id(&mut self, offset: u64, known: Known) {
        let Some(channel) = self.world.channels.name(known.channel) else { return };
        let window = self.world.broker.options(&channel).repeats;
        let recent = self.world.recents.entry(known.channel).or_default();
        let before = recent.len();
        recent.note(known.id, known.digest, offset, &window, known.time_ms);
        self.world.ids = (self.world.ids + recent.len()).saturating_sub(before);
    }

    fn retain_messages(
        &mut self,
        state: &mut State,
        retention: &Retention,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        if !is_over(state, retention, now_ms) {
            return Ok(());
        }
        let (from, upto) =
            (layout::message(state.number, state.first), layout::message(state.number, state.last));
        let World { store, removals, .. } = &mut self.world;
        let mut is_done = false;
        store.scan(Bound::Included(&from), Bound::Included(&upto), Order::Ascending, |row| {
            let (Some(offset), Some(value)) = (layout::offset_of(row.key), row.value) else {
                return ControlFlow::Continue(());
            };
            let record = Record::decode(value);
            (state.first, state.first_ms) =
                (offset, record.as_ref().map_or(state.first_ms, |record| record.time_ms));
            let is_kept = record.is_some() && !is_over(state, retention, now_ms);
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
        while state.count > state.values && !self.world.has_enough_removals() {
            let Some((offset, key)) = self.oldest_tombstone(state.number, from)? else {
                return Ok(());
            };
            from = offset.saturating_add(1);
            let message = layout::message(state.number, offset);
            let value = self.world.store.find(&message).ok().flatten();
            let record = value.and_then(|value| Record::decode(&value));
            let over_time = record.is_none_or(|record| is_old(record.time_ms, retention, now_ms));
            let tombstones_bytes = state.bytes.saturating_sub(state.values_bytes);
            let is_over = state.count - state.values > units(retention.messages_max)
                || tombstones_bytes > units(retention.bytes_max);
            if !over_time && !is_over {
                return Ok(());
            }
            self.world.broker.lose_one(channel, offset);
            state.taken = state.taken.max(offset);
            self.world.removals.remove(message);
            self.world.removals.remove(layout::tombstone(state.number, offset));
            let Some(key) = key else { continue };
            let held = self.world.held(state.number, &key)?;
            if let Some(held) = held.filter(|held| held.offset == offset) {
                state.forget(held, &key);
                self.world.removals.remove(layout::key(state.number, &key));
            }
        }
        Ok(())
    }

    /// The first tombstone at `from` or behind it that is not on its way out, and its key.
    fn oldest_tombstone(
        &self,
        number: u64,
        from: u64,
    ) -> Result<Option<(u64, Option<Label>)>, StoreError> {
        let (from, upto) = (layout::tombstone(number, from), layout::tombstone(number, u64::MAX));
        let (mut oldest, world) = (None, &self.world);
        let find = |row: Row<'_>| {
            if row.value.is_none() || world.removals.removes(row.key) {
                return ControlFlow::Continue(());
            }
            oldest = layout::offset_of(row.key).map(|offset| (offset, label(row)));
            ControlFlow::Break(())
        };
        world.store.scan(Bound::Included(&from), Bound::Included(&upto), Order::Ascending, find)?;
        Ok(oldest)
    }

    /// Tombstones for values that nothing has renewed for too long.
    fn expired(&mut self, channel: &ChannelName, now_ms: u64) -> Vec<(ChannelName, Draft)> {
        let Options { compaction: Some(compaction), .. } = self.world.broker.options(channel)
        else {
            return Vec::new();
        };
        let (Some(age_max_ms), Some(mut state)) =
            (compaction.age_max_ms, self.world.channels.find(channel))
        else {
            return Vec::new();
        };
        let is_old = |time_ms: u64| time_ms.saturating_add(age_max_ms) <= now_ms;
        if state.values == 0 || !is_old(state.first_ms) {
            return Vec::new();
        }
        let (from, upto) =
            (layout::message(state.number, state.first), layout::message(state.number, state.last));
        let (mut expired, store) = (Vec::new(), &self.world.store);
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
            self.world.channels.set(channel.clone(), state);
        }
        expired
    }

    fn forget_ids(&mut self, number: u64, channel: &ChannelName, now_ms: u64) {
        let Some(recent) = self.world.recents.get_mut(&number) else { return };
        let window = self.world.broker.options(channel).repeats;
        self.world.ids = self.world.ids.saturating_sub(recent.forget(&window, now_ms));
        if recent.is_empty() {
            self.world.recents.remove(&number);
        }
    }

    /// Removes rows of ids whose time is over, so many a round.
    fn remove_old_ids(&mut self, now_ms: u64) {
        let (from, upto) = (layout::id(self.ids_from), layout::id(u64::MAX));
        let (world, mut old) = (&self.world, Vec::new());
        let (mut left, mut next) = (IDS_A_ROUND, 0);
        let visit = |row: Row<'_>| {
            if left == 0 {
                next = layout::offset_of(row.key).unwrap_or(0);
                return ControlFlow::Break(());
            }
            left -= 1;
            let Some(value) = row.value else { return ControlFlow::Continue(()) };
            let known = Known::decode(value);
            let window = known.as_ref().and_then(|known| {
                Some(world.broker.options(&world.channels.name(known.channel)?).repeats.age_max_ms)
            });
            let time_ms = known.map_or(0, |known| known.time_ms);
            if window.is_none_or(|window| time_ms.saturating_add(window) <= now_ms) {
                old.push(row.key.to_vec());
            }
            ControlFlow::Continue(())
        };
        let bounds = (Bound::Included(from.as_slice()), Bound::Included(upto.as_slice()));
        let _ = world.store.scan(bounds.0, bounds.1, Order::Ascending, visit);
        old.into_iter().for_each(|key| self.world.removals.remove(key));
        self.ids_from = next;
    }
}

impl World {
    /// Whether so much is on its way out that it should go before more does.
    fn has_enough_removals(&self) -> bool {
        self.removals.len() >= REMOVALS_MAX
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

/// So many channels are looked at in some milliseconds.
const SWEPT_CHANNELS_MIN: u64 = 1_000;

/// Values of one channel removed in one round: each is a message of its own.
const EXPIRED_MAX: usize = 1_000;

/// Those of all channels together: they are judged and committed at once.
const EXPIRED_A_ROUND: usize = 10_000;

/// Rows removed at once, while publishers wait: more than a batch of them can bring in, and some
/// tens of milliseconds.
const REMOVALS_MAX: usize = 16_384;

/// Ids looked at in one round: more than a second brings, on the average of any window.
const IDS_A_ROUND: usize = 20_000;
