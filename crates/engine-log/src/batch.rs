//! Judging what came in together: each message sees those before it in the batch, although none is
//! in the store yet. Nothing outside changes until the batch is committed, and nothing if it fails.

use crate::{
    channels::{Channels, State},
    layout::{self, Held, Known},
    pending::Changes,
    record::Record,
    store::{Store, StoreError},
};
use std::{collections::HashMap, sync::Arc};
use tidewire_broker::{
    AppendError, Broker, ChannelName, Draft, Entry, IDS_MAX, Label, Message, Options, Recent, Seen,
    digest, key_cost_bytes,
};

/// Messages that will be committed together.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    world: &'a World,
    pub(crate) changes: Changes,
    /// In order, each with the offset it supersedes.
    pub(crate) entries: Vec<(Entry, Option<u64>)>,
    pub(crate) states: HashMap<ChannelName, State>,
    pub(crate) ids: Vec<(u64, Known)>,
    pub(crate) last: u64,
    pub(crate) time_ms: u64,
    held: HashMap<(u64, Label), Option<Held>>,
    by_id: HashMap<(u64, Label), (u128, u64)>,
    channels_count: u64,
}

/// What judging looks at, and only a committed batch changes.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) store: Arc<Store>,
    pub(crate) channels: Arc<Channels>,
    pub(crate) broker: Broker,
    pub(crate) recents: HashMap<u64, Recent>,
    /// Ids in all of `recents`.
    pub(crate) ids: usize,
    /// The newest offset, and the newest time.
    pub(crate) last: u64,
    pub(crate) time_ms: u64,
    /// What retention has taken, on its way out with the next commit.
    pub(crate) removals: Changes,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Self {
            changes: Changes::default(),
            entries: Vec::new(),
            states: HashMap::new(),
            ids: Vec::new(),
            last: world.last,
            time_ms: world.time_ms,
            held: HashMap::new(),
            by_id: HashMap::new(),
            channels_count: world.channels.next_number(),
            world,
        }
    }

    /// Gives a draft its offset, or finds the one that it has already.
    pub(crate) fn admit(
        &mut self,
        channel: &ChannelName,
        options: &Options,
        mut draft: Draft,
        now_ms: u64,
    ) -> Result<u64, AppendError> {
        let (offset, time_ms) = (self.last + 1, self.time_ms.max(now_ms));
        let mut state = self.state(channel, options);
        let id = draft.id.take().map(|id| (digest(&draft), id));
        if let Some((digest, id)) = &id
            && let Some(offset) = self.repeated(state.number, id, *digest, options, time_ms)?
        {
            return Ok(offset);
        }
        let cost = units(Message::cost_of(&draft));
        let supersedes = self.admit_key(&mut state, &draft, offset, cost, options)?;
        // From here on nothing fails.
        if state.count == 0 {
            (state.first, state.first_ms) = (offset, time_ms);
        }
        state.count += 1;
        state.bytes += cost;
        let record = Record::encode(time_ms, state.last, &draft);
        self.changes.put(layout::message(state.number, offset), record);
        state.last = offset;
        if state.number == self.channels_count {
            self.channels_count += 1;
        }
        if let Some((digest, id)) = id {
            self.by_id.insert((state.number, id.clone()), (digest, offset));
            let known = Known { channel: state.number, time_ms, digest, id };
            self.changes.put(layout::id(offset), known.encode());
            self.ids.push((offset, known));
        }
        self.states.insert(channel.clone(), state);
        (self.last, self.time_ms) = (offset, time_ms);
        self.entries.push((Entry { channel: channel.clone(), offset, time_ms, draft }, supersedes));
        Ok(offset)
    }

    /// Adds the rows of the channels that changed: once each, however many messages they had.
    pub(crate) fn close(&mut self) {
        for (name, state) in &self.states {
            self.changes.put(layout::channel(state.number), state.encode(name));
        }
        let known = units(self.world.channels.len());
        let new = self.channels_count.saturating_sub(self.world.channels.next_number());
        self.changes.put(layout::order(), layout::encode_order(self.last, known + new));
    }

    fn state(&self, channel: &ChannelName, options: &Options) -> State {
        let known = self.states.get(channel).copied();
        known.or_else(|| self.world.channels.find(channel)).unwrap_or(State {
            number: self.channels_count,
            is_compact: options.compaction.is_some(),
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
            Some(_) => return Err(AppendError::IdTaken),
            None => {}
        }
        let recent = self.world.recents.get(&channel);
        match recent.map(|recent| recent.look(id, digest, &options.repeats, time_ms)) {
            Some(Seen::Before(offset)) => Ok(Some(offset)),
            Some(Seen::OnAnother) => Err(AppendError::IdTaken),
            _ if self.world.ids + self.ids.len() >= IDS_MAX => Err(AppendError::Overloaded),
            Some(Seen::Never) | None => Ok(None),
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
            return Ok(None);
        };
        let number = state.number;
        let old = match self.held.get(&(number, key.clone())) {
            Some(held) => *held,
            None => self.world.held(number, key).map_err(|_| AppendError::Unavailable)?,
        };
        let bytes = cost + units(key_cost_bytes(key));
        let next = Held { offset, bytes, is_tombstone: draft.content.is_nothing() };
        if !next.is_tombstone {
            let value = old.filter(|old| !old.is_tombstone).map(|old| count(old.bytes));
            let values = (count(state.values), count(state.values_bytes));
            compaction.judge(values, value, count(bytes))?;
        }
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

impl World {
    /// The newest message of a key, as far as has been committed.
    pub(crate) fn held(&self, channel: u64, key: &Label) -> Result<Option<Held>, StoreError> {
        let key = layout::key(channel, key);
        if self.removals.removes(&key) {
            return Ok(None);
        }
        Ok(self.store.find(&key)?.and_then(|value| Held::decode(&value)))
    }
}

/// A number of bytes or messages as the store keeps it.
pub(crate) fn units(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The same as it is counted in memory.
fn count(units: u64) -> usize {
    usize::try_from(units).unwrap_or(usize::MAX)
}
