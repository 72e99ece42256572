//! Runs of messages that were read lately, decoded and with their encodings: thousands who resume from
//! about the same place share them.
//!
//! A run says which offsets it covers. Newer messages of its channel are beyond that, as offsets rise.
//! Others vanish: retention takes them from the front, where a run is cut when it is given, and in a
//! compacted channel newer ones supersede them in the middle. That only matters to a reader which began
//! with a later state: it may not be told of the removals before. So such a run is given as long as nothing
//! was published since it was read, or to readers whose state is not newer than the run.

use crate::channels::State;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};
use tidewire_broker::{ChannelName, Cold, Message};

/// Messages of one channel in `after + 1 ..= upto`, all that there were.
#[derive(Debug)]
pub(crate) struct Run {
    after: u64,
    upto: u64,
    messages: Vec<Arc<Message>>,
    /// Something up to here could not be read; 0 for nothing.
    lost: u64,
    /// The channel's newest message when it was read,
    as_of: u64,
    /// and its number, which one of the same name that was forgotten did not have.
    number: u64,
}

/// What a reader wants of a channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) after: u64,
    pub(crate) upto: u64,
    pub(crate) bytes_max: usize,
    /// It may be no older than this offset.
    pub(crate) as_of: u64,
}

/// What the cache had of it.
pub(crate) enum Found {
    Nothing,
    Here {
        cold: Cold,
        /// Nobody had taken it before, so there may be room for others now.
        has_made_room: bool,
    },
}

/// Runs by channel and place, the least recently used given up first. `unclaimed_bytes` ≤ `bytes`.
#[derive(Debug)]
pub(crate) struct Cache {
    channels: HashMap<ChannelName, BTreeMap<u64, Entry>>,
    /// By when each was used last.
    by_use: BTreeMap<u64, (ChannelName, u64)>,
    uses: u64,
    bytes: usize,
    bytes_max: usize,
    /// Runs in the order in which they were read, as long as they may be waited for.
    unclaimed: VecDeque<(Instant, ChannelName, u64)>,
    unclaimed_bytes: usize,
}

#[derive(Debug)]
struct Entry {
    run: Run,
    bytes: usize,
    used: u64,
    read: Instant,
    is_claimed: bool,
}

impl Run {
    /// What a read after `after` found in a channel that was in `state`.
    pub(crate) fn new(after: u64, cold: Cold, state: &State) -> Self {
        let Cold { messages, next, lost } = cold;
        let upto = next.map_or(state.last, |next| next.saturating_sub(1)).max(after);
        Self { after, upto, messages, lost, as_of: state.last, number: state.number }
    }

    /// What it takes, with the encodings made so far.
    fn bytes(&self) -> usize {
        let messages = self.messages.iter().map(|message| message.held_bytes());
        messages.sum::<usize>() + RUN_OVERHEAD_BYTES
    }

    fn is_good_for(&self, state: &State, as_of: u64) -> bool {
        let is_recent = !state.is_compact || self.as_of == state.last || self.as_of >= as_of;
        is_recent && self.number == state.number
    }

    /// Its part in the range, until `bytes_max` are found.
    fn part(&self, wanted: Wanted) -> Cold {
        let Wanted { after, upto, bytes_max, .. } = wanted;
        let first = self.messages.partition_point(|message| message.offset() <= after);
        let (mut messages, mut bytes) = (Vec::new(), 0);
        let lost = if self.lost > after { self.lost.min(upto) } else { 0 };
        for message in self.messages.iter().skip(first) {
            if message.offset() > upto {
                return Cold { messages, next: None, lost };
            }
            if bytes >= bytes_max {
                return Cold { messages, next: Some(message.offset()), lost };
            }
            bytes += message.cost_bytes();
            messages.push(Arc::clone(message));
        }
        let next = (self.upto < upto).then(|| self.upto.saturating_add(1));
        Cold { messages, next, lost }
    }
}

