//! The message ids by which repeats are recognised: remembered in memory, each with a row as long as it is remembered.

use crate::{
    commit_state::CommitState,
    committer::Committer,
    layout::{self, Known},
    store::{Order, Row, StoreError},
};
use std::{
    collections::HashMap,
    ops::{Bound, ControlFlow},
};
use tidewire_broker::{ChannelName, DedupOutcome, HeldId};

impl CommitState {
    /// Remembers the ids of the rows whose time is not over, the newest `ids_max` at most.
    ///
    /// Times rise with offsets, so it looks back until the longest window is over.
    pub(crate) fn load_ids(&mut self, now_ms: u64, ids_max: usize) -> Result<(), StoreError> {
        let now_ms = now_ms.max(self.time_ms);
        let longest_ms = self.broker.rules().repeats_age_max_ms();
        let (mut newest, mut counts) = (Vec::new(), HashMap::<u64, usize>::new());
        let visit = |row: Row<'_>| {
            let known = row.value.and_then(Known::decode);
            let Some((offset, known)) = layout::offset_of(row.key).zip(known) else {
                return ControlFlow::Continue(());
            };
            let is_over = |age_ms: u64| known.time_ms.saturating_add(age_ms) <= now_ms;
            if is_over(longest_ms) || newest.len() == ids_max {
                return ControlFlow::Break(());
            }
            let Some(channel) = self.channels.name(known.channel) else {
                return ControlFlow::Continue(());
            };
            let window = self.broker.options(&channel).repeats;
            let count = counts.entry(known.channel).or_default();
            if *count < window.ids_max && !is_over(window.age_max_ms) {
                *count += 1;
                newest.push((offset, known));
            }
            ControlFlow::Continue(())
        };
        self.scan_ids(0, Order::Descending, visit)?;
        newest.into_iter().rev().for_each(|(offset, known)| self.note_id(offset, known, None));
        Ok(())
    }

    /// Remembers the id of a message that is in the store.
    pub(crate) fn note_id(&mut self, offset: u64, known: Known, held: Option<HeldId>) {
        let Some(channel) = self.channels.name(known.channel) else { return };
        let window = self.broker.options(&channel).repeats;
        let recent = self.dedup_windows.entry(known.channel).or_default();
        let before = recent.len();
        let forgotten = recent.note(known.id, known.digest, offset, &window, known.time_ms, held);
        self.ids = (self.ids + recent.len()).saturating_sub(before);
        self.stale_ids.extend(forgotten);
    }

    /// Forgets a channel's ids whose time is over.
    pub(crate) fn forget_ids(&mut self, number: u64, channel: &ChannelName, now_ms: u64) {
        let Some(recent) = self.dedup_windows.get_mut(&number) else { return };
        let window = self.broker.options(channel).repeats;
        let forgotten = recent.forget(&window, now_ms);
        self.ids = self.ids.saturating_sub(forgotten.len());
        self.stale_ids.extend(forgotten);
        if recent.is_empty() {
            self.dedup_windows.remove(&number);
            if let Some(state) = self.channels.find(channel) {
                // Its ids may have been the last that was left of it.
                self.set(channel, state);
            }
        }
    }

    /// Sends some rows of ids that are no longer remembered on their way out: more than a batch of
    /// publishes can add.
    pub(crate) fn remove_stale_ids(&mut self) {
        if !self.has_enough_removals() {
            let count = self.stale_ids.len().min(IDS_REMOVED_MAX);
            for offset in self.stale_ids.drain(..count) {
                self.removals.remove(layout::id(offset));
            }
        }
    }

    /// Whether this row is what the memory knows of its id.
    fn remembers(&self, offset: u64, known: &Known) -> bool {
        let recent = self.dedup_windows.get(&known.channel).zip(self.channels.name(known.channel));
        recent.is_some_and(|(recent, channel)| {
            let window = self.broker.options(&channel).repeats;
            let seen = recent.look(&known.id, known.digest, &window, known.time_ms);
            seen == DedupOutcome::Duplicate(offset)
        })
    }

    fn scan_ids(
        &self,
        from: u64,
        order: Order,
        visit: impl FnMut(Row<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let (from, upto) = (layout::id(from), layout::id(u64::MAX));
        self.store.scan(Bound::Included(&from), Bound::Included(&upto), order, visit)
    }
}

