//! Judging what came in together: each message sees those before it in the batch, although none is
//! in the store yet. Nothing outside changes until the batch is committed, and nothing if it fails.

use crate::{
    channels::State,
    commit_state::{CommitState, units},
    layout::{self, Held, Known, Progress},
    pending::Changes,
    record::Record,
};
use std::collections::HashMap;
use tidewire_broker::{
    AppendError, ChannelName, DedupOutcome, Draft, DraftError, EngineError, Entry, HeldId, IDS_MAX,
    IdAccount, Label, Message, Options, digest, hold, key_cost_bytes,
};

/// Messages that will be committed together.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    commit_state: &'a CommitState,
    pub(crate) changes: Changes,
    /// In order, each with the offset it supersedes.
    pub(crate) entries: Vec<(Entry, Option<u64>)>,
    pub(crate) states: HashMap<ChannelName, State>,
    pub(crate) ids: Vec<(u64, Known, Option<HeldId>)>,
    pub(crate) last: u64,
    pub(crate) time_ms: u64,
    held: HashMap<(u64, Label), Option<Held>>,
    by_id: HashMap<(u64, Label), (u128, u64)>,
    next_number: u64,
    /// What messages of compacted channels cost.
    state_bytes: u64,
    /// Whether something was refused because these leave no room for it.
    pub(crate) is_state_full: bool,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(commit_state: &'a CommitState) -> Self {
        Self {
            changes: Changes::default(),
            entries: Vec::new(),
            states: HashMap::new(),
            ids: Vec::new(),
            last: commit_state.last,
            time_ms: commit_state.time_ms,
            held: HashMap::new(),
            by_id: HashMap::new(),
            next_number: commit_state.channels.next_number(),
            state_bytes: commit_state.totals.state_bytes(),
            is_state_full: false,
            commit_state,
        }
    }

    /// Gives a draft its offset, or finds the one that it has already.
    pub(crate) fn admit(
        &mut self,
        channel: &ChannelName,
        options: &Options,
        mut draft: Draft,
        account: Option<&IdAccount>,
        now_ms: u64,
    ) -> Result<u64, AppendError> {
        let (offset, time_ms) = (self.last + 1, self.time_ms.max(now_ms));
        let mut state = self.state(channel, options);
        let bytes_before = state.bytes;
        let id = draft.id.take().map(|id| (digest(&draft), id));
        if let Some((digest, id)) = &id
            && let Some(offset) = self.repeated(state.number, id, *digest, options, time_ms)?
        {
            return Ok(offset);
        }
        let held = match &id {
            Some(_) => hold(account)?,
            None => None,
        };
        let cost = units(Message::cost_of(&draft));
        let supersedes = self.admit_key(&mut state, &draft, offset, cost, options)?;
        // From here on nothing fails.
        if state.count == 0 {
            (state.first, state.first_ms) = (offset, time_ms);
        }
        state.count += 1;
        state.bytes += cost;
        if state.is_compact {
            self.state_bytes = (self.state_bytes + state.bytes).saturating_sub(bytes_before);
        }
        let record = Record::encode(time_ms, state.last, &draft);
        self.changes.put(layout::message(state.number, offset), record);
        state.last = offset;
        self.next_number = self.next_number.max(state.number.saturating_add(1));
        if let Some((digest, id)) = id {
            self.by_id.insert((state.number, id.clone()), (digest, offset));
            let known = Known { channel: state.number, time_ms, digest, id };
            self.changes.put(layout::id(offset), known.encode());
            self.ids.push((offset, known, held));
        }
        self.states.insert(channel.clone(), state);
        (self.last, self.time_ms) = (offset, time_ms);
        self.entries.push((Entry { channel: channel.clone(), offset, time_ms, draft }, supersedes));
        Ok(offset)
    }

    /// Adds the rows of the channels that changed: once each, however many messages they had.
    pub(crate) fn close(&mut self) {
        let before = self.commit_state.progress();
        for (name, state) in &self.states {
            self.changes.put(layout::channel(state.number), state.encode(name));
            if state.number >= before.next_number {
                self.changes.put(layout::name(state.number), name.as_str().as_bytes().to_vec());
            }
        }
        let progress = Progress {
            last: self.last,
            channels: before.channels + self.next_number.saturating_sub(before.next_number),
            time_ms: self.time_ms,
            next_number: self.next_number,
            ..before
        };
        self.changes.put(layout::progress(), progress.encode());
    }

    fn state(&self, channel: &ChannelName, options: &Options) -> State {
        let known = self.states.get(channel).copied();
        // One that was forgotten may come back: it lost no more than the worst of those.
        known.or_else(|| self.commit_state.channels.find(channel)).unwrap_or(State {
            number: self.next_number,
            taken: self.commit_state.forgotten,
            is_compact: options.compaction.is_some(),
            lost_messages: self.commit_state.forgotten > 0,
            ..State::default()
        })
    }

    /// The offset at which the same message was published before, if it was.
    fn repeated(
        &self,
        channel: u64,
        id: &Label,
        digest: u128,
        options: &Options,
        time_ms: u64,
    ) -> Result<Option<u64>, AppendError> {
        match self.by_id.get(&(channel, id.clone())) {
            Some((known, offset)) if *known == digest => return Ok(Some(*offset)),
            Some(_) => return Err(DraftError::IdTaken.into()),
            None => {}
        }
        let recent = self.commit_state.dedup_windows.get(&channel);
        match recent.map(|recent| recent.look(id, digest, &options.repeats, time_ms)) {
            Some(DedupOutcome::Duplicate(offset)) => Ok(Some(offset)),
            Some(DedupOutcome::Conflict) => Err(DraftError::IdTaken.into()),
            _ if self.commit_state.ids + self.ids.len() >= IDS_MAX => {
                Err(EngineError::Overloaded.into())
            }
            Some(DedupOutcome::New) | None => Ok(None),
        }
    }

    /// Puts a message in the place of the newest of its key, whose offset it returns.
    fn admit_key(
        &mut self,
        state: &mut State,
        draft: &Draft,
        offset: u64,
        cost: u64,
        options: &Options,
    ) -> Result<Option<u64>, AppendError> {
        let (Some(compaction), Some(key), true) =
            (&options.compaction, &draft.key, state.is_compact)
        else {
            return self.check_room(0, cost).map(|()| None);
        };
        let number = state.number;
        let old = match self.held.get(&(number, key.clone())) {
            Some(held) => *held,
            None => self.commit_state.held(number, key).map_err(|_| EngineError::Unavailable)?,
        };
        let bytes = cost + units(key_cost_bytes(key));
        let next = Held { offset, bytes, is_tombstone: draft.content.is_nothing() };
        if !next.is_tombstone {
            let value = old.filter(|old| !old.is_tombstone).map(|old| count(old.bytes));
            let values = (count(state.values), count(state.values_bytes));
            compaction.check_room(values, value, count(bytes))?;
        }
        let replaced = old.map_or(0, |old| old.bytes.saturating_sub(units(key_cost_bytes(key))));
        self.check_room(replaced, cost)?;
        if let Some(old) = old {
            self.changes.remove(layout::message(number, old.offset));
            if old.is_tombstone {
                self.changes.remove(layout::tombstone(number, old.offset));
            }
            state.forget(old, key);
        }
        if next.is_tombstone {
            let text = key.as_str().as_bytes().to_vec();
            self.changes.put(layout::tombstone(number, offset), text);
        } else {
            state.values += 1;
            state.values_bytes += bytes;
        }
        self.changes.put(layout::key(number, key), next.encode());
        self.held.insert((number, key.clone()), Some(next));
        Ok(old.map(|old| old.offset))
    }

    /// Checks that values which must stay leave room for a message, or that it takes no more than
    /// the one that it supersedes.
    fn check_room(&mut self, replaced: u64, cost: u64) -> Result<(), AppendError> {
        let bytes = self.state_bytes.saturating_sub(replaced).saturating_add(cost);
        if cost > replaced && bytes > self.commit_state.bytes_max {
            self.is_state_full = true;
            return Err(EngineError::StorageFull.into());
        }
        Ok(())
    }
}

impl State {
    /// Takes the newest message of a key out of the figures.
    pub(crate) fn forget(&mut self, old: Held, key: &Label) {
        let cost = old.bytes.saturating_sub(units(key_cost_bytes(key)));
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(cost);
        if !old.is_tombstone {
            self.values = self.values.saturating_sub(1);
            self.values_bytes = self.values_bytes.saturating_sub(old.bytes);
        }
    }
}

/// What the store keeps as a number of bytes or messages, as it is counted in memory.
fn count(units: u64) -> usize {
    usize::try_from(units).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
