//! What a client has sent, until all of it is done: input, publishes, and a request that waits.

use crate::{
    Credential, Finding, Page, PageReading, PendingPublish, PresencePage, Refusal, Subscription,
    Worker, subscription,
};
use std::{
    collections::VecDeque,
    num::NonZeroU64,
    slice,
    task::{Poll, Waker, ready},
};
use tidewire_broker::{Forbidden, Grant, PresencePermit};

/// What a client has sent, of which something is still to be done. Small, as an idle client has one too.
#[derive(Debug)]
pub(super) struct Inbound {
    /// What the client may do.
    pub(super) grant: Grant,
    /// The connection's own number, the origin of what it publishes without wanting an echo.
    pub(super) number: NonZeroU64,
    /// Input that has not been decoded: the front of a command, or what waits behind answers.
    pub(super) undecoded: Box<[u8]>,
    /// Publishes that nobody has taken over, if there are any.
    pub(super) publishes: Option<Box<Publishes>>,
    /// What has to be done before more is read, if there is something.
    pub(super) barrier: Option<Box<ReadBarrier>>,
    pub(super) echo: Echo,
}

/// Publishes that wait for the driver; never empty.
#[derive(Debug, Default)]
pub(super) struct Publishes {
    queue: VecDeque<PendingPublish>,
    /// Of their payloads.
    payload_bytes: usize,
}

/// The publishes of a client that gets no answer but the echo.
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
            undecoded: Box::default(),
            publishes: None,
            barrier: None,
            echo: Echo::default(),
        }
    }

    /// Bytes it holds, as the allocator sees it.
    pub(super) fn held_bytes(&self) -> usize {
        let publishes =
            self.publishes.as_deref().map_or(0, |Publishes { queue, payload_bytes }| {
                queue.len() * size_of::<PendingPublish>() + payload_bytes
            });
        let credential = match self.barrier.as_deref() {
            Some(ReadBarrier::Credential { credential: Some(credential), .. }) => {
                credential.reveal().len()
            }
            _ => 0,
        };
        self.undecoded.len() + publishes + credential
    }

    pub(super) fn push_publish(&mut self, publish: PendingPublish) {
        let Publishes { queue, payload_bytes } = &mut **self.publishes.get_or_insert_default();
        *payload_bytes += publish.draft.bytes();
        queue.push_back(publish);
    }

    pub(super) fn pop_publish(&mut self) -> Option<PendingPublish> {
        let Publishes { queue, payload_bytes } = self.publishes.as_deref_mut()?;
        let publish = queue.pop_front()?;
        *payload_bytes -= publish.draft.bytes();
        if queue.is_empty() {
            self.publishes = None;
        }
        Some(publish)
    }
}

/// What has to be done before more is read.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is boxed as a whole, and there seldom is one")]
pub(super) enum ReadBarrier {
    /// To answer a command for which an archive may have to be asked.
    Request(PendingRequest),
    /// To learn what the client may do from here on.
    Credential {
        /// The client's number for it, if it wants an answer.
        id: Option<u64>,
        /// Gone once the driver has it.
        credential: Option<Credential>,
    },
    /// To say the last words to a client that broke the rules, as soon as it has been delivered what it published. Then
    /// nothing more is read at all.
    LastWords(Vec<u8>),
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
    Presence(PresencePermit, PageReading),
    /// To follow from a place that has to be looked for.
    Subscribe(Subscription, Finding),
}

/// What was read for it.
pub(super) enum Answer {
    History(Page),
    Presence(PresencePage),
    Found(Subscription),
    Refused(Refusal),
}

impl Request {
    /// Checks that `grant` covers it.
    pub(super) fn check(&self, grant: &Grant) -> Result<(), Forbidden> {
        match self {
            Self::History(reading) => {
                grant.permit_subscribe(reading.pattern())?;
                grant.permit_history().map(drop)
            }
            Self::Presence(permit, _) => grant.permit_presence(permit.channel()).map(drop),
            Self::Subscribe(one, finding) => {
                subscription::permit(slice::from_ref(one), grant, finding.time()).map(drop)
            }
        }
    }

    pub(super) fn poll(&mut self, grant: &Grant, worker: &Worker, waker: &Waker) -> Poll<Answer> {
        let Worker { broker, limits, .. } = worker;
        match self {
            Self::History(reading) => reading.poll(broker, limits, waker).map(Answer::History),
            Self::Presence(permit, reading) => {
                let page = ready!(reading.poll(broker, limits, waker));
                Poll::Ready(Answer::Presence(PresencePage::new(permit.channel().clone(), page)))
            }
            Self::Subscribe(subscription, finding) => {
                let subscriptions = slice::from_mut(subscription);
                let found = Subscription::find(subscriptions, grant, broker, finding, waker);
                Poll::Ready(match ready!(found) {
                    Ok(()) => Answer::Found(subscription.clone()),
                    Err(forbidden) => Answer::Refused(forbidden.into()),
                })
            }
        }
    }
}