impl Committer {
    /// Checks once each row of an id that existed at the start, a bounded number in each round. Ids that were not loaded
    /// then are removed. Returns whether all rows are checked.
    pub(crate) fn sort_out_ids(&mut self) -> bool {
        let Some(from) = self.ids_from else { return true };
        let (commit_state, mut stale) = (&self.commit_state, Vec::new());
        let (mut left, mut next) = (IDS_A_ROUND, None);
        let visit = |row: Row<'_>| {
            let Some(offset) = layout::offset_of(row.key) else { return ControlFlow::Continue(()) };
            if left == 0 {
                next = Some(offset);
                return ControlFlow::Break(());
            }
            left -= 1;
            let known = row.value.and_then(Known::decode);
            if !known.is_some_and(|known| commit_state.remembers(offset, &known)) {
                stale.push(offset);
            }
            ControlFlow::Continue(())
        };
        if let Err(error) = commit_state.scan_ids(from, Order::Ascending, visit) {
            self.log_unread(&error, "expired ids");
            return true;
        }
        self.commit_state.stale_ids.extend(stale);
        self.ids_from = next;
        next.is_none()
    }
}

/// Rows looked at in one turn: some tens of milliseconds.
const IDS_A_ROUND: usize = 20_000;

/// Rows removed with one commit.
const IDS_REMOVED_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        LogEngine, Settings,
        inspection::{commit_state, publish, rows, store},
    };
    use tidewire_broker::{Limits, Options, Repeats, Rules};

    fn settings(ids_max: usize) -> Settings {
        let repeats = Repeats { ids_max, age_max_ms: 100 };
        let rules = Rules::all(Options { repeats, ..Options::default() });
        Settings { limits: Limits { rules, ..Limits::default() }, ..Settings::default() }
    }

    /// A store in which 50 messages have ids, at times from 1,000 ms on.
    fn published(settings: &Settings) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let (engine, _broker) = LogEngine::open(directory.path(), settings.clone(), 0).unwrap();
        for number in 0..50 {
            publish(&engine, "a", Some(&number.to_string()), 1_000 + number);
        }
        directory
    }

    #[test]
    fn the_rows_are_those_that_are_remembered() {
        let directory = published(&settings(3));
        let offsets: Vec<_> = rows(&store(directory.path()), layout::IDS)
            .iter()
            .filter_map(|key| layout::offset_of(key))
            .collect();
        assert_eq!(offsets, [48, 49, 50]);
    }

    #[test]
    fn of_more_rows_than_may_be_remembered_the_newest_are() {
        let settings = settings(1_000);
        let mut commit_state = commit_state(published(&settings).path(), &settings, 2_000);
        assert_eq!(commit_state.ids, 0, "the time of all is over");
        commit_state.load_ids(1_049, 20).unwrap();
        assert_eq!(commit_state.ids, 20);
        let known = |number: u64| {
            let (id, draft) = (number.to_string().parse().unwrap(), crate::inspection::draft());
            let recent = commit_state.dedup_windows.values().next().unwrap();
            let window = commit_state.broker.rules().defaults().repeats;
            recent.look(&id, tidewire_broker::digest(&draft), &window, 1_049)
        };
        assert_eq!(
            (known(29), known(30), known(49)),
            (DedupOutcome::New, DedupOutcome::Duplicate(31), DedupOutcome::Duplicate(50))
        );
    }

    #[test]
    fn rows_whose_time_was_over_at_the_start_are_gone_after_a_sweep() {
        let settings = settings(1_000);
        let directory = published(&settings);
        let (engine, broker) = LogEngine::open(directory.path(), settings, 1_130).unwrap();
        engine.sweep(1_130);
        publish(&engine, "a", None, 1_130);
        drop((engine, broker));
        // Of the ids from 0 to 49, those up to 30 were taken 100 ms ago or longer.
        assert_eq!(rows(&store(directory.path()), layout::IDS).len(), 19);
    }
}
