//! Where a lane's connections sit: who follows what, who sleeps, and what each missed meanwhile.
//!
//! Plain data of one thread. An audience is everyone in this lane who follows one pattern; a seat
//! knows its place in each of its audiences, so that leaving is O(1) however many sit there.

use crate::{News, Pattern, PatternMap, channel::Channel};
use slab::Slab;
use smallvec::SmallVec;
use std::{
    collections::{HashMap, VecDeque},
    mem,
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
    /// Mostly one, which then takes no allocation.
    places: SmallVec<[Place; 1]>,
}

/// A seat's place in an audience: `audiences[audience].members[index]` is the seat.
#[derive(Clone, Copy, Debug)]
struct Place {
    audience: usize,
    index: usize,
}

/// The other way round: `seats[seat].places[place]` is the place.
#[derive(Clone, Copy, Debug)]
struct Member {
    seat: usize,
    place: usize,
}

/// Members before `listening` are told of each channel; the others look everywhere already.
#[derive(Debug)]
struct Audience {
    pattern: Pattern,
    channel: Option<Arc<Channel>>,
    members: Vec<Member>,
    listening: usize,
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
            places: SmallVec::new(),
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
        let Some(seat) = self.seats.get_mut(id.0) else { return Change::None };
        if let Some(audience) = self.audiences.get_mut(at) {
            let index = audience.members.len();
            audience.members.push(Member { seat: id.0, place: seat.places.len() });
            seat.places.push(Place { audience: at, index });
            audience.listen(&mut self.seats, index);
        }
        change
    }

    /// Takes a seat out of an audience.
    pub(crate) fn unfollow(&mut self, id: SeatId, pattern: &Pattern) -> Change {
        let Self { seats, audiences, .. } = self;
        let Some(seat) = seats.get(id.0) else { return Change::None };
        let is_it = |place: &Place| {
            audiences.get(place.audience).is_some_and(|audience| audience.pattern == *pattern)
        };
        let Some(at) = seat.places.iter().position(is_it) else { return Change::None };
        let Some(place) = seat.places.get(at).copied() else { return Change::None };
        let change = self.leave(place);
        if let Some(seat) = self.seats.get_mut(id.0) {
            seat.places.swap_remove(at);
            // The last one moved to where it was, and its audience has to know.
            let moved = seat.places.get(at).copied();
            let member = moved.and_then(|moved| {
                self.audiences.get_mut(moved.audience)?.members.get_mut(moved.index)
            });
            member.into_iter().for_each(|member| member.place = at);
        }
        change
    }

    /// Gives a seat up; `changed` hears of each audience that dissolves.
    pub(crate) fn rise(&mut self, id: SeatId, mut changed: impl FnMut(Change)) {
        if let Some(seat) = self.seats.try_remove(id.0) {
            for place in seat.places {
                changed(self.leave(place));
            }
            // It may still be due: then whoever sits here next is woken once for nothing.
        }
    }

    /// What a seat has missed since it was asked last, or `None` for nothing.
    ///
    /// What it heard of in a pass that is not at its end it hears again then, since it cannot read
    /// so far before. `under_way` is where readers may read to while there is such a pass.
    pub(crate) fn take_news(&mut self, id: SeatId, under_way: Option<u64>) -> Option<News> {
        let Self { seats, audiences, pass, told, .. } = self;
        let seat = seats.get_mut(id.0)?;
        if seat.told_in == *pass {
            return seat.news.clone();
        }
        let news = seat.news.take()?;
        if let Some(settled) = under_way.filter(|_| news.is_anywhere()) {
            // It has not been told of what this pass has told the others so far.
            seat.hear(id.0, *pass, told).forget_channels(settled);
        } else if news.is_anywhere() {
            for at in 0..seat.places.len() {
                let place = seats.get(id.0).and_then(|seat| seat.places.get(at)).copied();
                let audience =
                    place.and_then(|place| Some((audiences.get_mut(place.audience)?, place.index)));
                if let Some((audience, index)) = audience {
                    audience.listen(seats, index);
                }
            }
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

    /// Tells everyone whom news of `channel` concerns, all of it newer than `after`. Returns how many
    /// that were. They are woken when the pass ends.
    pub(crate) fn tell(&mut self, channel: &Arc<Channel>, after: u64) -> usize {
        let Self { seats, audiences, by_channel, by_pattern, pass, told, .. } = self;
        let mut visited = 0;
        let named = by_channel.get(&channel.address()).and_then(|at| audiences.get(*at));
        for member in named.into_iter().flat_map(|audience| &audience.members) {
            visited += 1;
            if let Some(seat) = seats.get_mut(member.seat) {
                seat.hear(member.seat, *pass, told);
            }
        }
        by_pattern.each_match(channel.name(), |at| {
            let Some(audience) = audiences.get_mut(*at) else { return };
            let mut index = 0;
            while index < audience.listening
                && let Some(member) = audience.members.get(index).copied()
                && let Some(seat) = seats.get_mut(member.seat)
            {
                visited += 1;
                let news = seat.hear(member.seat, *pass, told);
                news.add(channel, after);
                if news.is_anywhere() {
                    audience.listening -= 1;
                    audience.swap(seats, index, audience.listening);
                } else {
                    index += 1;
                }
            }
        });
        visited
    }

    /// Tells a seat that there may be anything newer than `after`.
    pub(crate) fn tell_one(&mut self, id: SeatId, after: u64) {
        let Self { seats, audiences, pass, told, .. } = self;
        let Some(seat) = seats.get_mut(id.0) else { return };
        let is_wild = |place: &Place| {
            audiences.get(place.audience).is_some_and(|audience| audience.channel.is_none())
        };
        let is_wild = seat.places.iter().any(is_wild);
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
        entry.insert(Audience { pattern, channel, members: Vec::new(), listening: 0 });
        (audience, change)
    }

    fn leave(&mut self, place: Place) -> Change {
        let Self { seats, audiences, .. } = self;
        let Some(audience) = audiences.get_mut(place.audience) else { return Change::None };
        let mut index = place.index;
        if index < audience.listening {
            audience.listening -= 1;
            audience.swap(seats, index, audience.listening);
            index = audience.listening;
        }
        audience.members.swap_remove(index);
        audience.note_index(seats, index);
        if audience.members.is_empty() { self.dissolve(place.audience) } else { Change::None }
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

impl Audience {
    /// Has the member at `index` told of each channel from here on.
    fn listen(&mut self, seats: &mut Slab<Seat>, index: usize) {
        if index >= self.listening {
            self.swap(seats, index, self.listening);
            self.listening += 1;
        }
    }

    /// Has two members change places.
    fn swap(&mut self, seats: &mut Slab<Seat>, one: usize, other: usize) {
        if one != other {
            self.members.swap(one, other);
            self.note_index(seats, one);
            self.note_index(seats, other);
        }
    }

    /// Has the seat of the member at `index` know that.
    fn note_index(&self, seats: &mut Slab<Seat>, index: usize) {
        let Some(member) = self.members.get(index) else { return };
        let place = seats.get_mut(member.seat).and_then(|seat| seat.places.get_mut(member.place));
        place.into_iter().for_each(|place| place.index = index);
    }
}

/// The pass that never was.
const NO_PASS: u64 = u64::MAX;

/// The time that never comes.
const NEVER: u64 = u64::MAX;
