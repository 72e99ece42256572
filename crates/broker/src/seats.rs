//! Where a lane's connections sit: who follows what, who sleeps, and what each missed meanwhile.
//!
//! Plain data of one thread. An audience is everyone in this lane who follows one pattern, and a seat
//! knows its audiences. Where several patterns select a channel, their audiences are united before
//! anybody is told: each seat hears of it once, however many of its patterns select it.

use crate::{
    News, Pattern, PatternMap,
    channel::Channel,
    seat_set::{SeatBits, SeatSet, Window},
};
use slab::Slab;
use smallvec::SmallVec;
use std::{
    collections::{HashMap, VecDeque},
    mem,
    ops::ControlFlow,
    sync::Arc,
    task::Waker,
};

/// A connection's place in its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SeatId(usize);

impl SeatId {
    /// A small number that no other seat of the lane has at the time: whoever sits down later may get it again.
    pub fn index(self) -> usize {
        self.0
    }
}

#[derive(Debug, Default)]
pub(crate) struct Seats {
    seats: Slab<Seat>,
    audiences: Slab<Audience>,
    by_channel: HashMap<usize, usize>,
    by_pattern: PatternMap<usize>,
    wild_count: usize,
    /// Seats that are told of no channel, as they have to look everywhere already.
    walking: SeatBits,
    /// The audiences with wildcards that a channel concerns: kept to be used again.
    matching: Vec<usize>,
    /// The number of the lane's pass that is under way, or of its next.
    pass: u64,
    /// Seats that heard of news in it, each once.
    told: Vec<usize>,
    /// Seats to be woken, in the order in which news came to them.
    due: VecDeque<usize>,
}

#[derive(Debug)]
struct Seat {
    waker: Option<Waker>,
    /// When to wake it, news or not; or [`NEVER`].
    wake_at_ms: u64,
    /// To be woken by news.
    is_asleep: bool,
    /// What has not been taken.
    news: Option<News>,
    /// The pass in which it heard of news last.
    told_in: u64,
    /// Its audiences, mostly one, which then takes no allocation.
    audiences: SmallVec<[usize; 1]>,
}

/// Everyone who follows one pattern; `channel` is the pattern's, where it has no wildcard.
#[derive(Debug)]
struct Audience {
    pattern: Pattern,
    channel: Option<Arc<Channel>>,
    members: SeatSet,
}

/// What a lane has to tell the broker when an audience forms or dissolves.
#[derive(Debug)]
pub(crate) enum Change {
    None,
    /// The first, or last, to follow this channel.
    Channel(Arc<Channel>),
    /// The first, or last, to follow any pattern with wildcards.
    Wild,
}

impl Seats {
    pub(crate) fn sit(&mut self) -> SeatId {
        SeatId(self.seats.insert(Seat {
            waker: None,
            wake_at_ms: NEVER,
            is_asleep: false,
            news: None,
            told_in: NO_PASS,
            audiences: SmallVec::new(),
        }))
    }

    /// Puts a seat into an audience. `channel` is the pattern's, where it has no wildcard.
    pub(crate) fn follow(
        &mut self,
        id: SeatId,
        pattern: &Pattern,
        channel: Option<Arc<Channel>>,
    ) -> Change {
        let (at, change) = match self.find(pattern, channel.as_ref()) {
            Some(audience) => (audience, Change::None),
            None => self.form(pattern, channel),
        };
        if let (Some(seat), Some(audience)) = (self.seats.get_mut(id.0), self.audiences.get_mut(at))
            && !seat.audiences.contains(&at)
        {
            seat.audiences.push(at);
            audience.members.insert(id.0);
        }
        change
    }

    /// Takes a seat out of an audience.
    pub(crate) fn unfollow(&mut self, id: SeatId, pattern: &Pattern) -> Change {
        let Self { seats, audiences, .. } = self;
        let Some(seat) = seats.get_mut(id.0) else { return Change::None };
        let is_it =
            |at: &usize| audiences.get(*at).is_some_and(|audience| audience.pattern == *pattern);
        let Some(place) = seat.audiences.iter().position(is_it) else { return Change::None };
        let audience = seat.audiences.swap_remove(place);
        self.leave(id.0, audience)
    }

    /// Gives a seat up; `changed` hears of each audience that dissolves.
    pub(crate) fn rise(&mut self, id: SeatId, mut changed: impl FnMut(Change)) {
        if let Some(seat) = self.seats.try_remove(id.0) {
            for audience in seat.audiences {
                changed(self.leave(id.0, audience));
            }
            self.walking.remove(id.0);
            // It may still be due: then whoever sits here next is woken once for nothing.
        }
    }

    /// What a seat has missed since it was asked last, or `None` for nothing.
    ///
    /// What it heard of in a pass that is not at its end it hears again then, since it cannot read
    /// so far before. `under_way` is where readers may read to while there is such a pass.
    pub(crate) fn take_news(&mut self, id: SeatId, under_way: Option<u64>) -> Option<News> {
        let Self { seats, walking, pass, told, .. } = self;
        let seat = seats.get_mut(id.0)?;
        if seat.told_in == *pass {
            return seat.news.clone();
        }
        let news = seat.news.take()?;
        if let Some(settled) = under_way.filter(|_| news.is_anywhere()) {
            // It has not been told of what this pass has told the others so far.
            seat.hear(id.0, *pass, told).forget_channels(settled);
        } else if news.is_anywhere() {
            walking.remove(id.0);
        }
        Some(news)
    }

