//! What can go wrong, as stable text, and what each means: status, title, whether to try again.
//!
//! An error knows its answer here, so that no transport has to judge.

use std::{fmt, str::FromStr};

/// A kind of error, the same on every wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The request is malformed.
    BadRequest,
    /// No channel or pattern has such a name.
    BadChannel,
    /// Invalid position.
    BadPosition,
    /// The payload does not match its type.
    BadData,
    /// Unknown type of request.
    UnknownType,
    /// Nothing to unsubscribe.
    NotSubscribed,
    /// Subscribed on this connection before.
    AlreadySubscribed,
    /// One connection may have no more subscriptions.
    TooManySubscriptions,
    /// There are no credentials, or they are not valid.
    Unauthorized,
    /// The grant has expired; a new one is needed.
    Expired,
    /// The token does not allow it.
    Forbidden,
    /// Nothing is there.
    NotFound,
    /// The request is for another host.
    Misdirected,
    /// Something is there, but not for this method.
    MethodNotAllowed,
    /// Another version of the protocol has to be spoken.
    UpgradeRequired,
    /// More bytes than a message may have.
    PayloadTooLarge,
    /// More bytes or lines than the head of a request may have.
    HeadTooLarge,
    /// The id was given to another message.
    Conflict,
    /// A compacted channel holds as much as it may.
    StateFull,
    /// The store has no room.
    InsufficientStorage,
    /// Not supported by this server.
    Unsupported,
    /// The URL has more bytes than it may have.
    UriTooLong,
    /// The client has reached a limit, such as that on publishes.
    LimitReached,
    /// The server is overloaded.
    Overloaded,
    /// The server, or what it relies on, is away.
    Unavailable,
    /// The request took too long to arrive.
    Timeout,
    /// The server's own mistake.
    Internal,
}

/// The text is no error code this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown error code")]
pub struct UnknownErrorCode;

impl ErrorCode {
    /// Every code there is.
    pub const ALL: [Self; 27] = [
        Self::BadRequest,
        Self::BadChannel,
        Self::BadPosition,
        Self::BadData,
        Self::UnknownType,
        Self::NotSubscribed,
        Self::AlreadySubscribed,
        Self::TooManySubscriptions,
        Self::Unauthorized,
        Self::Expired,
        Self::Forbidden,
        Self::NotFound,
        Self::Misdirected,
        Self::MethodNotAllowed,
        Self::UpgradeRequired,
        Self::PayloadTooLarge,
        Self::HeadTooLarge,
        Self::Conflict,
        Self::StateFull,
        Self::InsufficientStorage,
        Self::Unsupported,
        Self::UriTooLong,
        Self::LimitReached,
        Self::Overloaded,
        Self::Unavailable,
        Self::Timeout,
        Self::Internal,
    ];

    /// The text by which programs know it.
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status it is answered with.
    pub const fn status(self) -> u16 {
        self.row().1
    }

    /// What people see first, the same for every occurrence.
    pub const fn title(self) -> &'static str {
        self.row().2
    }

    /// Whether the same request may succeed later: the world was at fault, not the request.
    pub const fn retryable(self) -> bool {
        matches!(self.status(), 408 | 429 | 500..)
    }

    /// The URI that names it in a problem document: `urn:tidewire:problem:` and the text.
    pub fn problem_type(self) -> String {
        format!("{PROBLEM_TYPE_PREFIX}{self}")
    }

    const fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::BadRequest => ("bad_request", 400, "The request is malformed"),
            Self::BadChannel => ("bad_channel", 400, "Invalid channel or pattern"),
            Self::BadPosition => ("bad_position", 400, "Invalid position"),
            Self::BadData => ("bad_data", 400, "The payload does not match its type"),
            Self::UnknownType => ("unknown_type", 400, "Unknown type of request"),
            Self::NotSubscribed => ("not_subscribed", 409, "Not subscribed"),
            Self::AlreadySubscribed => ("already_subscribed", 409, "Already subscribed"),
            Self::TooManySubscriptions => ("too_many_subscriptions", 400, "Too many subscriptions"),
            Self::Unauthorized => ("unauthorized", 401, "Valid credentials are needed"),
            Self::Expired => ("expired", 401, "The grant has expired"),
            Self::Forbidden => ("forbidden", 403, "Not allowed"),
            Self::NotFound => ("not_found", 404, "Not found"),
            Self::Misdirected => ("misdirected", 421, "This server does not answer to this host"),
            Self::MethodNotAllowed => ("method_not_allowed", 405, "Method not allowed"),
            Self::UpgradeRequired => ("upgrade_required", 426, "Upgrade required"),
            Self::PayloadTooLarge => ("payload_too_large", 413, "The payload is too large"),
            Self::HeadTooLarge => ("head_too_large", 431, "The head of the request is too large"),
            Self::Conflict => ("conflict", 409, "The message id belongs to another message"),
            Self::StateFull => ("state_full", 409, "The state of the channel is full"),
            Self::InsufficientStorage => ("insufficient_storage", 507, "The store is full"),
            Self::Unsupported => ("unsupported", 415, "Not supported by this server"),
            Self::UriTooLong => ("uri_too_long", 414, "The URL is too long"),
            Self::LimitReached => ("limit_reached", 429, "A limit is reached"),
            Self::Overloaded => ("overloaded", 429, "The server is overloaded"),
            Self::Unavailable => ("unavailable", 503, "Temporarily unavailable"),
            Self::Timeout => ("timeout", 408, "The request took too long"),
            Self::Internal => ("internal", 500, "Internal server error"),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ErrorCode {
    type Err = UnknownErrorCode;

    fn from_str(text: &str) -> Result<Self, UnknownErrorCode> {
        Self::ALL.into_iter().find(|code| code.as_str() == text).ok_or(UnknownErrorCode)
    }
}

const PROBLEM_TYPE_PREFIX: &str = "urn:tidewire:problem:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_statuses_and_retries_are_stable() {
        let table: Vec<_> =
            ErrorCode::ALL.map(|code| (code.as_str(), code.status(), code.retryable())).into();
        assert_eq!(
            table,
            [
                ("bad_request", 400, false),
                ("bad_channel", 400, false),
                ("bad_position", 400, false),
                ("bad_data", 400, false),
                ("unknown_type", 400, false),
                ("not_subscribed", 409, false),
                ("already_subscribed", 409, false),
                ("too_many_subscriptions", 400, false),
                ("unauthorized", 401, false),
                ("expired", 401, false),
                ("forbidden", 403, false),
                ("not_found", 404, false),
                ("misdirected", 421, false),
                ("method_not_allowed", 405, false),
                ("upgrade_required", 426, false),
                ("payload_too_large", 413, false),
                ("head_too_large", 431, false),
                ("conflict", 409, false),
                ("state_full", 409, false),
                ("insufficient_storage", 507, true),
                ("unsupported", 415, false),
                ("uri_too_long", 414, false),
                ("limit_reached", 429, true),
                ("overloaded", 429, true),
                ("unavailable", 503, true),
                ("timeout", 408, true),
                ("internal", 500, true),
            ]
        );
    }

    #[test]
    fn every_text_reads_back() {
        for code in ErrorCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(code));
        }
        assert_eq!("Forbidden".parse::<ErrorCode>(), Err(UnknownErrorCode));
    }
}
