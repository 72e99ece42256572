//! Everything that the committer knows. Judging looks at it, and only what is committed, or on its
//! way out with the next commit, changes it.

use crate::{
    channels::{Channels, State},
    layout::{self, Held, Progress},
    pending::Changes,
    store::{Order, Store, StoreError},
    totals::Totals,
};
use std::{
    collections::{HashMap, VecDeque},
    ops::{Bound, ControlFlow},
    sync::Arc,
};
use tidewire_broker::{Broker, ChannelName, DedupWindow, Label};

/// The store, what is known of it in memory, and the broker before it.
#[derive(Debug)]
pub(crate) struct CommitState {
    pub(crate) store: Arc<Store>,
    pub(crate) channels: Arc<Channels>,
    pub(crate) broker: Broker,
    pub(crate) totals: Totals,
    /// The ids remembered, by the channel's number,
    pub(crate) dedup_windows: HashMap<u64, DedupWindow>,
    /// how many that is,
    pub(crate) ids: usize,
    /// and the offsets of messages whose ids are remembered no longer: their rows are to go.
    pub(crate) stale_ids: VecDeque<u64>,
    /// The newest offset, and the newest time.
    pub(crate) last: u64,
    pub(crate) time_ms: u64,
    /// The newest offset of any channel that has been forgotten.
    pub(crate) forgotten: u64,
    /// What all messages together may cost.
    pub(crate) bytes_max: u64,
    /// What retention has taken, and what a start had no room for, on its way out with the next
    /// commit.
    pub(crate) removals: Changes,
}

impl CommitState {
    /// Notes the new figures of a channel.
    pub(crate) fn set(&mut self, name: &ChannelName, state: State) {
        if let Some(before) = self.channels.find(name) {
            self.totals.subtract(&before);
        }
        self.totals.add(&state, self.dedup_windows.contains_key(&state.number));
        self.channels.set(name.clone(), state);
        self.channels.set_oldest(self.totals.first());
    }

    /// Checks in debug builds that everything agrees, as long as there are few channels.
    pub(crate) fn check_if_small(&self) {
        if cfg!(debug_assertions) && self.channels.len() <= CHECKED_MAX {
            self.check();
        }
    }

    /// Checks that everything agrees. O(channels).
    fn check(&self) {
        let (mut totals, mut from) = (Totals::default(), 0);
        while let Some((number, name)) = self.channels.name_from(from) {
            let state = self.channels.find(&name).unwrap_or_default();
            assert_eq!(state.number, number, "a channel has another's number");
            assert!(state.taken <= state.last && state.last <= self.last, "{name} is ahead");
            assert!(state.values <= state.count, "{name} has more values than messages");
            totals.add(&state, false);
            from = number + 1;
        }
        assert!(totals.counts_as(&self.totals), "{totals:?} and not {:?}", self.totals);
        assert!(self.forgotten <= self.last, "what was forgotten is ahead");
        let ids: usize = self.dedup_windows.values().map(DedupWindow::len).sum();
        assert_eq!(ids, self.ids, "ids of all channels");
    }

    /// The newest message of a key, as far as has been committed.
    pub(crate) fn held(&self, channel: u64, key: &Label) -> Result<Option<Held>, StoreError> {
        let key = layout::key(channel, key);
        if self.removals.removes(&key) {
            return Ok(None);
        }
        Ok(self.store.find(&key)?.and_then(|value| Held::decode(&value)))
    }

    /// How far everything has come.
    pub(crate) fn progress(&self) -> Progress {
        Progress {
            last: self.last,
            channels: units(self.channels.len()),
            time_ms: self.time_ms,
            next_number: self.channels.next_number(),
            forgotten: self.forgotten,
        }
    }

    /// Forgets channels without messages, the longest quiet first, until no more remain than the limits allow; a
    /// bounded number in each round.
    ///
    /// One commit removes their rows and records the newest offset of all of them. A forgotten name that is used again
    /// begins at that offset, so a reader that resumes from before it gets a gap notice.
    pub(crate) fn forget_channels(&mut self) {
        let mut left = FORGOTTEN_A_ROUND;
        while left > 0
            && self.has_dead_in_excess()
            && let Some(number) = self.totals.oldest_dead()
            && let Some(state) = self.channels.state(number)
        {
            // Before the row is removed: from then on the order does not name it.
            self.broker.lose_forgotten(state.last);
            self.channels.forget(number);
            self.totals.subtract(&state);
            self.forgotten = self.forgotten.max(state.last);
            self.removals.remove(layout::channel(state.number));
            self.removals.remove(layout::name(state.number));
            left -= 1;
        }
        if left < FORGOTTEN_A_ROUND {
            self.removals.put(layout::progress(), self.progress().encode());
        }
    }

