//! Runs of messages that were read recently, decoded and with their encodings. Thousands of clients that resume from
//! about the same position share them.
//!
//! A run has the range of offsets that it covers. Offsets rise, so newer messages of its channel are after that range.
//! Messages in the range may be removed: retention removes the oldest, and a run is cut accordingly when it is given
//! out; in a compacted channel, newer messages supersede some in the middle. The latter matters only to a reader that
//! began with a later state, which must not see the removals before it. So a run of a compacted channel is given out
//! only if nothing was published since it was read, or to readers whose state is not newer than the run.

use crate::channels::State;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};
use tidewire_broker::{ArchiveRead, Charge, Message, Messages};

/// Messages of one channel in `after + 1 ..= upto`, all that there were.
#[derive(Debug)]
pub(crate) struct Run {
    after: u64,
    upto: u64,
    messages: Messages,
    /// Where each of them ends, so that a look-up touches no message.
    ends: Box<[End]>,
    /// Something up to here could not be read; 0 for nothing.
    lost: u64,
    /// The channel's newest message when it was read,
    as_of: u64,
    /// and its number, which one of the same name that was forgotten did not have.
    number: u64,
    /// What the messages take, with the encodings that readers have made.
    charge: Arc<Charge>,
    /// How many messages' ends look-ups have visited.
    #[cfg(test)]
    visited: std::sync::atomic::AtomicUsize,
}

/// Where a message ends.
#[derive(Clone, Copy, Debug)]
struct End {
    offset: u64,
    /// What it costs with all before it in its run.
    bytes: usize,
}

/// What a reader wants of a channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadRange {
    pub(crate) after: u64,
    pub(crate) upto: u64,
    pub(crate) bytes_max: usize,
    /// It may be no older than this offset.
    pub(crate) as_of: u64,
}

/// A run that covers where it begins, to be divided once no lock is held.
pub(crate) struct Found {
    pub(crate) run: Arc<Run>,
    /// The readers of the disk have something to do: there is room again, or too little.
    pub(crate) has_work: bool,
}

/// Runs by channel and place, the least recently used given up first. `unclaimed_bytes` ≤ the bytes of all.
///
/// A look-up takes steps by the logarithm of the runs, whatever they hold: it weighs nothing and frees nothing.
#[derive(Debug)]
pub(crate) struct Cache {
    runs: BTreeMap<Key, Entry>,
    /// Those that were taken, by when each was used last.
    by_use: BTreeMap<u64, Key>,
    uses: u64,
    /// What the messages of all take.
    charge: Arc<Charge>,
    bytes_max: usize,
    /// Those that may be waited for, in the order in which they were read.
    unclaimed: VecDeque<(Instant, Key)>,
    unclaimed_bytes: usize,
    /// Evicted runs, to be freed by a caller that has time.
    evicted: Vec<Arc<Run>>,
}

/// The number of a channel, and the place after which a run begins.
type Key = (u64, u64);

#[derive(Debug)]
struct Entry {
    run: Arc<Run>,
    /// What it took when it was read.
    bytes: usize,
    read: Instant,
    /// When it was used last; `None` until it is.
    used: Option<u64>,
}

impl Run {
    /// What a read after `after` found in a channel that was in `state`, counted in `charge`.
    pub(crate) fn new(after: u64, cold: ArchiveRead, state: &State, charge: Arc<Charge>) -> Self {
        let ArchiveRead { messages, next, lost } = cold;
        let end = |bytes: &mut usize, message: &Arc<Message>| {
            *bytes += message.cost_bytes();
            Some(End { offset: message.offset(), bytes: *bytes })
        };
        let ends: Box<[End]> = messages.iter().scan(0, end).collect();
        charge.add(size_of_val(&*ends));
        let upto = next.map_or(state.last, |next| next.saturating_sub(1)).max(after);
        let (as_of, number) = (state.last, state.number);
        Self {
            after,
            upto,
            messages,
            ends,
            lost,
            as_of,
            number,
            charge,
            #[cfg(test)]
            visited: Default::default(),
        }
    }

