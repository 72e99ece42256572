//! Turns for requests: what the connections get of a round that actix still drives.
//!
//! Each of them is a task of its own, so the worker's loop cannot run it. Instead it asks for a turn before it reads,
//! and before it goes on with a large answer. If the round has none left, it waits, and the loop calls it in a later round.
//!
//! ```text
//!            nobody waits, and the round has a turn left
//!   idle ─────────────────────────────────────────────▶ begun ── its bytes are spent, or the round ends ──▶ idle
//!     └──▶ waiting ── the loop calls it ──▶ called ──────▲
//!             ▲─────── the round has no time left ──┘
//! ```

use crate::ready::keep;
use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

/// The turns that one worker's loop gives to requests; cloning gives another handle.
#[derive(Clone, Debug)]
pub struct RequestTurns(Option<Rc<RefCell<Round>>>);

/// A connection's claim to turns. Dropped, it waits no longer.
#[derive(Debug)]
pub(crate) struct RequestTurn {
    turns: RequestTurns,
    /// Where it waits, or waited until it was called.
    place: Option<QueuePlace>,
    begun: Option<Begun>,
    /// A request of this connection has been answered.
    is_known: bool,
    /// Bytes it has moved since then.
    recent: (Instant, usize),
}

/// A turn that has begun.
#[derive(Debug)]
struct Begun {
    round: u64,
    bytes_left: usize,
    /// Whether the round counts it already.
    is_counted: bool,
}

#[derive(Debug, Default)]
struct Round {
    number: u64,
    /// Those of connections that were called are taken off.
    turns_left: usize,
    accepts_left: usize,
    /// No turn begins after this time. It is set when the first one begins.
    until: Option<Instant>,
    waiting: BTreeMap<QueuePlace, Waker>,
    /// How many have begun to wait.
    places: u64,
    /// Of the task that accepts connections, while it waits.
    acceptor: Option<Waker>,
    /// Of the loop, while it waits.
    waker: Option<Waker>,
}

/// First by rank, then in the order in which they came.
type QueuePlace = (Rank, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// It has been answered before, and has moved little lately.
    Light,
    Other,
}

impl RequestTurns {
    /// Without a loop that gives turns: each request always has one.
    pub fn unlimited() -> Self {
        Self(None)
    }

    /// Given by [`RequestTurns::begin_round`].
    pub(crate) fn by_rounds() -> Self {
        Self(Some(Rc::default()))
    }

    pub(crate) fn claim(&self) -> RequestTurn {
        RequestTurn {
            turns: self.clone(),
            place: None,
            begun: None,
            is_known: false,
            recent: (Instant::now(), 0),
        }
    }

    /// Ready once a request waits for the next round.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<()> {
        let Some(round) = &self.0 else { return Poll::Pending };
        let mut round = round.borrow_mut();
        if !round.waiting.is_empty() || round.acceptor.is_some() {
            return Poll::Ready(());
        }
        keep(&mut round.waker, context.waker());
        Poll::Pending
    }

    /// Gives the turns of a round, and wakes the requests that get one. Returns whether some still wait.
    pub(crate) fn begin_round(&self) -> bool {
        let Some(round) = &self.0 else { return false };
        let acceptor = round.borrow_mut().begin();
        acceptor.into_iter().for_each(Waker::wake);
        loop {
            // What is woken may come back to this.
            let next = round.borrow_mut().call_next();
            let Some(next) = next else { break };
            next.wake();
        }
        !round.borrow().waiting.is_empty()
    }

    /// Ready while the round lets connections in.
    pub(crate) fn poll_accept(&self, context: &Context<'_>) -> Poll<()> {
        let Some(round) = &self.0 else { return Poll::Ready(()) };
        let mut round = round.borrow_mut();
        if round.accepts_left > 0 {
            return Poll::Ready(());
        }
        keep(&mut round.acceptor, context.waker());
        let waker = round.waker.take();
        drop(round);
        waker.into_iter().for_each(Waker::wake);
        Poll::Pending
    }

    /// A connection was accepted.
    pub(crate) fn note_accepted(&self) {
        if let Some(round) = &self.0 {
            let mut round = round.borrow_mut();
            round.accepts_left = round.accepts_left.saturating_sub(1);
        }
    }
}

impl Round {
    fn begin(&mut self) -> Option<Waker> {
        self.number += 1;
        self.turns_left = TURNS_MAX;
        // A new connection needs some turns, so a crowd may not be accepted faster than it is served.
        self.accepts_left =
            if self.waiting.is_empty() { ACCEPTS_MAX } else { ACCEPTS_BESIDE_WAITING_MAX };
        self.until = None;
        self.acceptor.take()
    }

