//! What a client has sent, until all of it is done: input, publishes, and a request that waits.

use crate::{Page, PageReading, PendingPublish, PresencePage, Subscription, Time, Worker};
use std::{
    collections::VecDeque,
    num::NonZeroU64,
    slice,
    task::{Poll, Waker, ready},
};
use tidewire_broker::{ChannelName, Grant, Interest};

/// What a client has sent, of which something is still to be done.
#[derive(Debug)]
pub(super) struct Inbound {
    /// What the client may do.
    pub(super) grant: Grant,
    /// The connection's own number, the origin of what it publishes without wanting an echo.
    pub(super) number: NonZeroU64,
    /// Input that has not been decoded: the front of a command, or what waits behind answers.
    pub(super) undecoded: Vec<u8>,
    pub(super) publishes: VecDeque<PendingPublish>,
    /// Of their payloads.
    pub(super) publishes_bytes: usize,
    /// A command that an archive has still to be asked for. Nothing is read until it is answered.
    pub(super) pending_request: Option<Box<PendingRequest>>,
    pub(super) echo: Echo,
    /// The last words for a client that broke the rules, which wait for the echo; nothing is read any more.
    pub(super) last_words: Option<Vec<u8>>,
}

/// What has been published by a client that hears of it by the echo alone.
#[derive(Debug, Default)]
pub(super) struct Echo {
    /// Publishes that have no offset yet.
    pub(super) unanswered: usize,
    /// The newest offset of the others.
    pub(super) newest: u64,
}

impl Echo {
    /// Whether some is still to come to a reader that has been handed everything up to `after`.
    pub(super) fn is_awaited(&self, after: u64) -> bool {
        self.unanswered > 0 || after < self.newest
    }
}

impl Inbound {
    pub(super) fn new(grant: Grant, number: NonZeroU64) -> Self {
        Self {
            grant,
            number,
            undecoded: Vec::new(),
            publishes: VecDeque::new(),
            publishes_bytes: 0,
            pending_request: None,
            echo: Echo::default(),
            last_words: None,
        }
    }

    /// Bytes it holds, as the allocator sees it.
    pub(super) fn held_bytes(&self) -> usize {
        let publishes = self.publishes.len() * size_of::<PendingPublish>() + self.publishes_bytes;
        self.undecoded.capacity() + publishes
    }
}

/// A command that is not answered yet, and the client's number for it.
#[derive(Debug)]
pub(super) struct PendingRequest {
    pub(super) id: u64,
    pub(super) request: Request,
}

/// What it asks for.
#[derive(Debug)]
pub(super) enum Request {
    /// A page of history.
    History(PageReading),
    /// A page of the members of a channel.
    Presence(ChannelName, PageReading),
    /// To follow from a time, which an archive may have to look up.
    Subscribe(Subscription, Interest),
}

/// What was read for it.
pub(super) enum Answer {
    History(Page),
    Presence(PresencePage),
    Found(Subscription),
}

impl Request {
    pub(super) fn poll(&mut self, worker: &Worker, time: Time, waker: &Waker) -> Poll<Answer> {
        let Worker { broker, limits, .. } = worker;
        match self {
            Self::History(reading) => reading.poll(broker, limits, waker).map(Answer::History),
            Self::Presence(channel, reading) => {
                let page = ready!(reading.poll(broker, limits, waker));
                Poll::Ready(Answer::Presence(PresencePage::new(channel.clone(), page)))
            }
            Self::Subscribe(subscription, interest) => {
                let subscriptions = slice::from_mut(subscription);
                ready!(Subscription::find(subscriptions, broker, time, interest, waker));
                Poll::Ready(Answer::Found(subscription.clone()))
            }
        }
    }
}
