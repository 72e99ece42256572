//! Every channel by name, and in stable places so that a scan can pause without missing one.

use crate::{
    ChannelName, Options, Rules,
    channel::Channel,
    hash_index::HashIndex,
    ring::{LossWatermark, LossWatermarks, Ring},
    sync::{RwLock, RwLockReadGuard, RwLockWriteGuard},
};
use std::{
    hash::{BuildHasher as _, RandomState},
    ops::ControlFlow,
    sync::{Arc, PoisonError},
};

#[derive(Debug, Default)]
pub(crate) struct Registry {
    rules: RwLock<Rules>,
    /// Whether an archive keeps what the rings no longer hold.
    is_archived: bool,
    inner: RwLock<Inner>,
    hasher: RandomState,
}

/// `places[at]` is the channel that `names` files under `at`; `free` lists the empty places.
/// `forgotten` is what any channel that has been forgotten had lost.
#[derive(Debug, Default)]
struct Inner {
    names: HashIndex,
    places: Vec<Option<Arc<Channel>>>,
    free: Vec<usize>,
    forgotten: LossWatermark,
}

/// The channels, by their numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing<'a>(&'a [Option<Arc<Channel>>]);

impl<'a> Standing<'a> {
    /// The channel of this number: the one that had it first, unless that has been forgotten.
    pub(crate) fn find(self, number: u32) -> Option<&'a Arc<Channel>> {
        let at = usize::try_from(number.checked_sub(1)?).ok()?;
        self.0.get(at)?.as_ref()
    }
}

impl Registry {
    pub(crate) fn new(rules: Rules, is_archived: bool) -> Self {
        let rules = RwLock::new(rules);
        Self { rules, is_archived, inner: RwLock::default(), hasher: RandomState::new() }
    }

