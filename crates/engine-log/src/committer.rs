//! The one thread that writes: takes what waits, validates it, commits it with one sync, brings it
//! into the broker, answers, and only then looks at what retention takes.

use crate::{
    Sync,
    batch::Batch,
    clock::Clock,
    commit_state::CommitState,
    log_throttle::LogThrottle,
    opening,
    pending::Changes,
    queue::{Promise, Queue, Request, Work},
    store::{StoreError, Wait},
    sync_timer::SyncTimer,
};
use std::{collections::VecDeque, sync::Arc, time::Instant};
use tidewire_broker::{AppendError, ChannelName, Draft, EngineError};

/// Everything the thread owns.
#[derive(Debug)]
pub(crate) struct Committer {
    pub(crate) commit_state: CommitState,
    pub(crate) sync: Sync,
    /// The channel with which the next round of age limits begins.
    pub(crate) sweep_from: u64,
    /// Of a round of age limits that was interrupted: its time, and how many channels are left.
    pub(crate) unswept: Option<(u64, usize)>,
    /// Where the next round looks at the rows of ids that there were at the start, until it is through.
    pub(crate) ids_from: Option<u64>,
    /// Whether it was logged since the last sweep that values which must stay leave no room.
    pub(crate) has_logged_full: bool,
    clock: Clock,
    timer: SyncTimer,
    /// When the generation is renewed next, by the clock of the sweeps.
    generation_due_ms: u64,
    /// Commits and syncs that fail,
    refused: LogThrottle,
    /// and reads.
    unread: LogThrottle,
}

impl Committer {
    pub(crate) fn new(commit_state: CommitState, sync: Sync, clock: Clock) -> Self {
        Self {
            commit_state,
            sync,
            sweep_from: 0,
            unswept: None,
            ids_from: Some(0),
            has_logged_full: false,
            clock,
            timer: SyncTimer::new(sync),
            generation_due_ms: 0,
            refused: LogThrottle::default(),
            unread: LogThrottle::default(),
        }
    }

    /// Works until the queue is closed and empty, then leaves the store as after a quiet end.
    pub(crate) fn run(mut self, queue: &Queue) {
        let mut company = 0;
        loop {
            let Work { requests, sweep_ms, is_last } =
                queue.take(self.timer.due_in(self.clock.now()), company);
            company = requests.len();
            if !requests.is_empty() {
                self.publish(requests);
            }
            if let Some(now_ms) = sweep_ms
                && !self.sweep(now_ms)
            {
                // Publishers that wait have their turn, then it goes on.
                queue.sweep(now_ms);
            }
            if self.timer.due_in(self.clock.now()).is_some_and(|left| left.is_zero()) {
                self.flush();
            }
            if is_last {
                break;
            }
        }
        self.commit_state.remove_stale_ids();
        self.write_removals();
        if self.commit_state.removals.is_empty() {
            opening::close(&self.commit_state.store, self.sync);
        } else {
            // A new epoch may be among them: without it this must not look like a quiet end.
            let store = self.commit_state.store.path();
            tracing::error!(%store, "the store was not closed cleanly; the next start recovers it");
        }
    }

    /// Appends what the server itself has to say. Nobody waits for an answer.
    pub(crate) fn append(&mut self, drafts: Vec<(ChannelName, Draft)>, now_ms: u64) {
        let mut batch = Batch::new(&self.commit_state);
        for (channel, draft) in drafts {
            // It only removes, so it fails when the disk does; then the next round tries again.
            let options = self.commit_state.broker.options(&channel);
            let _ = batch.admit(&channel, &options, draft, None, now_ms);
        }
        batch.close();
        let made = ValidatedBatch::of(batch);
        let _ = self.commit(made);
    }

    fn publish(&mut self, requests: VecDeque<Request>) {
        let mut batch = Batch::new(&self.commit_state);
        let mut answers = Vec::with_capacity(requests.len());
        for Request { permit, draft, now_ms, queued, promise } in requests {
            let channel = permit.channel();
            let options = self.commit_state.broker.options(channel);
            let validated = options.validate(&permit, &draft);
            match validated
                .and_then(|()| batch.admit(channel, &options, draft, permit.account(), now_ms))
            {
                Ok(offset) => answers.push((promise, offset, queued)),
                Err(error) => promise.keep(Err(error)),
            }
        }
        batch.close();
        let is_state_full = batch.is_state_full;
        let made = ValidatedBatch::of(batch);
        if is_state_full {
            self.log_full_state();
        }
        let outcome = if made.entries.is_empty() { Ok(()) } else { self.commit(made) };
        self.answer(answers, outcome);
    }

    fn log_full_state(&mut self) {
        if !std::mem::replace(&mut self.has_logged_full, true) {
            let bytes_max = self.commit_state.bytes_max;
            tracing::error!(
                bytes_max,
                "values of compacted channels fill data_bytes_max: messages that would add to \
                them are refused"
            );
        }
    }