    /// Lets a seat sleep until there is news, if it `listens`, or the time has come.
    pub(crate) fn sleep(
        &mut self,
        id: SeatId,
        waker: &Waker,
        until_ms: Option<u64>,
        listens: bool,
    ) {
        let Some(seat) = self.seats.get_mut(id.0) else { return };
        match &mut seat.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        seat.wake_at_ms = until_ms.unwrap_or(NEVER);
        // What it heard of in this pass it can read when the pass ends, which wakes it.
        let can_read = seat.news.is_some() && seat.told_in != self.pass;
        seat.is_asleep = listens && !can_read;
        if listens && can_read {
            waker.wake_by_ref();
        }
    }

    /// Tells whom news of `channel` concerns, all of it newer than `after`: each seat once, from seat
    /// `from` on, and no more of them than `work`, which it spends. They are woken when the pass ends.
    ///
    /// Returns the seat to go on from where some are left. Seats keep their numbers, so nobody is passed
    /// over though others come and go meanwhile.
    pub(crate) fn tell(
        &mut self,
        channel: &Arc<Channel>,
        after: u64,
        from: usize,
        work: &mut usize,
    ) -> Option<usize> {
        let Self { seats, audiences, by_channel, by_pattern, .. } = self;
        let Self { walking, matching, pass, told, .. } = self;
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
                let Some(seat) = seats.get_mut(at) else { return ControlFlow::Continue(()) };
                let news = seat.hear(at, *pass, told);
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
            *work = work.saturating_sub(matching.len() / PATTERNS_A_SEAT);
            from = by_pattern.end();
        }
        None
    }

    /// Tells a seat that there may be anything newer than `after`.
    pub(crate) fn tell_one(&mut self, id: SeatId, after: u64) {
        let Self { seats, audiences, pass, told, .. } = self;
        let Some(seat) = seats.get_mut(id.0) else { return };
        let is_wild =
            |at: &usize| audiences.get(*at).is_some_and(|audience| audience.channel.is_none());
        let is_wild = seat.audiences.iter().any(is_wild);
        let news = seat.hear(id.0, *pass, told);
        if is_wild {
            news.forget_channels(after);
        }
    }

    /// Ends a pass: what was told in it can be read now.
    pub(crate) fn end_pass(&mut self) {
        self.pass += 1;
        for at in self.told.drain(..) {
            if let Some(seat) = self.seats.get_mut(at)
                && mem::take(&mut seat.is_asleep)
            {
                self.due.push_back(at);
            }
        }
    }

    /// Puts every sleeper whose time has come among those to be woken.
    pub(crate) fn ring(&mut self, now_ms: u64) {
        for (at, seat) in &mut self.seats {
            if seat.wake_at_ms != NEVER && seat.wake_at_ms <= now_ms {
                seat.wake_at_ms = NEVER;
                seat.is_asleep = false;
                self.due.push_back(at);
            }
        }
    }

    /// Takes the seat that has been due for longest.
    pub(crate) fn next_due(&mut self) -> Option<SeatId> {
        self.due.pop_front().map(SeatId)
    }

    /// Wakes a seat's task, if it has ever slept.
    pub(crate) fn wake(&self, id: SeatId) {
        if let Some(waker) = self.seats.get(id.0).and_then(|seat| seat.waker.as_ref()) {
            waker.wake_by_ref();
        }
    }

    pub(crate) fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.seats.len()
    }

    fn find(&mut self, pattern: &Pattern, channel: Option<&Arc<Channel>>) -> Option<usize> {
        match channel {
            Some(channel) => self.by_channel.get(&channel.address()).copied(),
            None => self.by_pattern.find(pattern).copied(),
        }
    }

    fn form(&mut self, pattern: &Pattern, channel: Option<Arc<Channel>>) -> (usize, Change) {
        let pattern = pattern.clone();
        let entry = self.audiences.vacant_entry();
        let audience = entry.key();
        let change = match &channel {
            Some(channel) => {
                self.by_channel.insert(channel.address(), audience);
                Change::Channel(Arc::clone(channel))
            }
            None => {
                *self.by_pattern.entry(&pattern) = Some(audience);
                self.wild_count += 1;
                if self.wild_count == 1 { Change::Wild } else { Change::None }
            }
        };
        entry.insert(Audience { pattern, channel, members: SeatSet::default() });
        (audience, change)
    }

    fn leave(&mut self, seat: usize, at: usize) -> Change {
        let Some(audience) = self.audiences.get_mut(at) else { return Change::None };
        audience.members.remove(seat);
        if audience.members.is_empty() { self.dissolve(at) } else { Change::None }
    }

    fn dissolve(&mut self, audience: usize) -> Change {
        let Audience { pattern, channel, .. } = self.audiences.remove(audience);
        match channel {
            Some(channel) => {
                self.by_channel.remove(&channel.address());
                Change::Channel(channel)
            }
            None => {
                self.by_pattern.remove(&pattern);
                self.wild_count -= 1;
                if self.wild_count == 0 { Change::Wild } else { Change::None }
            }
        }
    }
}

impl Seat {
    /// Has it hear of news in this pass.
    fn hear(&mut self, at: usize, pass: u64, told: &mut Vec<usize>) -> &mut News {
        if self.told_in != pass {
            self.told_in = pass;
            told.push(at);
        }
        self.news.get_or_insert_default()
    }
}

/// The pass that never was.
const NO_PASS: u64 = u64::MAX;

/// The time that never comes.
const NEVER: u64 = u64::MAX;

/// Patterns whose audiences are united for the work of telling one seat, in each window.
const PATTERNS_A_SEAT: usize = 8;
