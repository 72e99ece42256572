//! Where a subscription begins, from what the client said of it.

use crate::{Time, Worker};
use std::task::{Poll, Waker, ready};
use tidewire_broker::{Asker, Broker, Found, Interest, Pattern, Position, Reader, Start, WaiterId};
use tidewire_protocol as protocol;

/// What to follow, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The channels.
    pub pattern: Pattern,
    /// The place.
    pub place: Place,
}

impl Subscription {
    /// Looks up in the archive where `subscriptions` begin, so that following them waits for nothing.
    /// Ask again when `waker` is woken; `interest` is to live until then.
    pub fn find(
        subscriptions: &mut [Self],
        broker: &Broker,
        time: Time,
        interest: &Interest,
        waker: &Waker,
    ) -> Poll<()> {
        if interest.is_waiting(waker) {
            return Poll::Pending;
        }
        for group in subscriptions.chunk_by_mut(|one, other| one.place == other.place) {
            let Some(Self { place: place @ Place::Since(since), .. }) = group.first() else {
                continue;
            };
            let patterns: Vec<Pattern> = group.iter().map(|one| one.pattern.clone()).collect();
            let (start, asker) = (place.start(time), Asker::new(interest, waker));
            if let Start::Found(found) = ready!(start.find(broker, &patterns, asker)) {
                let place = Place::Found(found, *since);
                group.iter_mut().for_each(|one| one.place = place.clone());
            }
        }
        Poll::Ready(())
    }
}

/// The place a client named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// One this server can make sense of.
    Since(protocol::Since),
    /// A last event id that is none of ours: what it stood for is lost, what is retained follows.
    Foreign(String),
    /// The place of a time, looked up by [`Subscription::find`]; with how the client spelled it.
    Found(Found, protocol::Since),
}

impl Place {
    /// The place behind the newest message.
    pub const NOW: Self = Self::Since(protocol::Since::Now);

    /// Reads a last event id, which may come from another server or another life of this one.
    pub fn from_last_event_id(text: &str) -> Self {
        match text.parse() {
            Ok(bookmark) => Self::Since(protocol::Bookmark::into(bookmark)),
            // Long or odd ids are cut: they are only handed back to be recognised.
            Err(_) => Self::Foreign(text.chars().take(FOREIGN_CHARS_MAX).collect()),
        }
    }

    pub(crate) fn start(&self, time: Time) -> Start {
        match self {
            Self::Since(protocol::Since::Now) => Start::Now,
            Self::Since(protocol::Since::Earliest) | Self::Foreign(_) => Start::Earliest,
            Self::Since(protocol::Since::Position(position)) => Start::After(from_words(*position)),
            Self::Since(protocol::Since::Within { position, state }) => {
                Start::Within { position: from_words(*position), state: *state }
            }
            Self::Since(protocol::Since::Time(time_ms)) => Start::Since(*time_ms),
            Self::Since(protocol::Since::Ago(duration)) => {
                let ago_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
                Start::Since(time.wall_ms.saturating_sub(ago_ms))
            }
            Self::Found(found, _) => Start::Found(*found),
        }
    }

    /// How the client spelled it, for a gap notice.
    pub(crate) fn spelling(&self) -> String {
        match self {
            Self::Since(since) | Self::Found(_, since) => since.to_string(),
            Self::Foreign(text) => text.clone(),
        }
    }

    pub(crate) fn is_foreign(&self) -> bool {
        matches!(self, Self::Foreign(_))
    }
}

/// A place that was asked for and is none of ours.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    pub(crate) subscription: Subscription,
    /// The offset behind which what is retained follows.
    pub(crate) to: u64,
}

/// Makes a waiter and its reader follow `subscriptions`, those at one place together.
///
/// Returns the offset behind which the last of them begins, and what of them is lost.
pub(crate) fn follow(
    subscriptions: &[Subscription],
    waiter: WaiterId,
    reader: &mut Reader,
    worker: &mut Worker,
    time: Time,
) -> (u64, Vec<Lost>) {
    let (mut after, mut lost) = (worker.broker.head(), Vec::new());
    for group in subscriptions.chunk_by(|one, other| one.place == other.place) {
        let Some(Subscription { place, .. }) = group.first() else { continue };
        let new = |subscription: &&Subscription| !reader.follows(&subscription.pattern);
        let new: Vec<&Subscription> = group.iter().filter(new).collect();
        let patterns: Vec<Pattern> = new.iter().map(|one| one.pattern.clone()).collect();
        // A pattern given twice is followed once, also by the lane.
        for (at, pattern) in patterns.iter().enumerate() {
            if !patterns.iter().take(at).any(|earlier| earlier == pattern) {
                worker.lane.follow(waiter, pattern);
            }
        }
        let started = reader.follow(&worker.broker, &patterns, place.start(time));
        after = started.after;
        if started.is_foreign || place.is_foreign() {
            let to = started.after;
            lost.extend(new.into_iter().cloned().map(|subscription| Lost { subscription, to }));
        }
    }
    (after, lost)
}

/// The broker's position in the words of the protocol.
pub fn in_words(position: Position) -> protocol::Position {
    protocol::Position { epoch: position.epoch, offset: position.offset }
}

fn from_words(position: protocol::Position) -> Position {
    Position { epoch: position.epoch, offset: position.offset }
}

const FOREIGN_CHARS_MAX: usize = 64;
