//! Why a request was refused: one cause each, which knows its code and its words.

use crate::{
    CredentialTooLong, InvalidIdentity, InvalidLabel, InvalidPageLimit, InvalidPublish,
    InvalidSpan, NoPresence,
};
use tidewire_broker::{
    AppendError, DraftError, EngineError, Forbidden, NameError, Pattern, QuotaError,
};
use tidewire_protocol::{DataError, ErrorCode, InvalidSince, RequestError, ServerMessage};

/// Why a request was refused: its code is for programs, its text for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The dialect cannot read it.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// This server does not do that.
    #[error("this server does not support {what}")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
    },
    /// No channel or pattern has such a name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// No place in the log has such a text.
    #[error(transparent)]
    Since(#[from] InvalidSince),
    /// Not a part of the log.
    #[error(transparent)]
    Span(#[from] InvalidSpan),
    /// A page may not have that many messages.
    #[error(transparent)]
    PageLimit(#[from] InvalidPageLimit),
    /// The user or the info is not valid.
    #[error(transparent)]
    Identity(#[from] InvalidIdentity),
    /// An event name, a key or an id that no message can have.
    #[error(transparent)]
    Label(#[from] InvalidLabel),
    /// The payload does not match its type.
    #[error(transparent)]
    Data(#[from] DataError),
    /// One connection may have no more subscriptions.
    #[error("a connection has at most {subscriptions_max} subscriptions")]
    TooManySubscriptions {
        /// How many it may have.
        subscriptions_max: usize,
    },
    /// Subscribed on this connection before.
    #[error("already subscribed to {pattern}")]
    AlreadySubscribed {
        /// To what.
        pattern: Pattern,
    },
    /// Nothing to unsubscribe.
    #[error("not subscribed to {pattern}")]
    NotSubscribed {
        /// From what.
        pattern: Pattern,
    },
    /// The channel has no presence.
    #[error(transparent)]
    NoPresence(#[from] NoPresence),
    /// The client may not do that.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The client may do nothing before it has authenticated.
    #[error("{UNAUTHENTICATED}")]
    Unauthenticated,
    /// The text by which the client authenticates is too long.
    #[error(transparent)]
    Credential(#[from] CredentialTooLong),
    /// What the client has authenticated by is not valid, for this reason.
    #[error("{reason}")]
    InvalidCredential {
        /// Which kind of error that is.
        code: ErrorCode,
        /// For people; it repeats nothing of the credential.
        reason: Box<str>,
    },
    /// The connection belongs to somebody else than the new credential.
    #[error("{OTHER_SUBJECT}")]
    OtherSubject,
    /// Nothing that a client which cannot subscribe follows is allowed any more.
    #[error("{REVOKED}")]
    Revoked,
    /// The client does more of something than a limit allows.
    #[error("{reason}")]
    LimitReached {
        /// For people: which limit, and what to do.
        reason: Box<str>,
        /// When it is worth another try, if that is known.
        retry_ms: Option<u64>,
    },
    /// The key by which the client was known is in force no more.
    #[error("{WITHDRAWN}")]
    Withdrawn,
    /// The log did not take the message.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The server takes nothing new.
    #[error(transparent)]
    ShuttingDown(#[from] ShuttingDown),
}

/// The server takes nothing new, as it is about to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server is shutting down; try again in a moment")]
pub struct ShuttingDown;

impl Refusal {
    /// What kind of refusal; it knows its HTTP status.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Request(error) => error.code,
            Self::Unsupported { .. } => ErrorCode::Unsupported,
            Self::Name(_) => ErrorCode::BadChannel,
            Self::Since(_) | Self::Span(InvalidSpan::Place(_)) => ErrorCode::BadPosition,
            Self::Span(InvalidSpan::TwoEnds)
            | Self::PageLimit(_)
            | Self::Identity(_)
            | Self::Credential(_)
            | Self::Label(_) => ErrorCode::BadRequest,
            Self::Unauthenticated | Self::Withdrawn => ErrorCode::Unauthorized,
            Self::InvalidCredential { code, .. } => *code,
            Self::Data(error) => error.code(),
            Self::TooManySubscriptions { .. } => ErrorCode::TooManySubscriptions,
            Self::AlreadySubscribed { .. } => ErrorCode::AlreadySubscribed,
            Self::NotSubscribed { .. } => ErrorCode::NotSubscribed,
            Self::NoPresence(_) => ErrorCode::NotFound,
            Self::Forbidden(Forbidden::Expired) => ErrorCode::Expired,
            Self::Forbidden(_) | Self::Revoked | Self::OtherSubject => ErrorCode::Forbidden,
            Self::LimitReached { .. } => ErrorCode::LimitReached,
            Self::Append(error) => append_code(error),
            Self::ShuttingDown(_) => ErrorCode::Unavailable,
        }
    }

    /// When the same is worth another try, if that is known.
    pub const fn retry_ms(&self) -> Option<u64> {
        match self {
            Self::LimitReached { retry_ms, .. } => *retry_ms,
            _ => None,
        }
    }

    /// Hands it to `write` as `tidewire.v1` shows it.
    pub(crate) fn with_message<T>(
        &self,
        id: Option<u64>,
        write: impl FnOnce(&ServerMessage<'_>) -> T,
    ) -> T {
        let (code, message) = (self.code(), self.to_string());
        write(&ServerMessage::Error { id, code, message: &message, retry_ms: self.retry_ms() })
    }

    /// Hands it to `write` as each protocol shows it that ends the subscription to `pattern`.
    pub(crate) fn with_revoked<T>(
        &self,
        pattern: &Pattern,
        write: impl FnOnce(&ServerMessage<'_>) -> T,
    ) -> T {
        let (code, message) = (self.code(), self.to_string());
        write(&ServerMessage::Revoked { channel: pattern.as_str(), code, message: &message })
    }
}

impl From<InvalidPublish> for Refusal {
    fn from(error: InvalidPublish) -> Self {
        match error {
            InvalidPublish::Channel(error) => error.into(),
            InvalidPublish::Forbidden(error) => error.into(),
            InvalidPublish::Data(error) => error.into(),
            InvalidPublish::Label(error) => error.into(),
        }
    }
}

const fn append_code(error: &AppendError) -> ErrorCode {
    match error {
        AppendError::Draft(DraftError::TooLarge { .. }) => ErrorCode::PayloadTooLarge,
        AppendError::Draft(DraftError::KeyMissing) => ErrorCode::BadRequest,
        AppendError::Draft(DraftError::IdTaken) => ErrorCode::Conflict,
        AppendError::NotAllowed { .. } => ErrorCode::Forbidden,
        AppendError::Quota(QuotaError::TooManyIds { .. })
        | AppendError::Engine(EngineError::Overloaded) => ErrorCode::Overloaded,
        AppendError::Quota(_) => ErrorCode::StateFull,
        AppendError::Engine(EngineError::StorageFull) => ErrorCode::InsufficientStorage,
        AppendError::Engine(EngineError::Unavailable) => ErrorCode::Unavailable,
    }
}

/// What a client gets that asks for something before it may do anything.
const UNAUTHENTICATED: &str =
    "nothing is allowed without a token here: the first request has to be `token`";

/// Why a renewal is refused whose token is another person's.
const OTHER_SUBJECT: &str = "the token is of another subject than the connection; renew with a token of the same `sub`, or open \
    a new connection";

/// Why a connection ends whose client is not known any more; it fits a close frame.
pub(crate) const WITHDRAWN: &str =
    "the key of this client's token was removed or revoked; get a new token, reconnect and resume";

/// Why a connection ends that follows nothing any more; it fits a close frame.
pub(crate) const REVOKED: &str =
    "the caller's grant covers none of the connection's subscriptions any more";
