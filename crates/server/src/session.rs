//! Whose a connection is, if its client has shown a token: what a renewal is compared with.

use crate::{
    access::{Identity, Who},
    renewals::{Renewable, RenewalId},
};
use std::sync::Arc;
use tidewire_tokens::KeyMark;

/// The client of a connection that lives.
#[derive(Debug)]
pub(crate) struct Session {
    who: Who,
    /// By which name the client renews it from outside, if it has received one.
    renewable: Option<Renewable>,
    /// By which key its credentials are believed.
    key: KeyMark,
}

impl Session {
    /// Of the client with these credentials; `None` if it has none.
    pub(crate) fn of(identity: &Identity, renewable: Option<Renewable>) -> Option<Box<Self>> {
        let who = identity.who().clone();
        let key = identity.key();
        (who != Who::Anonymous).then(|| Box::new(Self { who, renewable, key }))
    }

    /// Whether a renewal is of the same client.
    pub(crate) fn is_of(&self, identity: &Identity) -> bool {
        self.who == *identity.who()
    }

    /// The subject of its client's token.
    pub(crate) fn subject(&self) -> Option<&Arc<str>> {
        match &self.who {
            Who::Token { subject } => subject.as_ref(),
            Who::Key { .. } | Who::Anonymous => None,
        }
    }

    /// By which key its credentials are believed.
    pub(crate) fn key(&self) -> KeyMark {
        self.key
    }

    /// Takes in that it has been renewed by these credentials.
    pub(crate) fn renew(&mut self, identity: &Identity) {
        self.key = identity.key();
    }

    /// Whether this is its name.
    pub(crate) fn is_named(&self, id: RenewalId) -> bool {
        self.renewable.as_ref().is_some_and(|renewable| renewable.id() == id)
    }
}
