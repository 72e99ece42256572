//! What a connection brings, and how it fails, on whichever wire.

use crate::TokenError;
use std::time::Duration;
use tidewire_protocol::{
    Bookmark, ErrorCode, ErrorEvent, Gap, Goodbye, Message, Position, Problem, Unsubscribed,
};

/// Something received on a connection.
#[derive(Clone, Debug)]
pub enum Item {
    /// A message.
    Message(Message),
    /// Messages of a channel or pattern are gone.
    Gap(Gap),
    /// Everything up to here has been delivered of all channels that have begun.
    Position(Bookmark),
    /// Where the log ends, at the beginning of a connection.
    Head(Position),
    /// Delivery of a channel or pattern has begun after a position.
    Subscribed {
        /// The number of the request.
        id: u64,
        /// The channel or pattern.
        channel: String,
        /// Where it begins.
        position: Position,
    },
    /// The server has ended one of the subscriptions.
    Unsubscribed(Unsubscribed),
    /// The message of this request stands here in the log.
    Published(u64, Position),
    /// The server has refused this request.
    RequestRefused {
        /// The number of the request.
        id: u64,
        /// What it said.
        problem: Box<Problem>,
        /// When to try again, if that would help.
        retry: Option<Duration>,
    },
    /// When the server would like us back after the connection ends.
    Retry(Duration),
    /// The server ends the connection, with all delivered up to the position.
    Goodbye {
        /// Everything up to here has been delivered.
        position: Option<Bookmark>,
        /// When to come back.
        retry: Option<Duration>,
    },
    /// How often the server will speak.
    Heartbeat(Duration),
    /// Nothing for a subscriber, but the connection is alive.
    Alive,
}

impl From<Goodbye> for Item {
    fn from(Goodbye { position, retry_ms, .. }: Goodbye) -> Self {
        let (position, retry) = (position.map(Bookmark::from), retry_ms.map(Duration::from_millis));
        Self::Goodbye { position, retry }
    }
}

/// Why a connection or a request has ended.
#[derive(Debug)]
pub enum Failure {
    /// The server ended it normally.
    Finished,
    /// The server ended it for good.
    Closed {
        /// One of the close codes.
        code: u16,
        /// For people.
        reason: String,
    },
    /// The server does not want this subscription.
    Refused(Box<Problem>),
    /// The token has expired or is not accepted.
    TokenRefused(TokenRefusal),
    /// There is no token to send.
    NoToken(TokenError),
    /// This wire cannot be had here. With a problem, trying again is no use either.
    Unsuitable {
        /// Why.
        cause: String,
        /// What was answered.
        problem: Option<Box<Problem>>,
    },
    /// The server cannot be reached, or refuses for a while.
    Down {
        /// Why.
        cause: String,
        /// When to try again.
        retry_after: Option<Duration>,
    },
    /// The connection ended without a word.
    Cut(String),
}

/// What the server has said of a token, in the way of the wire.
#[derive(Debug)]
pub enum TokenRefusal {
    /// In an answer or an event.
    Problem(Box<Problem>),
    /// By closing a WebSocket.
    Closed {
        /// One of the close codes.
        code: u16,
        /// For people.
        reason: String,
    },
}

impl Failure {
    /// The server refuses what was asked for, or ends the connection with an error.
    pub fn of_error(ErrorEvent { code, message, retry_ms, .. }: ErrorEvent) -> Self {
        let is_retryable = code.parse().is_ok_and(ErrorCode::retryable);
        if is_retryable || retry_ms.is_some() {
            let retry_after = retry_ms.map(Duration::from_millis);
            return Self::Down { cause: message, retry_after };
        }
        let code_known = code.parse();
        let is_of_token = matches!(code_known, Ok(ErrorCode::Expired | ErrorCode::Unauthorized));
        let problem = Box::new(Problem::from_text(&code, message));
        match is_of_token {
            true => Self::TokenRefused(TokenRefusal::Problem(problem)),
            false => Self::Refused(problem),
        }
    }

    /// Something in between spoils this wire.
    pub fn unsuitable(cause: impl Into<String>) -> Self {
        Self::Unsuitable { cause: cause.into(), problem: None }
    }
}
