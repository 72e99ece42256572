//! The waiters of a lane: what each follows, which ones sleep, and which news each has not taken.
//!
//! Plain data of one thread. An audience is the set of waiters in this lane that follow one pattern, and a waiter knows
//! its audiences. If several patterns select a channel, their audiences are united before any waiter is notified: each
//! waiter is notified once, however many of its patterns select the channel.

use crate::{
    ChannelName, News, Pattern, PatternMap,
    channel::Channel,
    sync::atomic::Ordering,
    waiter_set::{WaiterBits, WaiterSet, Window},
};
use slab::Slab;
use smallvec::SmallVec;
use std::{
    collections::{HashMap, VecDeque},
    mem,
    num::NonZeroU64,
    ops::ControlFlow,
    sync::Arc,
    task::Waker,
};

/// A connection's place in its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WaiterId(usize);

impl WaiterId {
    /// A small number that no other waiter of the lane has at the time: a later one may get it again.
    pub fn index(self) -> usize {
        self.0
    }
}

#[derive(Debug, Default)]
pub(crate) struct Waiters {
    waiters: Slab<Waiter>,
    audiences: Slab<Audience>,
    by_channel: HashMap<usize, usize>,
    by_pattern: PatternMap<usize>,
    wild_count: usize,
    /// Waiters that are notified of no channel, as they have to look everywhere already.
    walking: WaiterBits,
    /// The audiences with wildcards that a channel concerns: kept to be used again.
    matching: Vec<usize>,
    /// The number of the lane's pass that is under way, or of its next.
    pass: u64,
    /// Waiters that were notified in it, each once.
    notified: Vec<usize>,
    /// Waiters to be woken, in the order in which news came to them.
    due: VecDeque<usize>,
    /// The same for those that have news in many channels.
    due_in_many: VecDeque<usize>,
}

#[derive(Debug)]
struct Waiter {
    waker: Option<Waker>,
    /// When to wake it, news or not.
    wake_at: Option<Deadline>,
    /// To be woken by news.
    is_asleep: bool,
    /// What has not been taken.
    news: Option<News>,
    /// The last pass in which it was notified of news.
    notified_in: u64,
    /// Its audiences, mostly one, which then takes no allocation.
    audiences: SmallVec<[usize; 1]>,
}

/// The waiters that follow one pattern; `channel` is the pattern's, if it has no wildcard.
#[derive(Debug)]
struct Audience {
    pattern: Pattern,
    channel: Option<Arc<Channel>>,
    members: WaiterSet,
}

/// What a lane reports to the broker when an audience forms or dissolves.
#[derive(Debug)]
pub(crate) enum AudienceChange {
    None,
    /// The first, or last, to follow this channel.
    Channel(Arc<Channel>),
    /// The first, or last, to follow any pattern with wildcards.
    Wild,
}

impl Waiters {
    pub(crate) fn register(&mut self) -> WaiterId {
        WaiterId(self.waiters.insert(Waiter {
            waker: None,
            wake_at: None,
            is_asleep: false,
            news: None,
            notified_in: NO_PASS,
            audiences: SmallVec::new(),
        }))
    }

    /// Puts a waiter into an audience. `channel` is the pattern's, where it has no wildcard.
    pub(crate) fn follow(
        &mut self,
        id: WaiterId,
        pattern: &Pattern,
        channel: Option<Arc<Channel>>,
    ) -> AudienceChange {
        let (at, change) = match self.find(pattern, channel.as_ref()) {
            Some(audience) => (audience, AudienceChange::None),
            None => self.form(pattern, channel),
        };
        if let (Some(waiter), Some(audience)) =
            (self.waiters.get_mut(id.0), self.audiences.get_mut(at))
            && !audience.members.contains(id.0)
        {
            waiter.audiences.push(at);
            audience.members.insert(id.0);
        }
        change
    }

    /// Whether somebody follows a pattern with wildcards that selects `channel`.
    pub(crate) fn has_pattern_for(&self, channel: &ChannelName) -> bool {
        self.by_pattern.has_match(channel)
    }

    /// Takes a waiter out of an audience.
    pub(crate) fn unfollow(&mut self, id: WaiterId, pattern: &Pattern) -> AudienceChange {
        let Self { waiters, audiences, .. } = self;
        let Some(waiter) = waiters.get_mut(id.0) else { return AudienceChange::None };
        let is_it =
            |at: &usize| audiences.get(*at).is_some_and(|audience| audience.pattern == *pattern);
        let Some(place) = waiter.audiences.iter().position(is_it) else {
            return AudienceChange::None;
        };
        let audience = waiter.audiences.swap_remove(place);
        self.leave(id.0, audience)
    }