    /// Commits a batch and brings it to the readers; or nothing has happened.
    fn commit(&mut self, made: ValidatedBatch) -> Result<(), AppendError> {
        self.commit_state.remove_stale_ids();
        let mut changes = self.commit_state.removals.clone();
        changes.extend(made.changes);
        let wait = if self.sync == Sync::Always { Wait::ForDisk } else { Wait::Not };
        let begun = self.clock.now();
        let committed = self.commit_state.store.commit(changes, wait);
        let taken = self.clock.now().saturating_duration_since(begun);
        self.commit_state.store.metrics.commits.record(taken);
        committed.map_err(|error| self.refusal(&error))?;
        self.log_end();
        self.commit_state.removals = Changes::default();
        if self.sync != Sync::Always {
            self.timer.handle_commit(self.clock.now());
        }
        (self.commit_state.last, self.commit_state.time_ms) = (made.last, made.time_ms);
        let touched: Vec<_> = made.states.keys().cloned().collect();
        for (name, state) in made.states {
            self.commit_state.set(&name, state);
        }
        for (entry, supersedes) in made.entries {
            if let Err(error) = self.commit_state.broker.ingest(entry, supersedes) {
                tracing::error!(%error, "a message is stored but cannot be delivered");
            }
        }
        for (offset, known, held) in made.ids {
            self.commit_state.note_id(offset, known, held);
        }
        let now_ms = self.commit_state.time_ms;
        touched.iter().for_each(|channel| self.retain(channel, now_ms));
        self.evict();
        self.note_stored();
        self.commit_state.check_if_small();
        Ok(())
    }

    /// Has metrics know what is stored.
    pub(crate) fn note_stored(&self) {
        let CommitState { store, totals, .. } = &self.commit_state;
        store.metrics.note_stored(totals.messages(), totals.bytes());
    }

    fn answer(&self, answers: Vec<(Promise, u64, Instant)>, outcome: Result<(), AppendError>) {
        let now = self.clock.now();
        for (promise, offset, queued) in answers {
            let taken = now.saturating_duration_since(queued);
            self.commit_state.store.metrics.answers.record(taken);
            promise.keep(outcome.map(|()| self.commit_state.broker.position(offset)));
        }
    }

    /// Writes what retention has taken, when no publish comes to take it along.
    pub(crate) fn write_removals(&mut self) {
        if self.commit_state.removals.is_empty() {
            return;
        }
        // Not waited for: what a crash brings back is taken again.
        if self.commit_state.store.commit(self.commit_state.removals.clone(), Wait::Not).is_ok() {
            self.commit_state.removals = Changes::default();
        }
    }

    /// The error for publishers if the store has failed.
    fn refusal(&self, error: &StoreError) -> EngineError {
        self.commit_state.store.metrics.note_failed_commit();
        if self.refused.should_log(self.clock.now()) {
            let store = self.commit_state.store.path();
            tracing::error!(%store, %error, "the store cannot be written: publishes are refused");
        }
        match error {
            StoreError::Full => EngineError::StorageFull,
            _ => EngineError::Unavailable,
        }
    }

    /// Has the store's folder know, once a minute, how far the store has come.
    pub(crate) fn renew_generation(&mut self, now_ms: u64) {
        if now_ms >= self.generation_due_ms {
            self.commit_state.store.renew_generation();
            self.generation_due_ms = now_ms.saturating_add(GENERATION_MS);
        }
    }

    pub(crate) fn log_unread(&self, error: &StoreError, wanted: &'static str) {
        self.commit_state.store.metrics.note_failed_read();
        if self.unread.should_log(self.clock.now()) {
            let store = self.commit_state.store.path();
            tracing::error!(%store, %error, wanted, "the store cannot be read; logged once a \
                minute");
        }
    }

    fn log_end(&self) {
        self.commit_state.store.metrics.note_written();
        if self.refused.has_ended() {
            let store = self.commit_state.store.path();
            tracing::info!(%store, "the store can be written again");
        }
    }

    fn flush(&mut self) {
        match self.commit_state.store.sync() {
            Ok(()) => {
                self.timer.handle_sync();
                self.log_end();
            }
            Err(error) => {
                self.commit_state.store.metrics.note_failed_sync();
                if self.refused.should_log(self.clock.now()) {
                    let store = self.commit_state.store.path();
                    tracing::error!(%store, %error, "the store cannot be synced; trying again");
                }
                self.timer.handle_failure(self.clock.now());
            }
        }
    }
}

/// A validated batch that no longer borrows the commit state.
struct ValidatedBatch {
    changes: Changes,
    entries: Vec<(tidewire_broker::Entry, Option<u64>)>,
    states: std::collections::HashMap<ChannelName, crate::channels::State>,
    ids: Vec<(u64, crate::layout::Known, Option<tidewire_broker::HeldId>)>,
    last: u64,
    time_ms: u64,
}

impl ValidatedBatch {
    fn of(batch: Batch<'_>) -> Self {
        let Batch { changes, entries, states, ids, last, time_ms, .. } = batch;
        Self { changes, entries, states, ids, last, time_ms }
    }
}

const GENERATION_MS: u64 = 60_000;

/// The committer's thread, by name.
pub(crate) fn spawn(
    committer: Committer,
    queue: Arc<Queue>,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    let thread = std::thread::Builder::new().name("tidewire-log".into());
    thread.spawn(move || {
        let queue = AbandonOnDrop(queue);
        committer.run(&queue.0);
    })
}

/// However the thread ends, also by a panic, the publishes that wait for it are answered.
struct AbandonOnDrop(Arc<Queue>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
