//! How a connection ends, and what the server says about it.

use crate::{CloseReason, Refusal};
use tidewire_broker::{Forbidden, Position};
use tidewire_protocol::{ServerMessage, close};

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending<'a> {
    /// The server shuts down. The client has everything up to `position`, if it has been delivered everything.
    ShuttingDown {
        /// The head, unless the client is behind.
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
        }
    }

    /// The last words of a server that shuts down: the same object on every wire.
    pub(crate) fn goodbye(self, retry_ms: u64) -> Option<ServerMessage<'static>> {
        let Self::ShuttingDown { position } = self else { return None };
        let (code, retry_ms) = (close::SERVICE_RESTART, Some(retry_ms));
        Some(ServerMessage::Goodbye { code, position, retry_ms })
    }

    /// The error for clients that have no close codes, if there is one.
    pub(crate) fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Expired => Some(Forbidden::Expired.into()),
            Self::Revoked => Some(Refusal::Revoked),
            // Only clients with commands are waited for, and these get a close code.
            Self::Unauthenticated
            | Self::ShuttingDown { .. }
            | Self::TooSlow
            | Self::NoRoom(_)
            | Self::Rejected(_) => None,
        }
    }
}