    /// Removes a waiter; `changed` is called for each audience that dissolves.
    pub(crate) fn remove(&mut self, id: WaiterId, mut changed: impl FnMut(AudienceChange)) {
        if let Some(waiter) = self.waiters.try_remove(id.0) {
            for audience in waiter.audiences {
                changed(self.leave(id.0, audience));
            }
            self.walking.remove(id.0);
            // It may still be due: then the next waiter of this number is woken once for nothing.
        }
    }

    /// The news of a waiter since the last call, or `None`.
    ///
    /// News of a pass that has not ended is reported again when it ends, because the waiter cannot read that far before.
    /// `under_way` is the read limit while there is such a pass.
    pub(crate) fn take_news(&mut self, id: WaiterId, under_way: Option<u64>) -> Option<News> {
        let Self { waiters, walking, pass, notified, .. } = self;
        let waiter = waiters.get_mut(id.0)?;
        if waiter.notified_in == *pass {
            return waiter.news.clone();
        }
        let news = waiter.news.take()?;
        if let Some(read_limit) = under_way.filter(|_| news.is_anywhere()) {
            // It was not notified of what this pass has notified the others of so far.
            waiter.note_news(id.0, *pass, notified).forget_channels(read_limit);
        } else if news.is_anywhere() {
            walking.remove(id.0);
        }
        Some(news)
    }

    /// Whether there is news that a waiter has not taken.
    pub(crate) fn has_news(&self, id: WaiterId) -> bool {
        self.waiters.get(id.0).is_some_and(|waiter| waiter.news.is_some())
    }

    /// Lets a waiter sleep until there is news, if it `listens`, or the time has come.
    pub(crate) fn sleep(
        &mut self,
        id: WaiterId,
        waker: &Waker,
        until_ms: Option<u64>,
        listens: bool,
    ) {
        let Some(waiter) = self.waiters.get_mut(id.0) else { return };
        match &mut waiter.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        waiter.wake_at = until_ms.map(Deadline::at);
        // News of this pass can be read when the pass ends, which wakes the waiter.
        let can_read = waiter.news.is_some() && waiter.notified_in != self.pass;
        waiter.is_asleep = listens && !can_read;
        if listens && can_read {
            waker.wake_by_ref();
        }
    }

    /// Notifies the waiters that follow `channel` of news, all of it newer than `after`: each waiter once, from waiter
    /// `from` on, and at most as many as `work`, which it spends. They are woken when the pass ends.
    ///
    /// Returns the waiter to continue from, if some are left. Waiters keep their numbers, so none is passed over although
    /// others are registered and removed meanwhile.
    pub(crate) fn notify(
        &mut self,
        channel: &Arc<Channel>,
        after: u64,
        from: usize,
        work: &mut usize,
    ) -> Option<usize> {
        let Self { waiters, audiences, by_channel, by_pattern, .. } = self;
        let Self { walking, matching, pass, notified, .. } = self;
        let named = by_channel.get(&channel.address()).and_then(|at| audiences.get(*at));
        matching.clear();
        by_pattern.each_match(channel.name(), |at| matching.push(*at));
        let wild = || matching.iter().filter_map(|at| audiences.get(*at));
        let ends = wild().chain(named).map(|audience| audience.members.end());
        let (mut from, end) = (from, ends.max().unwrap_or(0));
        while from < end {
            let [mut by_pattern, mut by_name] = [Window::around(from), Window::around(from)];
            wild().for_each(|audience| by_pattern.add(&audience.members));
            by_pattern.subtract(walking);
            named.into_iter().for_each(|audience| by_name.add(&audience.members));
            let left = by_pattern.visit_either(&by_name, from, |at, is_wild| {
                if *work == 0 {
                    return ControlFlow::Break(());
                }
                *work -= 1;
                let Some(waiter) = waiters.get_mut(at) else { return ControlFlow::Continue(()) };
                let news = waiter.note_news(at, *pass, notified);
                if is_wild {
                    news.add(channel, after);
                    if news.is_anywhere() {
                        walking.insert(at);
                    }
                }
                ControlFlow::Continue(())
            });
            if left.is_some() {
                return left;
            }
            *work = work.saturating_sub(matching.len() / PATTERNS_A_WAITER);
            from = by_pattern.end();
        }
        None
    }