    /// What it takes by now.
    fn bytes(&self) -> usize {
        self.charge.bytes() + RUN_OVERHEAD_BYTES
    }

    fn is_good_for(&self, state: &State, as_of: u64) -> bool {
        !state.is_compact || self.as_of == state.last || self.as_of >= as_of
    }

    /// Its part in the range, until `bytes_max` are found.
    pub(crate) fn part(&self, wanted: ReadRange) -> ArchiveRead {
        let ReadRange { after, upto, bytes_max, .. } = wanted;
        let first = self.count(&self.ends, |end| end.offset <= after);
        let (before, left) = self.ends.split_at_checked(first).unwrap_or_default();
        let within = match left.last() {
            Some(last) if last.offset > upto => self.count(left, |end| end.offset <= upto),
            _ => left.len(),
        };
        // The one with which there are enough is the last.
        let before_bytes = before.last().map_or(0, |end| end.bytes);
        let is_short = |end: &End| end.bytes - before_bytes < bytes_max;
        let enough = if bytes_max == 0 { 0 } else { self.count_near(left, is_short) + 1 };
        let next = match left.get(enough.min(within)) {
            Some(end) if enough < within => Some(end.offset),
            Some(_) => None,
            None => (self.upto < upto).then(|| self.upto.saturating_add(1)),
        };
        let messages = self.messages.part(first, first + enough.min(within));
        let lost = if self.lost > after { self.lost.min(upto) } else { 0 };
        ArchiveRead { messages, next, lost }
    }

    /// How many of `ends` are so; all before the first that is not.
    fn count(&self, ends: &[End], is_so: impl Fn(&End) -> bool) -> usize {
        ends.partition_point(|end| {
            self.note_visit();
            is_so(end)
        })
    }

    /// The same, for where that are few: in steps by the logarithm of how many.
    fn count_near(&self, ends: &[End], is_so: impl Fn(&End) -> bool) -> usize {
        let mut near = 1;
        while ends.get(near - 1).is_some_and(&is_so) {
            self.note_visit();
            near *= 2;
        }
        let known = near / 2;
        let left = ends.get(known..near.min(ends.len())).unwrap_or_default();
        known + self.count(left, is_so)
    }

