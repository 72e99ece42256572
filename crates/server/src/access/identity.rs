//! Who sends a request: nobody that the server knows, or the holder of a token; and what that allows.

use crate::{limits::Named, problem::ProblemResponse};
use std::sync::Arc;
use tidewire_broker::{Grant, Permissions};
use tidewire_connection::{self as connection, InvalidIdentity};
use tidewire_protocol::ErrorCode;
use tidewire_tokens::{Claims, KeyMark, Verified};

/// The sender of a request, as far as its credentials say, with what it may do. Cheap to clone; no credential is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    who: Who,
    grant: Grant,
    /// What its token says of it beside its name: the text of one JSON value.
    info: Option<Arc<str>>,
    words: Words,
    carrier: Carrier,
    /// Whether it may do what is for operators.
    is_admin: bool,
    /// By which key its credentials are believed.
    key: KeyMark,
    /// The ticket that stands for its credentials, and is used up by the connection that it opens.
    ticket: Option<Arc<str>>,
}

/// Whom the credentials of a request name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    /// There are no credentials.
    Anonymous,
    /// The holder of a token.
    Token {
        /// The `sub` of the token.
        subject: Option<Arc<str>>,
    },
    /// A server with an API key.
    Key {
        /// The id of the key.
        id: Arc<str>,
    },
}

/// What a client's own word for who it is counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// Nobody has a token here, so there is nothing better.
    Shown,
    /// Others have a token, so it is marked.
    Marked,
}

/// How credentials came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// By something that is not kept in logs: a header, a cookie, a frame.
    Private,
    /// By the query of a request, which others keep in logs. It allows no publishing.
    Query,
    /// By the query, where the operator has it allow publishing too.
    PublishingQuery,
}

impl Identity {
    /// The sender of a request without credentials, who may do what `grant` allows.
    pub(super) fn anonymous(grant: Grant, words: Words) -> Self {
        let (who, carrier) = (Who::Anonymous, Carrier::Private);
        let (key, ticket) = (KeyMark::default(), None);
        Self { who, grant, info: None, words, carrier, is_admin: false, key, ticket }
    }

    /// Somebody who may do nothing yet.
    pub(crate) fn nobody() -> Self {
        Self::anonymous(Grant::limited_to(Permissions::default()), Words::Marked)
    }

    /// The holder of a token that says `claims`. Out of a query it is no operator's, and mostly publishes nothing.
    pub(super) fn of_token(verified: Verified, carrier: Carrier) -> Self {
        let Verified { claims, key, api_key_id } = verified;
        let Claims { subject, expires_ms, subscribe, mut publish, presence, .. } = claims;
        let Claims { history, admin, info, .. } = claims;
        if carrier == Carrier::Query {
            publish.clear();
        }
        let permissions = Permissions { publish, subscribe, presence, history };
        Self {
            who: match api_key_id {
                Some(id) => Who::Key { id: id.into() },
                None => Who::Token { subject: subject.map(Into::into) },
            },
            grant: match Grant::limited_to(permissions) {
                // A key of a server, which ends by being revoked.
                endless if expires_ms == u64::MAX => endless,
                grant => grant.until(expires_ms),
            },
            info: info.map(Into::into),
            words: Words::Marked,
            carrier,
            is_admin: admin && carrier == Carrier::Private,
            key,
            ticket: None,
        }
    }

    /// The same, as a ticket stands for it: without what is for operators.
    pub(super) fn by_ticket(self, ticket: &str) -> Self {
        Self { is_admin: false, ticket: Some(ticket.into()), ..self }
    }

    /// The ticket that stands for its credentials.
    pub(super) fn ticket(&self) -> Option<&str> {
        self.ticket.as_deref()
    }

    /// By which key its credentials are believed.
    pub(crate) fn key(&self) -> KeyMark {
        self.key
    }

    /// Whether the credentials allow what is for operators.
    pub(crate) fn is_admin(&self) -> bool {
        self.is_admin
    }

    /// The holder of a token that says `claims`.
    #[cfg(test)]
    pub(crate) fn holder_for_tests(claims: Claims) -> Self {
        let verified = Verified { claims, key: KeyMark::default(), api_key_id: None };
        Self::of_token(verified, Carrier::Private)
    }

    /// Whether the server has keys, so that the same request with a token may be answered.
    pub(super) fn may_show_token(&self) -> bool {
        self.words == Words::Marked
    }

    /// Whom the credentials name.
    pub(crate) fn who(&self) -> &Who {
        &self.who
    }

    /// By what limits count it.
    pub(crate) fn named(&self) -> Named {
        match &self.who {
            Who::Token { subject } => Named { user: subject.clone(), key: None },
            Who::Key { id } => Named { user: None, key: Some(Arc::clone(id)) },
            Who::Anonymous => Named::default(),
        }
    }

    /// The name that a token gives its holder.
    pub(crate) fn subject(&self) -> Option<&str> {
        match &self.who {
            Who::Token { subject } => subject.as_deref(),
            Who::Key { .. } | Who::Anonymous => None,
        }
    }

    /// What the credentials allow. What a page of a browser may do, its origin decides as well: ask
    /// [`super::Caller`].
    pub(crate) fn grant(&self) -> Grant {
        self.grant.clone()
    }

    /// Who a client is as a member of channels: what it has `said` of itself, and what its token says.
    ///
    /// # Errors
    ///
    /// What the token says has no place in a list of members.
    pub(crate) fn as_member(
        &self,
        said: connection::Identity,
    ) -> Result<connection::Identity, InvalidIdentity> {
        match self.words {
            Words::Shown => Ok(said),
            Words::Marked => said.with_token(self.subject(), self.info.as_deref()),
        }
    }

    /// Checks that these credentials may publish by a request of their own.
    ///
    /// # Errors
    ///
    /// They were in its query.
    pub(super) fn check_publishing(&self) -> Result<(), ProblemResponse> {
        match self.carrier {
            Carrier::Private | Carrier::PublishingQuery => Ok(()),
            Carrier::Query => {
                let message = "a token in the query does not allow publishing, because URLs are kept in logs; \
                    send it as `Authorization: Bearer TOKEN`, or have the operator set [tokens] in_query = \"always\"";
                Err(ProblemResponse::new(ErrorCode::Forbidden, message))
            }
        }
    }
}