    /// Sends blocks of the order on their way out that are older than every message, or reach so far back
    /// that walking along them is more work than to look at what is held.
    pub(crate) fn trim_order(&mut self) -> Result<(), StoreError> {
        let walked = self.totals.messages().saturating_mul(WALKED_A_MESSAGE).max(ORDER_MIN);
        let keep_from = self.totals.first().max(self.last.saturating_sub(walked));
        let Some(end) = keep_from.checked_sub(1) else { return Ok(()) };
        let (from, upto) = (layout::order(0), layout::order(end));
        let removals = &mut self.removals;
        self.store.scan(Bound::Included(&from), Bound::Included(&upto), Order::Ascending, |row| {
            if row.value.is_some() {
                removals.remove(row.key.to_vec());
            }
            match removals.len() < REMOVALS_MAX {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })
    }

    /// Whether channels wait to be forgotten.
    pub(crate) fn has_dead_in_excess(&self) -> bool {
        self.totals.dead() > self.broker.limits().dead_channels_max
    }

    /// Whether messages that may go cost more than there is room for.
    pub(crate) fn is_over_bytes(&self) -> bool {
        self.totals.bytes() > self.bytes_max && self.totals.oldest().is_some()
    }

    /// Whether so much is on its way out that it should go before more does.
    pub(crate) fn has_enough_removals(&self) -> bool {
        self.removals.len() >= REMOVALS_MAX
    }
}

/// Channels up to which all of them are looked at after each commit, in debug builds.
const CHECKED_MAX: usize = 16;

/// A number of bytes or messages as the store keeps it.
pub(crate) fn units(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Rows removed at once, while publishers wait: more than a batch of them can bring in, and some
/// tens of milliseconds.
pub(crate) const REMOVALS_MAX: usize = 16_384;

/// Channels forgotten at once, half of what may be removed: the rest is for what retention takes.
const FORGOTTEN_A_ROUND: usize = 8_192;

/// Offsets passed along the order for each message held, at most: more of them have been superseded or
/// are gone.
const WALKED_A_MESSAGE: u64 = 4;

/// A quarter of a megabyte.
const ORDER_MIN: u64 = 65_536;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        LogEngine, Settings,
        inspection::{commit_state, publish, rows},
    };
    use tidewire_broker::{Limits, Options, Retention, Rule, Rules};

    /// Only what is published in `gone.*` goes.
    fn settings() -> Settings {
        let retention = Retention { age_max_ms: u64::MAX, ..Retention::default() };
        let short = Rule { retention_age_ms: Some(10), ..Rule::default() };
        let options = Options { retention, ..Options::default() };
        let rules = Rules::new(options, [("gone.*".parse().unwrap(), short)]);
        Settings {
            limits: Limits { rules, dead_channels_max: 0, ..Limits::default() },
            ..Settings::default()
        }
    }

    #[test]
    fn nothing_of_what_was_forgotten_is_left_and_its_number_is_not_given_again() {
        let directory = tempfile::tempdir().unwrap();
        for round in 1..=3 {
            let (engine, broker) = LogEngine::open(directory.path(), settings(), 7).unwrap();
            let now_ms = round * 1_000_000;
            publish(&engine, "clock", None, now_ms);
            publish(&engine, &format!("gone.{round}"), Some("id"), now_ms);
            // The message and its id go with one round, the name with the next.
            for _ in 0..4 {
                engine.sweep(now_ms + 200_000);
                publish(&engine, "clock", None, now_ms + 200_000);
            }
            drop((engine, broker));
            let commit_state = commit_state(directory.path(), &settings(), 8);
            assert_eq!(rows(&commit_state.store, layout::CHANNELS), [layout::channel(0)], "clock");
            assert!(rows(&commit_state.store, layout::IDS).is_empty());
            assert!(
                rows(&commit_state.store, b'm')
                    .iter()
                    .all(|key| layout::channel_of(key) == Some(0))
            );
            assert_eq!(commit_state.channels.next_number(), round + 1);
        }
    }

    fn state() -> (tempfile::TempDir, CommitState) {
        let directory = tempfile::tempdir().unwrap();
        let mut state = commit_state(directory.path(), &Settings::default(), 7);
        state.last = 9;
        let one = State { number: 1, first: 9, last: 9, count: 1, bytes: 1, ..State::default() };
        state.set(&"a".parse().unwrap(), one);
        state.check();
        (directory, state)
    }

    #[test]
    #[should_panic(expected = "ids of all channels")]
    fn ids_that_are_counted_wrongly_are_noticed() {
        let (_directory, mut state) = state();
        state.ids += 1;
        state.check();
    }

    #[test]
    #[should_panic(expected = "a is ahead")]
    fn a_channel_ahead_of_the_log_is_noticed() {
        let (_directory, mut state) = state();
        state.last = 8;
        state.check();
    }

    #[test]
    #[should_panic(expected = "and not")]
    fn totals_that_are_not_those_of_the_channels_are_noticed() {
        let (_directory, mut state) = state();
        state.totals.add(&State { count: 1, first: 3, ..State::default() }, false);
        state.check();
    }
}
