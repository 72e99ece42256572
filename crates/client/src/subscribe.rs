//! A request to subscribe, and what a subscription may report.

use crate::{Backoff, Client, Wire};
use std::time::Duration;
use tidewire_protocol::{Gap, Message, Problem, Since};

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

/// What a subscriber is given.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// A message; each once, and in order within its channel.
    Message(Message),
    /// Messages are gone. Each loss is reported once, also across reconnects.
    Gap(Gap),
}

/// Why there is no connection now. The next attempt comes by itself.
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
    /// The server wants a token, and there is none.
    #[error("there is no token for this client: {0}")]
    NoToken(String),
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

impl Client {
    /// Begins a subscription to channels and patterns.
    pub fn subscribe<I>(&self, channels: I) -> SubscribeRequest
    where
        I: IntoIterator<Item: Into<String>>,
    {
        SubscribeRequest::new(self.clone(), channels.into_iter().map(Into::into).collect())
    }
}

impl SubscribeRequest {
    fn new(client: Client, channels: Vec<String>) -> Self {
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

    /// Where to begin; at the head by default.
    pub fn since(mut self, since: Since) -> Self {
        self.since = since;
        self
    }

    /// How messages shall come.
    pub fn wire(mut self, wire: Wire) -> Self {
        self.wire = wire;
        self
    }

    /// The server's heartbeat interval; 20 s by default. A connection on which nothing arrives for two and a
    /// half times as long is taken for dead.
    ///
    /// The welcome of a WebSocket has the server's value, which replaces this one.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// How long to wait between attempts to connect.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// After how many failures in a row to give up; by default it never does.
    pub fn attempts_max(mut self, attempts_max: u32) -> Self {
        self.attempts_max = attempts_max;
        self
    }
}

const HEARTBEAT: Duration = Duration::from_secs(20);
