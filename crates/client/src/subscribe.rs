//! Subscribing: what is asked for, and the stream of what comes.

use crate::{
    Backoff, Client,
    session::{Session, Step},
};
use async_stream::stream;
use futures_util::Stream;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tidewire_protocol::{Bookmark, Gap, Message, Problem, Since};

/// A subscription about to begin.
#[derive(Clone, Debug)]
#[must_use = "nothing is subscribed until its stream is polled"]
pub struct SubscribeRequest {
    pub(crate) client: Client,
    pub(crate) channels: Vec<String>,
    pub(crate) since: Since,
    pub(crate) wire: Wire,
    pub(crate) heartbeat: Duration,
    pub(crate) backoff: Backoff,
    pub(crate) attempts_max: u32,
}

/// How messages come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Wire {
    /// WebSocket, else SSE, else polls: the first that can be had.
    #[default]
    Auto,
    /// A WebSocket that speaks `tidewire.v1`.
    WebSocket,
    /// Server-Sent Events.
    Sse,
    /// An NDJSON stream.
    Stream,
    /// Long polls.
    Poll,
}

/// What a subscriber is given.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// A message; each once, and in order within its channel.
    Message(Message),
    /// Messages are gone. Each loss is reported once, also across reconnects.
    Gap(Gap),
}

/// Why there is no connection at the moment. The next attempt comes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// What went wrong in the last attempt.
    pub cause: String,
    /// Whether there had been a connection, which was lost, or none could be made.
    pub was_connected: bool,
}

/// A subscription that has ended and will not come back by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// There is nothing to subscribe to.
    #[error("a subscription needs at least one channel or pattern")]
    NoChannel,
    /// The request was at fault.
    #[error("the server refused the subscription: {0}")]
    Refused(Box<Problem>),
    /// The server closed the connection for good.
    #[error("the server closed the connection for good: {code} {reason}")]
    Closed {
        /// One of the [close codes](tidewire_protocol::close).
        code: u16,
        /// For people; may be empty.
        reason: String,
    },
    /// The server could not be reached in as many attempts as were allowed.
    #[error("gave up after {attempts} attempts: {cause}")]
    Unreachable {
        /// In a row.
        attempts: u32,
        /// What went wrong in the last.
        cause: String,
    },
}

impl SubscribeRequest {
    pub(crate) fn new(client: Client, channels: Vec<String>) -> Self {
        Self {
            client,
            channels,
            since: Since::Now,
            wire: Wire::Auto,
            heartbeat: HEARTBEAT,
            backoff: Backoff::default(),
            attempts_max: u32::MAX,
        }
    }

    /// Where to begin; at the head unless told otherwise.
    pub fn since(mut self, since: Since) -> Self {
        self.since = since;
        self
    }

    /// How messages shall come.
    pub fn wire(mut self, wire: Wire) -> Self {
        self.wire = wire;
        self
    }

    /// How often the server speaks when there is nothing to say; 20 s unless told otherwise. A
    /// connection that is silent for two and a half times as long is taken for dead.
    ///
    /// A WebSocket's welcome knows better and replaces it.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// How long to wait between attempts to connect.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// After how many failures in a row to give up; never unless told otherwise.
    pub fn attempts_max(mut self, attempts_max: u32) -> Self {
        self.attempts_max = attempts_max;
        self
    }

    /// Begins when first polled, and ends when dropped.
    pub fn stream(self) -> Subscription {
        let steps = stream! {
            if self.channels.is_empty() {
                yield Err(SubscribeError::NoChannel);
                return;
            }
            let mut session = Session::new(self);
            while let Some(step) = session.next().await {
                yield step;
            }
        };
        Subscription { steps: Box::pin(steps), position: None, outage: None }
    }
}

/// Deliveries, one after another, from as many connections as it takes.
///
/// Ends after an error, or when the server closes it normally.
pub struct Subscription {
    steps: Pin<Box<dyn Stream<Item = Result<Step, SubscribeError>> + Send>>,
    position: Option<Bookmark>,
    outage: Option<Outage>,
}

impl Subscription {
    /// From where to resume in another life: give it to [`SubscribeRequest::since`].
    ///
    /// Everything up to here has been taken from the stream. `None` before the server has said
    /// where the head is.
    pub const fn position(&self) -> Option<Bookmark> {
        self.position
    }

    /// Why there is no connection, from a failure until something is heard again.
    pub const fn outage(&self) -> Option<&Outage> {
        self.outage.as_ref()
    }
}

impl Stream for Subscription {
    type Item = Result<Delivery, SubscribeError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.steps.as_mut().poll_next(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(Step { delivery, position, outage })) => {
                    self.position = position;
                    self.outage = outage;
                    if let Some(delivery) = delivery {
                        return Poll::Ready(Some(Ok(delivery)));
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("position", &self.position).finish_non_exhaustive()
    }
}

const HEARTBEAT: Duration = Duration::from_secs(20);