    /// Takes the next request that waits out of the queue, if a turn is left for it.
    fn call_next(&mut self) -> Option<Waker> {
        let first = *self.waiting.first_key_value()?.0;
        let is_others = self.turns_left.is_multiple_of(OTHERS_EVERY);
        let other = || self.waiting.range((Rank::Other, 0)..).next().map(|(place, _)| *place);
        let place = if is_others { other().unwrap_or(first) } else { first };
        self.turns_left = self.turns_left.checked_sub(1)?;
        self.waiting.remove(&place)
    }

    fn has_time(&mut self) -> bool {
        let now = Instant::now();
        now <= *self.until.get_or_insert(now + TIME_MAX)
    }
}

impl RequestTurn {
    /// Ready while it has a turn; otherwise it waits, and `context` is woken when it is called.
    pub(crate) fn poll(&mut self, context: &Context<'_>) -> Poll<()> {
        let Some(round) = &self.turns.0 else { return Poll::Ready(()) };
        let mut round = round.borrow_mut();
        if self.begun.as_ref().is_some_and(|begun| begun.is_on(&round)) {
            return Poll::Ready(());
        }
        let (may_begin, is_called) = match &self.place {
            Some(place) => (!round.waiting.contains_key(place), true),
            None => (round.waiting.is_empty() && round.turns_left > 0, false),
        };
        if may_begin && round.has_time() {
            self.place = None;
            let begun =
                Begun { round: round.number, bytes_left: TURN_BYTES, is_counted: is_called };
            self.begun = Some(begun);
            return Poll::Ready(());
        }
        // One that was called too late is in front again.
        let place = self.place.unwrap_or_else(|| {
            round.places += 1;
            let rank = rank(self.is_known, &mut self.recent);
            (rank, round.places)
        });
        self.place = Some(place);
        round
            .waiting
            .entry(place)
            .or_insert_with(|| Waker::noop().clone())
            .clone_from(context.waker());
        let waker = round.waker.take();
        drop(round);
        waker.into_iter().for_each(Waker::wake);
        Poll::Pending
    }

    /// Takes word of what was done in the turn.
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.recent.1 = self.recent.1.saturating_add(bytes);
        let (Some(round), Some(begun)) = (&self.turns.0, &mut self.begun) else { return };
        let mut round = round.borrow_mut();
        if begun.round == round.number && !begun.is_counted {
            begun.is_counted = true;
            round.turns_left = round.turns_left.saturating_sub(1);
        }
        begun.bytes_left = begun.bytes_left.saturating_sub(bytes);
    }

    /// Ends the turn: what comes next asks for another.
    pub(crate) fn end(&mut self) {
        self.spend(TURN_BYTES);
    }

    /// Takes word that a request was answered.
    pub(crate) fn note_answered(&mut self) {
        self.is_known = true;
    }
}

impl Begun {
    fn is_on(&self, round: &Round) -> bool {
        self.round == round.number && self.bytes_left > 0
    }
}

impl Drop for RequestTurn {
    fn drop(&mut self) {
        if let (Some(round), Some(place)) = (&self.turns.0, self.place) {
            let waker = round.borrow_mut().waiting.remove(&place);
            // It may be the last to hold on to a task, which may hold on to this.
            drop(waker);
        }
    }
}

fn rank(is_known: bool, (since, bytes): &mut (Instant, usize)) -> Rank {
    if since.elapsed() > RECENT {
        (*since, *bytes) = (Instant::now(), 0);
    }
    if is_known && *bytes <= LIGHT_BYTES { Rank::Light } else { Rank::Other }
}

/// Turns of requests in a round.
const TURNS_MAX: usize = 16;

/// Connections that are accepted in a round. Each costs some ten microseconds, most of it in the kernel.
const ACCEPTS_MAX: usize = 16;

/// The same while requests wait for a turn: a short one takes two turns or three, the end of its connection included, and
/// there is time for six to eight in a round.
const ACCEPTS_BESIDE_WAITING_MAX: usize = 2;

/// No turn of a round begins this long after the first.
const TIME_MAX: Duration = Duration::from_micros(500);

/// What a connection reads and writes in a turn. A write that passes it is the last.
const TURN_BYTES: usize = 64 << 10;

/// One turn in this many goes to requests that are not light, even if light ones wait.
const OTHERS_EVERY: usize = 4;

/// A connection that has moved more than this recently is not light. A publisher is; one that fetches pages of history is
/// not.
const LIGHT_BYTES: usize = 64 << 10;

/// What lately means.
const RECENT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
