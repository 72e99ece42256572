//! What is known of every channel without asking the disk: some hundred bytes of each.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};
use tidewire_broker::{ChannelName, LossKind};

/// A channel in figures. `taken` ≤ `last`; `values` ≤ `count`, and both 0 once nothing is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Its name in the keys of rows. Numbers are not used again.
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
    pub(crate) fn loss(&self) -> LossKind {
        match self.is_compact && !self.lost_messages {
            true => LossKind::Tombstones,
            false => LossKind::Messages,
        }
    }

    /// Rows up to here are gone, or on their way. A compacted channel keeps values that are older than
    /// the newest tombstone it has lost.
    pub(crate) fn floor(&self) -> u64 {
        if self.is_compact { 0 } else { self.taken }
    }
}

/// All channels. Only the committer changes it; readers of the archive read it.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    inner: RwLock<Inner>,
    /// No message of any is older than this offset.
    oldest: AtomicU64,
}

/// `names` has the number of each state, and `next` > every number.
#[derive(Debug, Default)]
struct Inner {
    by_name: HashMap<ChannelName, State>,
    names: BTreeMap<u64, ChannelName>,
    next: u64,
}

impl Channels {
    pub(crate) fn find(&self, name: &ChannelName) -> Option<State> {
        self.read().by_name.get(name).copied()
    }

    pub(crate) fn set(&self, name: ChannelName, state: State) {
        let mut inner = self.write();
        inner.next = inner.next.max(state.number.saturating_add(1));
        inner.names.insert(state.number, name.clone());
        inner.by_name.insert(name, state);
    }

    /// The figures of a number's channel.
    pub(crate) fn state(&self, number: u64) -> Option<State> {
        let inner = self.read();
        inner.by_name.get(inner.names.get(&number)?).copied()
    }

    /// Forgets a channel; its number is not given again.
    pub(crate) fn forget(&self, number: u64) {
        let mut inner = self.write();
        let Some(name) = inner.names.remove(&number) else { return };
        inner.by_name.remove(&name);
        if inner.by_name.len() < inner.by_name.capacity() / 4 {
            let kept = inner.by_name.len() * 2;
            inner.by_name.shrink_to(kept);
        }
    }

    /// Gives no number below `next` to a new channel.
    pub(crate) fn reserve(&self, next: u64) {
        let mut inner = self.write();
        inner.next = inner.next.max(next);
    }

    /// No message held of any channel is older than this offset.
    pub(crate) fn oldest(&self) -> u64 {
        self.oldest.load(Ordering::Acquire)
    }

    /// Notes which that is, before a newer message can be read, and after older ones have been lost.
    pub(crate) fn set_oldest(&self, offset: u64) {
        self.oldest.store(offset, Ordering::Release);
    }

    /// How many channels there are.
    pub(crate) fn len(&self) -> usize {
        self.read().by_name.len()
    }

    /// The number of the next new channel.
    pub(crate) fn next_number(&self) -> u64 {
        self.read().next
    }

    /// The channel of a number.
    pub(crate) fn name(&self, number: u64) -> Option<ChannelName> {
        self.read().names.get(&number).cloned()
    }

    /// The channel with the lowest number from `number` on.
    pub(crate) fn name_from(&self, number: u64) -> Option<(u64, ChannelName)> {
        let inner = self.read();
        let (number, name) = inner.names.range(number..).next()?;
        Some((*number, name.clone()))
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}
