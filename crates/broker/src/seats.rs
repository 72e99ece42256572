//! Where a lane's connections sit: who follows what, who sleeps, and what each missed meanwhile.
//!
//! Plain data of one thread. An audience is everyone in this lane who follows one pattern; a seat
//! knows its place in each of its audiences, so that leaving is O(1) however many sit there.

use crate::{Pattern, PatternMap, channel::Channel, cursor::Listing};
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

/// Which channels, among those that wildcards select, a seat's reader has to look at.
///
/// Channels followed by name need no list: the reader knows them.
#[derive(Debug, Default)]
pub struct News(pub(crate) Whereabouts);

#[derive(Debug, Default)]
pub(crate) enum Whereabouts {
    #[default]
    Named,
    In(Box<Listing>),
    Anywhere,
}

#[derive(Debug, Default)]
pub(crate) struct Seats {
    seats: Slab<Seat>,
    audiences: Slab<Audience>,
    by_channel: HashMap<usize, usize>,
    by_pattern: PatternMap<usize>,
    wild_count: usize,
    /// Seats to be woken, in the order in which news came to them.
    due: VecDeque<usize>,
}

#[derive(Debug)]
struct Seat {
    waker: Option<Waker>,
    /// When to wake it, news or not; or [`NEVER`].
    wake_at_ms: u64,
    state: State,
    /// Mostly one, which then takes no allocation.
    places: SmallVec<[Place; 1]>,
}

#[derive(Debug, Default)]
enum State {
    /// Not to be woken by news, of which there is none.
    #[default]
    Awake,
    /// To be woken by news.
    Asleep,
    /// There is news, which has not been taken.
    Told(News),
}

/// A seat's place in an audience: `audiences[audience].seats[index]` is the seat.
#[derive(Clone, Copy, Debug)]
struct Place {
    audience: usize,
    index: usize,
}

#[derive(Debug)]
struct Audience {
    pattern: Pattern,
    channel: Option<Arc<Channel>>,
    seats: Vec<usize>,
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
        let (state, places) = (State::Awake, SmallVec::new());
        SeatId(self.seats.insert(Seat { waker: None, wake_at_ms: NEVER, state, places }))
    }

    /// Puts a seat into an audience. `channel` is the pattern's, where it has no wildcard.
    pub(crate) fn follow(
        &mut self,
        id: SeatId,
        pattern: &Pattern,
        channel: Option<Arc<Channel>>,
    ) -> Change {
        let (audience, change) = match self.find(pattern, channel.as_ref()) {
            Some(audience) => (audience, Change::None),
            None => self.form(pattern, channel),
        };
        let Some(seat) = self.seats.get_mut(id.0) else { return Change::None };
        if let Some(members) = self.audiences.get_mut(audience) {
            seat.places.push(Place { audience, index: members.seats.len() });
            members.seats.push(id.0);
        }
        change
    }

    /// Takes a seat out of an audience.
    pub(crate) fn unfollow(&mut self, id: SeatId, pattern: &Pattern) -> Change {
        let Some(seat) = self.seats.get_mut(id.0) else { return Change::None };
        let audiences = &self.audiences;
        let is_it = |place: &Place| {
            audiences.get(place.audience).is_some_and(|audience| audience.pattern == *pattern)
        };
        match seat.places.iter().position(is_it) {
            Some(at) => {
                let place = seat.places.swap_remove(at);
                self.leave(place)
            }
            None => Change::None,
        }
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
    pub(crate) fn take_news(&mut self, id: SeatId) -> Option<News> {
        let seat = self.seats.get_mut(id.0)?;
        match mem::take(&mut seat.state) {
            State::Told(news) => Some(news),
            state => {
                seat.state = state;
                None
            }
        }
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
        match seat.state {
            State::Told(_) if listens => waker.wake_by_ref(),
            State::Told(_) => {}
            State::Awake | State::Asleep if listens => seat.state = State::Asleep,
            State::Awake | State::Asleep => seat.state = State::Awake,
        }
    }

    /// Tells everyone whom news of `channel` concerns.
    pub(crate) fn tell(&mut self, channel: &Arc<Channel>) {
        let Self { seats, audiences, by_channel, by_pattern, due, .. } = self;
        let mut tell = |audience: &usize, is_wild: bool| {
            for at in audiences.get(*audience).into_iter().flat_map(|audience| &audience.seats) {
                let Some(seat) = seats.get_mut(*at) else { continue };
                let mut news = match mem::take(&mut seat.state) {
                    State::Told(news) => news,
                    State::Awake => News::default(),
                    State::Asleep => {
                        due.push_back(*at);
                        News::default()
                    }
                };
                if is_wild {
                    news.add(channel);
                }
                seat.state = State::Told(news);
            }
        };
        by_channel.get(&channel.address()).into_iter().for_each(|named| tell(named, false));
        by_pattern.each_match(channel.name(), |wild| tell(wild, true));
    }

    /// Puts every sleeper whose time has come among those to be woken.
    pub(crate) fn ring(&mut self, now_ms: u64) {
        for (at, seat) in &mut self.seats {
            if seat.wake_at_ms != NEVER && seat.wake_at_ms <= now_ms {
                seat.wake_at_ms = NEVER;
                if let State::Asleep = seat.state {
                    seat.state = State::Awake;
                }
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
        entry.insert(Audience { pattern, channel, seats: Vec::new() });
        (audience, change)
    }

    fn leave(&mut self, place: Place) -> Change {
        let Some(audience) = self.audiences.get_mut(place.audience) else { return Change::None };
        audience.seats.swap_remove(place.index);
        // The last one moved into the empty place, and has to know.
        if let Some(moved) = audience.seats.get(place.index).and_then(|at| self.seats.get_mut(*at))
        {
            let known = moved.places.iter_mut().find(|known| known.audience == place.audience);
            known.into_iter().for_each(|known| known.index = place.index);
        }
        if audience.seats.is_empty() { self.dissolve(place.audience) } else { Change::None }
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

impl News {
    fn add(&mut self, channel: &Arc<Channel>) {
        match &mut self.0 {
            Whereabouts::Named => {
                let listing = Listing::reported(vec![Arc::clone(channel)]);
                self.0 = Whereabouts::In(Box::new(listing));
            }
            Whereabouts::In(listing) if listing.channels.len() >= NEWS_CHANNELS_MAX => {
                self.0 = Whereabouts::Anywhere;
            }
            Whereabouts::In(listing) => {
                if !listing.channels.iter().any(|known| Arc::ptr_eq(known, channel)) {
                    listing.channels.push(Arc::clone(channel));
                }
            }
            Whereabouts::Anywhere => {}
        }
    }
}

/// The time that never comes.
const NEVER: u64 = u64::MAX;

/// Channels noted for a seat before it is told to look everywhere: a slow reader of `>` costs no
/// more than this.
const NEWS_CHANNELS_MAX: usize = 64;
