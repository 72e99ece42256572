//! What a server refuses or ends, with a code and a sentence: on a `tidewire.v1` WebSocket, in the events `$error` and
//! `$unsubscribed`, and in lines of a stream.

use crate::ErrorCode;
use serde::Deserialize;

/// Delivery has ended: as requested, or as the server has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Unsubscribed {
    /// The request's number, if it was requested.
    pub id: Option<u64>,
    /// The channel or pattern.
    pub channel: String,
    /// Why the server has ended it: an [`ErrorCode`]'s text, or that of a newer server's.
    pub code: Option<String>,
    /// The same for people.
    pub message: Option<String>,
}

/// A request, or the connection, was refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ErrorEvent {
    /// The request's number, if it was a request and had one.
    pub id: Option<u64>,
    /// An [`ErrorCode`]'s text, or that of a newer server's.
    pub code: String,
    /// An explanation for people.
    pub message: String,
    /// When to try again, if that would help.
    pub retry_ms: Option<u64>,
}

impl ErrorEvent {
    /// The code, if this version knows it.
    pub fn error_code(&self) -> Option<ErrorCode> {
        self.code.parse().ok()
    }
}
/// What the connection may do expires soon: renew it, or the connection ends.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Expiring {
    /// In how many milliseconds.
    pub in_ms: u64,
}