impl Cache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            channels: HashMap::new(),
            by_use: BTreeMap::new(),
            uses: 0,
            bytes: 0,
            bytes_max,
            unclaimed: VecDeque::new(),
            unclaimed_bytes: 0,
        }
    }

    /// The first part of what is wanted, if a run covers where it begins.
    pub(crate) fn find(&mut self, channel: &ChannelName, state: &State, wanted: Wanted) -> Found {
        let Wanted { after, as_of, .. } = wanted;
        let runs = self.channels.get_mut(channel);
        let entry = runs.and_then(|runs| runs.range_mut(..=after).next_back());
        let Some((begin, entry)) = entry.filter(|(_, entry)| entry.run.upto > after) else {
            return Found::Nothing;
        };
        let is_expired = entry.run.lost > 0 && entry.read.elapsed() >= DAMAGE_AGE_MAX;
        if is_expired || !entry.run.is_good_for(state, as_of) {
            let begin = *begin;
            self.remove(channel, begin);
            return Found::Nothing;
        }
        let has_made_room = !std::mem::replace(&mut entry.is_claimed, true);
        let bytes = entry.run.bytes();
        if has_made_room {
            self.unclaimed_bytes = self.unclaimed_bytes.saturating_sub(entry.bytes);
        }
        // Readers have made encodings since it was counted last.
        self.bytes = self.bytes.saturating_sub(entry.bytes).saturating_add(bytes);
        self.uses += 1;
        if let Some(place) = self.by_use.remove(&entry.used) {
            self.by_use.insert(self.uses, place);
        }
        (entry.bytes, entry.used) = (bytes, self.uses);
        let cold = entry.run.part(wanted);
        self.trim();
        Found::Here { cold, has_made_room }
    }

    /// Whether there is something for every reader of what comes after `after`.
    pub(crate) fn covers(&self, channel: &ChannelName, after: u64, state: &State) -> bool {
        let runs = self.channels.get(channel);
        let entry = runs.and_then(|runs| runs.range(..=after).next_back());
        entry.is_some_and(|(_, Entry { run, .. })| {
            run.upto > after && run.lost == 0 && run.is_good_for(state, u64::MAX)
        })
    }

    /// Takes in what was just read.
    pub(crate) fn insert(&mut self, channel: &ChannelName, run: Run, now: Instant) {
        if run.upto <= run.after {
            return;
        }
        self.remove(channel, run.after);
        let (after, bytes) = (run.after, run.bytes());
        self.uses += 1;
        let entry = Entry { run, bytes, used: self.uses, read: now, is_claimed: false };
        self.by_use.insert(self.uses, (channel.clone(), after));
        self.unclaimed.push_back((now, channel.clone(), after));
        self.channels.entry(channel.clone()).or_default().insert(after, entry);
        self.bytes = self.bytes.saturating_add(bytes);
        self.unclaimed_bytes = self.unclaimed_bytes.saturating_add(bytes);
        self.trim();
    }

    /// Whether so much waits to be taken by its readers that more would push it out. What they leave
    /// for long does not count: a reader whose client takes no bytes holds up nobody.
    pub(crate) fn is_crowded(&mut self, now: Instant) -> bool {
        while let Some((read, channel, after)) = self.unclaimed.front() {
            let entry = self.channels.get_mut(channel).and_then(|runs| runs.get_mut(after));
            // It may have been read anew since.
            let entry = entry.filter(|entry| entry.read == *read && !entry.is_claimed);
            if let Some(entry) = entry {
                if now.saturating_duration_since(*read) < UNCLAIMED_AGE_MAX {
                    break;
                }
                entry.is_claimed = true;
                self.unclaimed_bytes = self.unclaimed_bytes.saturating_sub(entry.bytes);
            }
            self.unclaimed.pop_front();
        }
        self.unclaimed_bytes > self.bytes_max / 2
    }

    /// Gives up what was taken and not used for long; where all is waited for, what came last, so that
    /// those who wait for the rest get on.
    fn trim(&mut self) {
        while self.bytes > self.bytes_max && self.by_use.len() > 1 {
            let is_claimed = |(channel, after): &&(ChannelName, u64)| {
                let entry = self.channels.get(channel).and_then(|runs| runs.get(after));
                entry.is_none_or(|entry| entry.is_claimed)
            };
            let oldest = self.by_use.values().take(LOOKED_AT_MAX).find(is_claimed);
            let given_up = oldest.or_else(|| self.by_use.values().next_back()).cloned();
            let Some((channel, after)) = given_up else { return };
            self.remove(&channel, after);
        }
    }

    fn remove(&mut self, channel: &ChannelName, after: u64) {
        let Some(runs) = self.channels.get_mut(channel) else { return };
        let Some(entry) = runs.remove(&after) else { return };
        if runs.is_empty() {
            self.channels.remove(channel);
        }
        self.by_use.remove(&entry.used);
        self.bytes = self.bytes.saturating_sub(entry.bytes);
        if !entry.is_claimed {
            self.unclaimed_bytes = self.unclaimed_bytes.saturating_sub(entry.bytes);
        }
    }
}

/// What a run takes beside its messages: its entries in the three lists.
const RUN_OVERHEAD_BYTES: usize = 320;

/// Runs looked at to find one that nobody waits for.
const LOOKED_AT_MAX: usize = 256;

/// How long a run with something that could not be read is given: it may be readable the next time.
const DAMAGE_AGE_MAX: Duration = Duration::from_secs(1);

/// How long a run is kept free for the readers that had it read.
const UNCLAIMED_AGE_MAX: Duration = Duration::from_secs(1);
