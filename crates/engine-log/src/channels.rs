//! What is known of every channel without asking the disk: some hundred bytes of each.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};
use tidewire_broker::{ChannelName, Loss};

/// A channel in figures. `taken` ≤ `last`; `values` ≤ `count`, and both 0 once nothing is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Its name in the keys of rows. Numbers are dense and are not used again.
    pub(crate) number: u64,
    /// The newest offset it ever had.
    pub(crate) last: u64,
    /// The newest offset it has lost.
    pub(crate) taken: u64,
    /// No message is older than this offset,
    pub(crate) first: u64,
    /// nor than this time.
    pub(crate) first_ms: u64,
    /// Messages held,
    pub(crate) count: u64,
    /// and what they cost.
    pub(crate) bytes: u64,
    /// Those that are a key's value, if it is compacted,
    pub(crate) values: u64,
    /// and what they cost with their keys.
    pub(crate) values_bytes: u64,
    /// Whether its rows are those of a compacted channel.
    pub(crate) is_compact: bool,
    /// Whether that one has lost more than tombstones, or may have.
    pub(crate) lost_messages: bool,
}

impl State {
    /// What it was that it has lost.
    pub(crate) fn loss(&self) -> Loss {
        match self.is_compact && !self.lost_messages {
            true => Loss::Tombstones,
            false => Loss::Messages,
        }
    }
}

/// All channels. The committer changes it, whoever reads the archive looks into it.
#[derive(Debug, Default)]
pub(crate) struct Channels(RwLock<Inner>);

#[derive(Debug, Default)]
struct Inner {
    by_name: HashMap<ChannelName, State>,
    names: Vec<Option<ChannelName>>,
}

impl Channels {
    pub(crate) fn find(&self, name: &ChannelName) -> Option<State> {
        self.read().by_name.get(name).copied()
    }

    pub(crate) fn set(&self, name: ChannelName, state: State) {
        let mut inner = self.write();
        let index = usize::try_from(state.number).unwrap_or(usize::MAX);
        if index >= inner.names.len() {
            inner.names.resize(index.saturating_add(1), None);
        }
        if let Some(place) = inner.names.get_mut(index) {
            *place = Some(name.clone());
        }
        inner.by_name.insert(name, state);
    }

    /// Gives no number below `next` to a new channel.
    pub(crate) fn reserve(&self, next: u64) {
        let mut inner = self.write();
        let next = usize::try_from(next).unwrap_or(usize::MAX);
        if next > inner.names.len() {
            inner.names.resize(next, None);
        }
    }

    /// How many channels there are.
    pub(crate) fn len(&self) -> usize {
        self.read().by_name.len()
    }

    /// The number of the next new channel.
    pub(crate) fn next_number(&self) -> u64 {
        u64::try_from(self.read().names.len()).unwrap_or(u64::MAX)
    }

    /// The channel of a number.
    pub(crate) fn name(&self, number: u64) -> Option<ChannelName> {
        self.read().names.get(usize::try_from(number).ok()?)?.clone()
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
