//! A request that was refused, in the words of the protocol.

use tidewire_broker::{AppendError, DraftError, EngineError, Forbidden, NameError, QuotaError};
use tidewire_protocol::{DataError, ErrorCode, InvalidSince, ServerMessage};

/// Why a request was refused: a code for programs, a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of refusal; it knows its HTTP status.
    pub code: ErrorCode,
    /// What was wrong and what is allowed.
    pub message: String,
}

impl Refusal {
    /// A refusal of this kind.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// What `tidewire.v1` says of it.
    pub(crate) fn to_message(&self, id: Option<u64>) -> ServerMessage<'_> {
        let Self { code, message } = self;
        ServerMessage::Error { id, code: *code, message, retry_ms: None }
    }
}

impl From<NameError> for Refusal {
    fn from(error: NameError) -> Self {
        Self::new(ErrorCode::BadChannel, error.to_string())
    }
}

impl From<InvalidSince> for Refusal {
    fn from(error: InvalidSince) -> Self {
        Self::new(ErrorCode::BadPosition, error.to_string())
    }
}

impl From<DataError> for Refusal {
    fn from(error: DataError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<Forbidden> for Refusal {
    fn from(error: Forbidden) -> Self {
        Self::new(ErrorCode::Forbidden, error.to_string())
    }
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        let code = match error {
            AppendError::Draft(DraftError::TooLarge { .. }) => ErrorCode::PayloadTooLarge,
            AppendError::Draft(DraftError::KeyMissing) => ErrorCode::BadRequest,
            AppendError::Draft(DraftError::IdTaken) => ErrorCode::Conflict,
            AppendError::NotAllowed { .. } => ErrorCode::Forbidden,
            AppendError::Quota(QuotaError::TooManyIds { .. })
            | AppendError::Engine(EngineError::Overloaded) => ErrorCode::Overloaded,
            AppendError::Quota(_) => ErrorCode::StateFull,
            AppendError::Engine(EngineError::StorageFull) => ErrorCode::InsufficientStorage,
            AppendError::Engine(EngineError::Unavailable) => ErrorCode::Unavailable,
        };
        Self::new(code, error.to_string())
    }
}
