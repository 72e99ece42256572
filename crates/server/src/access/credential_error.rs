//! Why the credentials of a request count for nothing. No text of it repeats a credential.

use crate::{limits::Exceeded, problem::ProblemResponse};
use tidewire_connection::Refusal;
use tidewire_protocol::ErrorCode;
use tidewire_tokens::TokenError;

/// What is wrong with credentials, each with its answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialError {
    /// There are none, and without them a request may do nothing.
    #[error(
        "the request has no credentials, and this server answers nobody without; send a token as \
        `Authorization: Bearer TOKEN`{}", ignored.advice()
    )]
    Missing {
        /// What the request had that did not count.
        ignored: Ignored,
    },
    /// There is more than one, and it is not known which one counts.
    #[error("the request has credentials more than once, {places}; send them once")]
    TooMany {
        /// Where they are.
        places: &'static str,
    },
    /// There is something that cannot be a credential.
    #[error(
        "{place} does not have the form of a token; it is `Bearer`, a space, and the token: letters, \
        digits and - . _ ~ + / ="
    )]
    Malformed {
        /// Where it is.
        place: &'static str,
    },
    /// The setting `tokens_in_query` allows none there.
    #[error(
        "this server takes no token in the query ([tokens] in_query = \"never\"); send it as \
        `Authorization: Bearer TOKEN`"
    )]
    InQuery,
    /// The ticket is none, or none any more: which of these, nobody is informed of.
    #[error(
        "the ticket was used before, has expired, or was never issued; get one with POST /tickets for \
        each connection"
    )]
    Ticket,
    /// The token is not valid.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Its subject cannot be shown as the user of a member.
    #[error("the token's sub cannot be shown as a user: it {0}")]
    Subject(tidewire_broker::LabelError),
    /// There is nothing to check a token by.
    #[error(
        "this server has no keys to check a token with; configure [tokens], or send the request \
        without credentials"
    )]
    NoKeys,
    /// Too many others from the same address were wrong, so nobody has looked at it.
    #[error(transparent)]
    TooManyFailures(#[from] Exceeded),
}

/// Credentials that were there and did not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ignored {
    /// There were none.
    Nothing,
    /// The cookie, because of the page that sent it.
    Cookie,
    /// `Authorization` with another scheme.
    Scheme,
}

impl CredentialError {
    /// Its kind, by which its status is known.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::TooMany { .. } | Self::InQuery => ErrorCode::BadRequest,
            Self::TooManyFailures(_) => ErrorCode::LimitReached,
            Self::Token(TokenError::Expired) => ErrorCode::Expired,
            Self::Token(TokenError::KeysAwaited | TokenError::KeysUnavailable) => {
                ErrorCode::Unavailable
            }
            _ => ErrorCode::Unauthorized,
        }
    }

    /// Whether somebody may have guessed: what nobody has issued. A token that has expired was one.
    pub(super) fn is_a_guess(&self) -> bool {
        match self {
            Self::Ticket => true,
            Self::Token(error) => !matches!(
                error,
                TokenError::Expired | TokenError::KeysAwaited | TokenError::KeysUnavailable
            ),
            _ => false,
        }
    }

    /// Whether the same credential may be valid once the keys have come that are being fetched.
    pub(crate) fn awaits_keys(&self) -> bool {
        matches!(self, Self::Token(TokenError::KeysAwaited))
    }

    /// The same for a client that reads it over its connection.
    pub(crate) fn into_refusal(self) -> Refusal {
        if let Self::TooManyFailures(exceeded) = self {
            return exceeded.into();
        }
        Refusal::InvalidCredential { code: self.code(), reason: self.to_string().into() }
    }

    /// What to authenticate with ([RFC 9110 §15.5.2]), and what was wrong ([RFC 6750 §3.1]).
    ///
    /// [RFC 9110 §15.5.2]: https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2
    /// [RFC 6750 §3.1]: https://www.rfc-editor.org/rfc/rfc6750#section-3.1
    fn challenge(&self) -> &'static str {
        match self {
            // A request without credentials has no error to report.
            Self::Missing { .. } => "Bearer",
            Self::TooMany { .. } | Self::InQuery => "Bearer error=\"invalid_request\"",
            _ => "Bearer error=\"invalid_token\"",
        }
    }
}

impl Ignored {
    fn advice(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Cookie => {
                ". Its cookie does not count: it does only for pages of this server and of origins \
                 that allowed_origins names, not by *"
            }
            Self::Scheme => ". Its Authorization header has another scheme than Bearer",
        }
    }
}

impl From<CredentialError> for ProblemResponse {
    fn from(error: CredentialError) -> Self {
        if let CredentialError::TooManyFailures(exceeded) = error {
            return exceeded.into();
        }
        Self::new(error.code(), error.to_string()).with_challenge(error.challenge())
    }
}
