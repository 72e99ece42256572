//! What a subscriber is given, how its connection is, and why a subscription ends.

use crate::Wire;
use std::time::Duration;
use tidewire_protocol::{Gap, Message, Position, Problem};

/// What a subscriber is given.
#[derive(Clone, Debug)]
pub enum Delivery<M = Message> {
    /// A message; each once, and in the order of the log.
    Message(M),
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

/// How the connection of a subscription is, for a user interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing is subscribed, so there is no connection.
    #[default]
    Idle,
    /// A connection is being made.
    Connecting,
    /// There is a connection, and messages from before are still to come.
    CatchingUp {
        /// How many positions of the log are between the last message received and the newest one, where the server has
        /// said it. Messages of other channels count, too.
        behind: Option<u64>,
    },
    /// Messages come as they are published.
    Live(Wire),
    /// There is no connection. The next attempt comes after this time.
    Waiting {
        /// How long it was until the next attempt when this state began.
        next: Duration,
        /// Why.
        outage: Outage,
    },
    /// The server has refused what was asked for, and no attempt follows. The error says why, and what to do.
    Refused(SubscribeError),
}

/// A subscription that has ended and will not come back by itself, or, of
/// [`Undecodable`](Self::Undecodable), one message of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// The server has closed the connection normally, and it will not be opened again.
    #[error("the server has ended the subscription")]
    Ended,
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
    /// The payload of one message is not of the type that was asked for. The subscription goes on with the next message.
    #[error("the message at {position} of {channel} cannot be read: {cause}")]
    Undecodable {
        /// Where the message was published.
        channel: String,
        /// Its place in the log.
        position: Position,
        /// What does not fit.
        cause: String,
    },
}

impl SubscribeError {
    pub(crate) fn undecodable(message: Message, error: &serde_json::Error) -> Self {
        let Message { channel, position, .. } = message;
        Self::Undecodable { channel, position, cause: error.to_string() }
    }

    /// Whether the subscription has ended with this error.
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::Undecodable { .. })
    }
}
