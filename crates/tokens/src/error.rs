//! Why a token is refused: one variant for each cause, each a sentence for the client.
//!
//! No sentence has a part of the token or of a key in it, except for names of members and patterns that the client wrote.

use crate::limits::{
    INFO_BYTES_MAX, KEY_ID_BYTES_MAX, PATTERNS_MAX, SUBJECT_BYTES_MAX, TOKEN_BYTES_MAX,
};
use tidewire_names::NameError;

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It has more bytes than [`TOKEN_BYTES_MAX`].
    #[error("the token has {bytes} bytes; at most {TOKEN_BYTES_MAX} are allowed")]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// It does not have three parts, or one is not base64url.
    #[error(
        "this is not a JSON Web Token: it has to be three parts of base64url without padding, joined by dots"
    )]
    NotCompact,
    /// Its header or its claims are not a JSON object.
    #[error("the {part} of the token has to be a JSON object")]
    NotJson {
        /// `header` or `claims`.
        part: &'static str,
    },
    /// A member is there twice, so that two readers could read two values.
    #[error("the {part} of the token has a member twice; each name is allowed once")]
    DuplicateMember {
        /// `header` or `claims`.
        part: &'static str,
    },
    /// Its header has `crit`.
    #[error("the token requires extensions by crit in its header; none are supported")]
    CriticalExtension,
    /// Its `typ` is that of another kind of token.
    #[error("the token is of another type: typ in its header has to be {allowed}")]
    WrongType {
        /// Which types are allowed.
        allowed: String,
    },
    /// Its `kid` is too long to be one of ours.
    #[error("kid in the token's header has to be a text of at most {KEY_ID_BYTES_MAX} bytes")]
    BadKeyId,
    /// Its `alg` is `none`.
    #[error("the token is not signed: alg in its header is none; it has to be signed")]
    Unsigned,
    /// Its `alg` is missing, or not the name of an algorithm.
    #[error(
        "alg in the token's header has to be one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, \
         ES256, ES384 and EdDSA"
    )]
    UnknownAlgorithm,
    /// No key of this server is for its algorithm.
    #[error("the token is signed with an algorithm that none of this server's keys is for")]
    AlgorithmNotAllowed,
    /// It is no API key of this server, or not any more.
    #[error("the API key is not known: it has been revoked, has expired, or is for another server")]
    UnknownApiKey,
    /// No key has its `kid`.
    #[error(
        "the token is signed with a key that this server does not know; kid in its header has to name a current key"
    )]
    UnknownKey,
    /// It has no `kid`, and too many keys could have signed it.
    #[error(
        "the token names no key, and several could have signed it; its header has to have a kid"
    )]
    NoKeyId,
    /// The key that it names may be among those that are being fetched.
    #[error("the keys to verify tokens with are being fetched; try again in a moment")]
    KeysAwaited,
    /// The keys could not be fetched.
    #[error("the keys to verify tokens with cannot be fetched at present; try again later")]
    KeysUnavailable,
    /// It was not signed with our key, or was changed since.
    #[error(
        "the signature of the token is wrong: it was signed with another key, or changed afterwards"
    )]
    BadSignature,
    /// It has no `exp`.
    #[error("the token has no exp; it has to say when it expires, in seconds since 1970")]
    NoExpiry,
    /// Its `exp` has passed.
    #[error("the token has expired; get a new one")]
    Expired,
    /// Its `nbf` has not come.
    #[error("the token is not valid yet: its nbf is in the future")]
    NotYetValid,
    /// Its `iss` is missing or not one that is configured.
    #[error(
        "the token is from another issuer: its iss has to be one that this server is configured to accept"
    )]
    WrongIssuer,
    /// Its `aud` is missing or does not name this server.
    #[error(
        "the token is for another audience: its aud has to name one that this server is configured to be"
    )]
    WrongAudience,
    /// It has an `aud`, and this server is not configured to be any audience.
    #[error(
        "the token has an aud, and this server is not configured to be any audience; leave aud out, or configure one"
    )]
    UnexpectedAudience,
    /// A claim is not of its kind.
    #[error("{claim} in the token has to be {allowed}")]
    BadClaim {
        /// Which one.
        claim: &'static str,
        /// What it has to be.
        allowed: &'static str,
    },
    /// Its `sub` is too long.
    #[error("sub in the token has {bytes} bytes; at most {SUBJECT_BYTES_MAX} are allowed")]
    SubjectTooLong {
        /// How many it has.
        bytes: usize,
    },
    /// The claim `tidewire` has a member that is not known.
    #[error("the claim tidewire has no member {name:?}; {}", hint(*meant))]
    UnknownMember {
        /// Its name, shortened.
        name: String,
        /// Which one was probably meant.
        meant: Option<&'static str>,
    },
    /// A list has too many patterns.
    #[error(
        "{list} in the claim tidewire has {count} patterns; at most {PATTERNS_MAX} are allowed"
    )]
    TooManyPatterns {
        /// Which list.
        list: &'static str,
        /// How many it has.
        count: usize,
    },
    /// A pattern is not valid.
    #[error("{list} in the claim tidewire has a pattern that is not valid: {cause}")]
    BadPattern {
        /// In which list.
        list: &'static str,
        /// Why not.
        cause: NameError,
    },
    /// Its `info` is too long.
    #[error(
        "info in the claim tidewire has {bytes} bytes of JSON; at most {INFO_BYTES_MAX} are allowed"
    )]
    InfoTooLong {
        /// How many it has.
        bytes: usize,
    },
}

impl TokenError {
    /// Whether the same token may be accepted later, with nothing changed but the server's keys or the time.
    pub const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::KeysAwaited | Self::KeysUnavailable | Self::UnknownKey | Self::NotYetValid
        )
    }
}

fn hint(meant: Option<&str>) -> String {
    match meant {
        Some(meant) => format!("did you mean {meant}?"),
        None => "there are subscribe, publish, presence, history, admin and info".to_owned(),
    }
}