    /// Notifies a waiter that there may be anything newer than `after`.
    pub(crate) fn notify_one(&mut self, id: WaiterId, after: u64) {
        let Self { waiters, audiences, pass, notified, .. } = self;
        let Some(waiter) = waiters.get_mut(id.0) else { return };
        let is_wild =
            |at: &usize| audiences.get(*at).is_some_and(|audience| audience.channel.is_none());
        let is_wild = waiter.audiences.iter().any(is_wild);
        let news = waiter.note_news(id.0, *pass, notified);
        if is_wild {
            news.forget_channels(after);
        }
    }

    /// Ends a pass: the news of it can be read now.
    pub(crate) fn end_pass(&mut self) {
        self.pass += 1;
        for at in self.notified.drain(..) {
            if let Some(waiter) = self.waiters.get_mut(at)
                && mem::take(&mut waiter.is_asleep)
            {
                let is_of_many = waiter.news.as_ref().is_some_and(News::is_of_many);
                let due = if is_of_many { &mut self.due_in_many } else { &mut self.due };
                due.push_back(at);
            }
        }
    }

    /// Puts every sleeper whose time has come among those to be woken.
    pub(crate) fn fire_timers(&mut self, now_ms: u64) {
        for (at, waiter) in &mut self.waiters {
            if waiter.wake_at.is_some_and(|deadline| deadline.is_over(now_ms)) {
                waiter.wake_at = None;
                waiter.is_asleep = false;
                self.due.push_back(at);
            }
        }
    }

    /// Puts the next `count` waiters from number `from` on among those to be woken; returns the number after the last.
    pub(crate) fn make_due(&mut self, from: usize, count: usize) -> usize {
        let (mut at, mut left) = (from, count);
        while left > 0 && at < self.waiters.capacity() {
            if let Some(waiter) = self.waiters.get_mut(at) {
                waiter.wake_at = None;
                waiter.is_asleep = false;
                self.due.push_back(at);
                left -= 1;
            }
            at += 1;
        }
        at
    }

    /// Removes all waiters; `changed` is called for each audience that dissolves.
    pub(crate) fn clear(&mut self, mut changed: impl FnMut(AudienceChange)) {
        let taken: Vec<usize> = self.waiters.iter().map(|(at, _)| at).collect();
        taken.into_iter().for_each(|at| self.remove(WaiterId(at), &mut changed));
    }

    /// Takes the waiter that has been due for longest, but for those with news in many channels.
    pub(crate) fn next_due(&mut self) -> Option<WaiterId> {
        self.due.pop_front().map(WaiterId)
    }

    /// Takes the waiter that has been due for longest, of those with news in many channels.
    pub(crate) fn next_due_in_many(&mut self) -> Option<WaiterId> {
        self.due_in_many.pop_front().map(WaiterId)
    }

    /// The waker of a waiter's task, if it has ever slept.
    pub(crate) fn waker(&self, id: WaiterId) -> Option<&Waker> {
        self.waiters.get(id.0)?.waker.as_ref()
    }

