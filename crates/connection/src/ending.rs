//! How a connection ends, and what the server says about it.

use crate::{CloseReason, Refusal};
use tidewire_broker::{Forbidden, Position};
use tidewire_protocol::{ServerMessage, close};

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending<'a> {
    /// The server shuts down. The client has everything up to `position`, if it has been delivered everything.
    ShuttingDown {
        /// The head of the log; none for a client that has not received everything up to it.
        position: Option<Position>,
    },
    /// Retention has removed messages that the client had not been delivered, and its channel then sends it away.
    TooSlow,
    /// There is no memory for what the client sends; the text says of what kind.
    NoRoom(&'a str),
    /// What the client wants will never be done, and it gets no answers; the text says why.
    Rejected(&'a str),
    /// What the client was granted has expired.
    Expired,
    /// What the client was granted no longer covers anything that it follows, and it cannot subscribe.
    Revoked,
    /// The client, which could do nothing before, has not authenticated in time, or failed to.
    Unauthenticated,
    /// An operator has ended the connection.
    Disconnected {
        /// Where the client is.
        position: Option<Position>,
    },
    /// The key by which the client was known, of its token or its own, is in force no more.
    Withdrawn,
}

impl Ending<'_> {
    pub(crate) fn close_reason(self) -> CloseReason {
        match self {
            Self::ShuttingDown { .. } => CloseReason::Dismissed,
            Self::TooSlow => CloseReason::Overtaken,
            Self::NoRoom(_) | Self::Rejected(_) => CloseReason::Refused,
            Self::Expired => CloseReason::Expired,
            Self::Revoked => CloseReason::Revoked,
            Self::Unauthenticated => CloseReason::Unauthenticated,
            Self::Disconnected { .. } => CloseReason::Disconnected,
            Self::Withdrawn => CloseReason::Withdrawn,
        }
    }

    /// The last words of a server that shuts down, or whose operator ends a connection: the same object on every wire.
    pub(crate) fn goodbye(self, retry_ms: u64) -> Option<ServerMessage<'static>> {
        let (code, position) = match self {
            Self::ShuttingDown { position } => (close::SERVICE_RESTART, position),
            Self::Disconnected { position } => (close::DISCONNECTED, position),
            _ => return None,
        };
        Some(ServerMessage::Goodbye { code, position, retry_ms: Some(retry_ms) })
    }

    /// The error for clients that have no close codes, if there is one.
    pub(crate) fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Expired => Some(Forbidden::Expired.into()),
            Self::Revoked => Some(Refusal::Revoked),
            Self::Withdrawn => Some(Refusal::Withdrawn),
            // Only clients with commands are waited for, and these get a close code.
            Self::Unauthenticated
            | Self::ShuttingDown { .. }
            | Self::Disconnected { .. }
            | Self::TooSlow
            | Self::NoRoom(_)
            | Self::Rejected(_) => None,
        }
    }
}