    /// The rules in force.
    pub(crate) fn rules(&self) -> Rules {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has every channel follow other rules, also those that there are, but for whether one is compacted. Calls `kept` with
    /// each channel that therefore keeps all its options.
    ///
    /// A channel that is made meanwhile by the old rules is filed under the lock that the scan waits for.
    pub(crate) fn replace_rules(&self, rules: Rules, mut kept: impl FnMut(&Channel)) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules.clone();
        self.scan(|channel| {
            if !channel.reconfigure(rules.of(channel.name())) {
                kept(channel);
            }
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.read().names.len()
    }

    pub(crate) fn find(&self, name: &str) -> Option<Arc<Channel>> {
        let hash = self.hash(name);
        self.read().find(name, hash).cloned()
    }

    /// The options of the channel of this name, whether there is one or not.
    pub(crate) fn options(&self, name: &ChannelName) -> Options {
        let hash = self.hash(name.as_str());
        let inner = self.read();
        let known = inner.find(name.as_str(), hash).map(|channel| channel.options());
        drop(inner);
        known.unwrap_or_else(|| self.rules().of(name))
    }

    /// The channel of this name, or an empty one that nobody else will find.
    pub(crate) fn look(&self, name: &ChannelName) -> Arc<Channel> {
        self.find(name.as_str()).unwrap_or_else(|| Arc::new(self.make(name, self.forgotten())))
    }

    /// Gives back a channel that was followed; one that nothing ever happened in is forgotten.
    pub(crate) fn release(&self, channel: Arc<Channel>) {
        let name = channel.name().clone();
        let is_used = channel.last() > self.forgotten().offset;
        drop(channel);
        if !is_used {
            let hash = self.hash(name.as_str());
            let mut inner = self.write();
            if let Some(at) = inner.place_of(name.as_str(), hash) {
                inner.forget_if_dead(at, 0, &self.hasher);
            }
        }
    }

    /// The channel of this name, created if it does not exist.
    pub(crate) fn obtain(&self, name: &ChannelName) -> Arc<Channel> {
        if let Some(channel) = self.find(name.as_str()) {
            return channel;
        }
        let hash = self.hash(name.as_str());
        let mut inner = self.write();
        if let Some(channel) = inner.find(name.as_str(), hash) {
            return Arc::clone(channel);
        }
        let channel = Arc::new(self.make(name, inner.forgotten));
        inner.file(&channel, hash);
        channel
    }

    /// Files a channel of which an archive holds something up to `last`. Unless it is compacted,
    /// nothing is left up to what was lost.
    pub(crate) fn restore(&self, name: &ChannelName, losses: LossWatermarks, last: u64) {
        let options = self.rules().of(name);
        let archive_floor = if options.compaction.is_some() { 0 } else { losses.messages.offset };
        let ring = Ring::archived(losses, archive_floor, last);
        let channel = Channel::new(name.clone(), options, ring, last);
        let hash = self.hash(name.as_str());
        self.write().file(&Arc::new(channel), hash);
    }

    /// Takes over what channels had lost that were forgotten in an earlier life.
    pub(crate) fn restore_forgotten(&self, forgotten: LossWatermark) {
        self.write().forgotten = forgotten;
    }

    /// Notes that a channel is forgotten elsewhere which had lost what it had up to `offset`.
    pub(crate) fn note_forgotten(&self, offset: u64, stamp: u64) {
        let mut inner = self.write();
        inner.forgotten = inner.forgotten.and(LossWatermark { offset, stamp });
    }

    /// A channel that may have lived before: then it lost no more than the worst of the forgotten.
    fn make(&self, name: &ChannelName, forgotten: LossWatermark) -> Channel {
        let (losses, offset) = (LossWatermarks::of_messages(forgotten), forgotten.offset);
        let ring = if self.is_archived {
            Ring::archived(losses, offset, offset)
        } else {
            Ring::new(losses)
        };
        Channel::new(name.clone(), self.rules().of(name), ring, offset)
    }

    /// How many places there are to visit.
    pub(crate) fn places(&self) -> usize {
        self.read().places.len()
    }

    /// Forgets up to `count` unused dead channels with numbers from `from` up to `until`, and remembers what they lost.
    ///
    /// Every reader and publisher of a channel has its `Arc`. A channel is forgotten only if the registry's own `Arc` is
    /// the only one, under the write lock, so it cannot come into use meanwhile.
    pub(crate) fn forget_dead(&self, from: usize, until: usize, mut count: usize, stamp: u64) {
        for slice in (from..until.min(self.places())).step_by(SCAN_SLICE) {
            let mut inner = self.write();
            for at in slice..(slice + SCAN_SLICE).min(until) {
                if count > 0 && inner.forget_if_dead(at, stamp, &self.hasher) {
                    count -= 1;
                }
            }
        }
    }

    pub(crate) fn forgotten(&self) -> LossWatermark {
        self.read().forgotten
    }

    /// Calls `look` with the channels by number, and with what the forgotten ones have lost by now.
    pub(crate) fn look_up<T>(&self, look: impl FnOnce(Standing<'_>, LossWatermark) -> T) -> T {
        let inner = self.read();
        look(Standing(&inner.places), inner.forgotten)
    }

    /// Visits every channel there was when the scan began, letting others in now and then.
    ///
    /// One made meanwhile may be missed: all it holds is newer than the scan.
    pub(crate) fn scan(&self, mut visit: impl FnMut(&Arc<Channel>)) {
        let mut from = 0;
        while let ControlFlow::Continue(next) = self.scan_slice(from, SCAN_SLICE, &mut visit) {
            from = next;
        }
    }

    /// Visits the channels in `count` places from place `from`, and says where to go on.
    pub(crate) fn scan_slice(
        &self,
        from: usize,
        count: usize,
        visit: &mut impl FnMut(&Arc<Channel>),
    ) -> ControlFlow<(), usize> {
        let inner = self.read();
        let end = from.saturating_add(count).min(inner.places.len());
        inner.places.get(from..end).into_iter().flatten().flatten().for_each(visit);
        if end < inner.places.len() { ControlFlow::Continue(end) } else { ControlFlow::Break(()) }
    }

    /// Before the lock is taken, where that can be.
    fn hash(&self, name: &str) -> u64 {
        self.hasher.hash_one(name)
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn place_of(&self, name: &str, hash: u64) -> Option<usize> {
        let is_it = |at: usize| {
            let channel = self.places.get(at).and_then(Option::as_ref);
            channel.is_some_and(|channel| channel.name().as_str() == name)
        };
        self.names.find(hash, is_it)
    }

    fn find(&self, name: &str, hash: u64) -> Option<&Arc<Channel>> {
        self.places.get(self.place_of(name, hash)?)?.as_ref()
    }

    fn forget_if_dead(&mut self, at: usize, stamp: u64, hasher: &RandomState) -> bool {
        let Some(place) = self.places.get_mut(at) else { return false };
        let Some(channel) = place.as_mut().and_then(Arc::get_mut) else { return false };
        if !channel.is_dead() {
            return false;
        }
        self.forgotten = self.forgotten.and(LossWatermark { offset: channel.last(), stamp });
        self.names.remove(hasher.hash_one(channel.name().as_str()), at);
        *place = None;
        self.free.push(at);
        true
    }

    fn file(&mut self, channel: &Arc<Channel>, hash: u64) {
        let at = self.place(Arc::clone(channel));
        // More channels than that do not fit into memory; entries of such a one would name nobody.
        channel.set_number(u32::try_from(at + 1).unwrap_or(0));
        self.names.insert(hash, at);
    }

    fn place(&mut self, channel: Arc<Channel>) -> usize {
        let free = self.free.pop().and_then(|at| Some((at, self.places.get_mut(at)?)));
        match free {
            Some((at, place)) => {
                *place = Some(channel);
                at
            }
            None => {
                self.places.push(Some(channel));
                self.places.len() - 1
            }
        }
    }
}

/// Places visited under one hold of the lock: a few tens of microseconds.
const SCAN_SLICE: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::MATCHINGS;

    #[test]
    fn a_forgotten_name_comes_back_with_the_loss_it_may_have_had() {
        let registry = Registry::default();
        let name: ChannelName = "a".parse().unwrap();
        registry.obtain(&name).set_last(9);
        registry.forget_dead(0, 1, 1, 4);
        assert!(registry.find("a").is_none());
        let second = registry.obtain(&name);
        assert_eq!(second.ring().losses().messages, LossWatermark { offset: 9, stamp: 4 });
        assert_eq!(second.last(), 9);
    }

    #[test]
    fn the_rules_are_matched_once_for_a_channel_however_often_its_options_are_asked_for() {
        let registry = Registry::default();
        let name: ChannelName = "a".parse().unwrap();
        let before = MATCHINGS.get();
        registry.obtain(&name);
        for _ in 0..10 {
            assert_eq!(registry.options(&name), Options::default());
            registry.obtain(&name);
        }
        assert_eq!(MATCHINGS.get() - before, 1);
    }

    #[test]
    fn a_channel_that_somebody_holds_is_not_forgotten() {
        let registry = Registry::default();
        let held = registry.obtain(&"a".parse().unwrap());
        registry.forget_dead(0, 9, 1, 1);
        assert!(Arc::ptr_eq(&held, &registry.find("a").unwrap()));
    }

    #[test]
    fn a_scan_sees_every_channel_though_places_are_used_again() {
        let registry = Registry::default();
        let names: Vec<ChannelName> =
            (0..3_000).map(|n| format!("c{n}").parse().unwrap()).collect();
        names.iter().for_each(|name| drop(registry.obtain(name)));
        registry.forget_dead(0, 9, 1, 1);
        assert_eq!(registry.len(), 2_999);
        registry.obtain(&"new".parse().unwrap());
        let mut seen = 0;
        registry.scan(|_| seen += 1);
        assert_eq!((seen, registry.len()), (3_000, 3_000));
    }
}