    pub(crate) fn has_due(&self) -> bool {
        !self.due.is_empty() || !self.due_in_many.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Whether anybody follows a pattern with wildcards.
    pub(crate) fn has_wild(&self) -> bool {
        self.wild_count > 0
    }

    /// Whether it is so little that all of it can be checked at each change.
    pub(crate) fn is_small(&self) -> bool {
        self.waiters.len() <= CHECKED_MAX && self.audiences.len() <= CHECKED_MAX
    }

    /// Checks that everything agrees, with the followers that the lane of this `bit` has set in the channels too.
    /// O(waiters and what they follow).
    pub(crate) fn check(&self, bit: u64) {
        for (at, audience) in &self.audiences {
            assert!(!audience.members.is_empty(), "nobody is in an audience");
            let known = match &audience.channel {
                Some(channel) => {
                    let followed = channel.followed.load(Ordering::SeqCst);
                    assert!(followed & bit != 0, "a channel does not know its followers");
                    self.by_channel.get(&channel.address())
                }
                None => self.by_pattern.find(&audience.pattern),
            };
            assert_eq!(known, Some(&at), "an audience is not found by what it follows");
        }
        let audiences = || self.audiences.iter().map(|(_, audience)| audience);
        let wild = audiences().filter(|audience| audience.channel.is_none()).count();
        assert_eq!(wild, self.wild_count, "audiences with wildcards");
        assert_eq!(self.by_channel.len() + wild, self.audiences.len(), "audiences");
        for (at, waiter) in &self.waiters {
            for audience in &waiter.audiences {
                let audience = self.audiences.get(*audience);
                let is_in = audience.is_some_and(|audience| audience.members.contains(at));
                assert!(is_in, "a waiter is not in its audience");
            }
            let is_notified = waiter.notified_in != self.pass || self.notified.contains(&at);
            assert!(is_notified, "a waiter is not woken for what it was notified of");
        }
        let members: usize = audiences().map(|audience| audience.members.len()).sum();
        let follows: usize = self.waiters.iter().map(|(_, waiter)| waiter.audiences.len()).sum();
        assert_eq!(members, follows, "somebody is in an audience who does not wait");
    }

    fn find(&mut self, pattern: &Pattern, channel: Option<&Arc<Channel>>) -> Option<usize> {
        match channel {
            Some(channel) => self.by_channel.get(&channel.address()).copied(),
            None => self.by_pattern.find(pattern).copied(),
        }
    }

    fn form(
        &mut self,
        pattern: &Pattern,
        channel: Option<Arc<Channel>>,
    ) -> (usize, AudienceChange) {
        let pattern = pattern.clone();
        let entry = self.audiences.vacant_entry();
        let audience = entry.key();
        let change = match &channel {
            Some(channel) => {
                self.by_channel.insert(channel.address(), audience);
                AudienceChange::Channel(Arc::clone(channel))
            }
            None => {
                *self.by_pattern.entry(&pattern) = Some(audience);
                self.wild_count += 1;
                if self.wild_count == 1 { AudienceChange::Wild } else { AudienceChange::None }
            }
        };
        entry.insert(Audience { pattern, channel, members: WaiterSet::default() });
        (audience, change)
    }

    fn leave(&mut self, waiter: usize, at: usize) -> AudienceChange {
        let Some(audience) = self.audiences.get_mut(at) else { return AudienceChange::None };
        audience.members.remove(waiter);
        if audience.members.is_empty() { self.dissolve(at) } else { AudienceChange::None }
    }

    fn dissolve(&mut self, audience: usize) -> AudienceChange {
        let Audience { pattern, channel, .. } = self.audiences.remove(audience);
        match channel {
            Some(channel) => {
                self.by_channel.remove(&channel.address());
                AudienceChange::Channel(channel)
            }
            None => {
                self.by_pattern.remove(&pattern);
                self.wild_count -= 1;
                if self.wild_count == 0 { AudienceChange::Wild } else { AudienceChange::None }
            }
        }
    }
}

/// A time in milliseconds, in so little room that there may be none. The last of all times counts as the one
/// before it.
#[derive(Clone, Copy, Debug)]
struct Deadline(NonZeroU64);

impl Deadline {
    fn at(ms: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(ms))
    }

    fn is_over(self, now_ms: u64) -> bool {
        self.0.get() - 1 <= now_ms
    }
}

impl Waiter {
    /// Notes that it has news in this pass.
    fn note_news(&mut self, at: usize, pass: u64, notified: &mut Vec<usize>) -> &mut News {
        if self.notified_in != pass {
            self.notified_in = pass;
            notified.push(at);
        }
        self.news.get_or_insert_default()
    }
}

/// Waiters and audiences up to which all of them are looked at whenever one changes, in debug builds.
const CHECKED_MAX: usize = 16;

/// The pass that never was.
const NO_PASS: u64 = u64::MAX;

/// Uniting the audiences of this many patterns, in each window, counts as the work of notifying one waiter.
const PATTERNS_A_WAITER: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn waiters() -> Waiters {
        let mut waiters = Waiters::default();
        let id = waiters.register();
        let _ = waiters.follow(id, &"a.*".parse().unwrap(), None);
        waiters.check(1);
        waiters
    }

    #[test]
    #[should_panic(expected = "audiences with wildcards")]
    fn audiences_that_are_counted_wrongly_are_noticed() {
        let mut waiters = waiters();
        waiters.wild_count = 0;
        waiters.check(1);
    }

    #[test]
    #[should_panic(expected = "a waiter is not in its audience")]
    fn a_waiter_that_no_news_would_reach_is_noticed() {
        let mut waiters = waiters();
        let other = waiters.register();
        waiters.audiences.iter_mut().for_each(|(_, audience)| {
            audience.members.insert(other.0);
            audience.members.remove(0);
        });
        waiters.check(1);
    }

    #[test]
    #[should_panic(expected = "a waiter is not woken for what it was notified of")]
    fn a_waiter_that_would_sleep_on_is_noticed() {
        let mut waiters = waiters();
        waiters.notify_one(WaiterId(0), 0);
        waiters.notified.clear();
        waiters.check(1);
    }
}