    fn note_visit(&self) {
        #[cfg(test)]
        self.visited.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

impl Cache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            runs: BTreeMap::new(),
            by_use: BTreeMap::new(),
            uses: 0,
            charge: Arc::default(),
            bytes_max,
            unclaimed: VecDeque::new(),
            unclaimed_bytes: 0,
            evicted: Vec::new(),
        }
    }

    /// Where the messages of a run to come are counted.
    pub(crate) fn part_of_charge(&self) -> Arc<Charge> {
        Arc::new(Charge::part_of(&self.charge))
    }

    /// A run that covers where what is wanted begins. `now` is asked only of one with a part that could not be read.
    pub(crate) fn find(
        &mut self,
        state: &State,
        wanted: ReadRange,
        now: impl FnOnce() -> Instant,
    ) -> Option<Found> {
        let ReadRange { after, as_of, .. } = wanted;
        let (key, entry) = self.covering_mut(state.number, after)?;
        let is_expired =
            entry.run.lost > 0 && now().saturating_duration_since(entry.read) >= DAMAGE_AGE_MAX;
        if is_expired || !entry.run.is_good_for(state, as_of) {
            self.remove(key);
            return None;
        }
        let (run, bytes) = (Arc::clone(&entry.run), entry.bytes);
        let was_crowded = self.is_over_half();
        match self.note_use(key) {
            Some(used) => drop(self.by_use.remove(&used)),
            None => self.unclaimed_bytes = self.unclaimed_bytes.saturating_sub(bytes),
        }
        let has_work = was_crowded && !self.is_over_half() || self.is_over();
        Some(Found { run, has_work })
    }

    /// Notes that it was used now, and returns when that was so before.
    fn note_use(&mut self, key: Key) -> Option<u64> {
        self.uses += 1;
        self.by_use.insert(self.uses, key);
        self.runs.get_mut(&key)?.used.replace(self.uses)
    }

    fn covering_mut(&mut self, number: u64, after: u64) -> Option<(Key, &mut Entry)> {
        let (key, entry) = self.runs.range_mut((number, 0)..=(number, after)).next_back()?;
        (entry.run.upto > after).then_some((*key, entry))
    }

    /// Whether there is something for every reader of what comes after `after`.
    pub(crate) fn covers(&self, after: u64, state: &State) -> bool {
        let entry = self.runs.range((state.number, 0)..=(state.number, after)).next_back();
        entry.is_some_and(|(_, Entry { run, .. })| {
            run.upto > after && run.lost == 0 && run.is_good_for(state, u64::MAX)
        })
    }

    /// Takes in what was just read.
    pub(crate) fn insert(&mut self, run: Run, now: Instant) {
        let key = (run.number, run.after);
        if run.upto <= run.after {
            return run.charge.leave();
        }
        self.remove(key);
        let bytes = run.bytes();
        self.unclaimed.push_back((now, key));
        self.unclaimed_bytes = self.unclaimed_bytes.saturating_add(bytes);
        self.runs.insert(key, Entry { run: Arc::new(run), bytes, read: now, used: None });
    }

    /// Whether so much waits to be taken by its readers that more would push it out. What they leave
    /// for long does not count: a reader whose client takes no bytes delays no other.
    pub(crate) fn is_crowded(&mut self, now: Instant) -> bool {
        while let Some((read, key)) = self.unclaimed.front().copied() {
            let entry = self.runs.get(&key);
            // It may have been read again since.
            if let Some(entry) = entry.filter(|entry| entry.is_unclaimed_of(read)) {
                if now.saturating_duration_since(read) < UNCLAIMED_AGE_MAX {
                    break;
                }
                self.unclaimed_bytes = self.unclaimed_bytes.saturating_sub(entry.bytes);
                self.note_use(key);
            }
            self.unclaimed.pop_front();
        }
        self.is_over_half()
    }

    fn is_over_half(&self) -> bool {
        self.unclaimed_bytes > self.bytes_max / 2
    }

    fn is_over(&self) -> bool {
        self.bytes() > self.bytes_max && self.runs.len() > 1
    }

    /// What all takes by now.
    fn bytes(&self) -> usize {
        self.charge.bytes().saturating_add(self.runs.len().saturating_mul(RUN_OVERHEAD_BYTES))
    }

    /// Evicts runs until the bound is kept: the least recently used of those that their readers have taken; if there is
    /// none, the newest, so that the readers of the others make progress. Returns them, to be freed without a lock.
    pub(crate) fn trim(&mut self) -> Vec<Arc<Run>> {
        while self.is_over() && self.evicted.len() < EVICTED_MAX {
            let key = match self.by_use.first_key_value() {
                Some((_, key)) => *key,
                None => match self.unclaimed.pop_back() {
                    Some((read, key)) => {
                        let entry = self.runs.get(&key);
                        if !entry.is_some_and(|entry| entry.is_unclaimed_of(read)) {
                            continue;
                        }
                        key
                    }
                    None => break,
                },
            };
            self.remove(key);
        }
        std::mem::take(&mut self.evicted)
    }

    fn remove(&mut self, key: Key) {
        let Some(entry) = self.runs.remove(&key) else { return };
        match entry.used {
            Some(used) => drop(self.by_use.remove(&used)),
            None => self.unclaimed_bytes = self.unclaimed_bytes.saturating_sub(entry.bytes),
        }
        entry.run.charge.leave();
        self.evicted.push(entry.run);
    }
}

impl Entry {
    /// Whether it was read then and has not been taken since.
    fn is_unclaimed_of(&self, read: Instant) -> bool {
        self.used.is_none() && self.read == read
    }
}

/// What a run takes beside its messages: itself, its charge, its entries in the three lists.
const RUN_OVERHEAD_BYTES: usize = 384;

/// Runs that are given up under one hold of the lock.
const EVICTED_MAX: usize = 64;

/// How long a run with something that could not be read is given: it may be readable the next time.
const DAMAGE_AGE_MAX: Duration = Duration::from_secs(1);

/// How long a run is kept free for the readers that had it read.
const UNCLAIMED_AGE_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
