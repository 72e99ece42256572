//! Why a message was not accepted, split by what has to change: the message, the permission to publish, what the channel
//! holds, or the engine.

use crate::Publishers;

/// Why a message was not taken. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The channel never takes this message.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The channel's options do not let this publisher publish.
    #[error("the channel accepts no messages {}", match allowed {
        Publishers::Anyone => "now",
        Publishers::Requests => "from subscribers; publish over HTTP",
        Publishers::Nobody => "from anybody",
    })]
    NotAllowed {
        /// Which publishers may.
        allowed: Publishers,
    },
    /// This message finds no room until something else is removed or forgotten; others may.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// The engine accepts no message for a while.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// What is wrong with a message, in the channel that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// Payload, event and key together are over the limit.
    #[error("the message has {bytes} bytes; at most {bytes_max} are allowed")]
    TooLarge {
        /// What was given.
        bytes: usize,
        /// What is allowed.
        bytes_max: usize,
    },
    /// A message of a compacted channel has no key.
    #[error(
        "the channel is compacted: a message needs a key, which it sets, or removes if it has no payload"
    )]
    KeyMissing,
    /// The id was given to another message.
    #[error("another message in this channel has this id; a repetition must have the same content")]
    IdTaken,
}

/// What a channel or a publisher has as much of as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuotaError {
    /// One more key would be too many.
    #[error("the channel has {keys_max} keys, the most allowed; remove one first")]
    TooManyKeys {
        /// What is allowed.
        keys_max: usize,
    },
    /// The values of a compacted channel, or of all of them, would have too many bytes.
    #[error(
        "the values of the channel would have more than {bytes_max} bytes; remove or shorten one first"
    )]
    StateFull {
        /// What is allowed.
        bytes_max: usize,
    },
    /// The publisher's share of the ids that are remembered is used up.
    #[error(
        "{ids_max} ids of this publisher's messages are remembered, the most for one publisher; publish \
         without an id, or wait until older ones are forgotten"
    )]
    TooManyIds {
        /// What one publisher may have.
        ids_max: usize,
    },
}

/// What keeps an engine from taking messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// As much waits to be taken as may.
    #[error("too many publishes are waiting; try again")]
    Overloaded,
    /// The store has no room.
    #[error("the store is full; messages can still be read")]
    StorageFull,
    /// The store cannot be written.
    #[error("the store cannot be written for now; messages can still be read")]
    Unavailable,
}
