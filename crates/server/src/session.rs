//! Whose a connection is, if its client has shown a token: what a renewal is compared with.

use crate::{
    access::{Identity, Who},
    renewals::{Renewable, RenewalId},
};
use std::sync::Arc;

/// The client of a connection that lives.
#[derive(Debug)]
pub(crate) struct Session {
    who: Who,
    /// By which name the client renews it from outside, if it has received one.
    renewable: Option<Renewable>,
}

impl Session {
    /// Of the client with these credentials; `None` if it has none.
    pub(crate) fn of(identity: &Identity, renewable: Option<Renewable>) -> Option<Box<Self>> {
        let who = identity.who().clone();
        (who != Who::Anonymous).then(|| Box::new(Self { who, renewable }))
    }

    /// Whether a renewal is of the same client.
    pub(crate) fn is_of(&self, identity: &Identity) -> bool {
        self.who == *identity.who()
    }

    /// The subject of its client's token.
    pub(crate) fn subject(&self) -> Option<&Arc<str>> {
        match &self.who {
            Who::Token { subject } => subject.as_ref(),
            Who::Anonymous => None,
        }
    }

    /// Whether this is its name.
    pub(crate) fn is_named(&self, id: RenewalId) -> bool {
        self.renewable.as_ref().is_some_and(|renewable| renewable.id() == id)
    }
}
