//! Connections that their clients renew from outside: `POST /connections/{id}/token` for wires on which clients say nothing.
//!
//! Each has a secret name, which leads to the worker that has the connection. Only a connection whose grant ends has one, from
//! its opening until it ends: here that costs 24 bytes, and what a hash table leaves free.

use crate::access::Identity;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use std::{
    cell::Cell,
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{mpsc, oneshot};

/// The names of all renewable connections; cloning gives another handle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Renewals(Arc<Mutex<Registry>>);

#[derive(Debug, Default)]
struct Registry {
    places: HashMap<RenewalId, Place>,
    /// Of every worker that has ever run, at most a few more than there are.
    inboxes: Vec<mpsc::Sender<Renewal>>,
}

/// Where a connection is.
#[derive(Clone, Copy, Debug)]
struct Place {
    inbox: u32,
    waiter: u32,
}

/// The secret name of a connection: 128 random bits, as text in base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RenewalId([u8; ID_BYTES]);

/// A renewal on its way to the worker that has the connection.
#[derive(Debug)]
pub(crate) struct Renewal {
    pub(crate) id: RenewalId,
    pub(crate) waiter: usize,
    /// Who asks, and what the new token allows.
    pub(crate) identity: Identity,
    pub(crate) answer: oneshot::Sender<Result<(), RenewalError>>,
}

/// Why a connection is not renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RenewalError {
    /// There is none of that name, or it has ended.
    NotFound,
    /// It belongs to somebody else.
    OtherSubject,
    /// Too many renewals wait for its worker.
    Busy,
}

/// A connection that can be found by its name, as long as this lives.
#[derive(Debug)]
pub(crate) struct Renewable {
    renewals: Renewals,
    id: RenewalId,
}

/// A worker's end: what it is sent, and by which number.
pub(crate) struct Inbox {
    pub(crate) number: u32,
    /// Gone once the worker has a task that receives them.
    pub(crate) renewals: Cell<Option<mpsc::Receiver<Renewal>>>,
}

impl Renewals {
    /// An inbox for one more worker.
    pub(crate) fn open_inbox(&self) -> Inbox {
        let (sender, renewals) = mpsc::channel(WAITING_MAX);
        let inboxes = &mut self.lock().inboxes;
        inboxes.push(sender);
        let number = u32::try_from(inboxes.len() - 1).unwrap_or(u32::MAX);
        Inbox { number, renewals: Cell::new(Some(renewals)) }
    }

    /// Has a connection found by `id`, on the worker of that inbox.
    pub(crate) fn register(&self, id: RenewalId, inbox: u32, waiter: usize) -> Renewable {
        let waiter = u32::try_from(waiter).unwrap_or(u32::MAX);
        self.lock().places.insert(id, Place { inbox, waiter });
        Renewable { renewals: self.clone(), id }
    }

    /// Gives the connection of this name what `identity` may do.
    ///
    /// # Errors
    ///
    /// There is none, it is another subject's, or its worker has too much of this to do.
    pub(crate) async fn renew(&self, id: &str, identity: Identity) -> Result<(), RenewalError> {
        let id = RenewalId::parse(id).ok_or(RenewalError::NotFound)?;
        let (answer, answered) = oneshot::channel();
        let (waiter, inbox) = self.find(id).ok_or(RenewalError::NotFound)?;
        inbox.try_send(Renewal { id, waiter, identity, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => RenewalError::Busy,
            // The worker has ended, and its connections with it.
            mpsc::error::TrySendError::Closed(_) => RenewalError::NotFound,
        })?;
        answered.await.unwrap_or(Err(RenewalError::NotFound))
    }

    fn find(&self, id: RenewalId) -> Option<(usize, mpsc::Sender<Renewal>)> {
        let registry = self.lock();
        let Place { inbox, waiter } = *registry.places.get(&id)?;
        let inbox = registry.inboxes.get(usize::try_from(inbox).ok()?)?.clone();
        Some((usize::try_from(waiter).ok()?, inbox))
    }

    /// How many connections can be found.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock().places.len()
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RenewalId {
    /// A new one, of the system's randomness.
    ///
    /// # Errors
    ///
    /// The system has none to give.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; ID_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; ID_BYTES];
        let decoded = BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut bytes);
        (decoded == Ok(ID_BYTES)).then_some(Self(bytes))
    }

    /// As its client knows it.
    pub(crate) fn to_text(self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// Without the name, which is a secret.
impl fmt::Debug for RenewalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RenewalId(..)")
    }
}

impl Renewable {
    /// By which name it is found.
    pub(crate) fn id(&self) -> RenewalId {
        self.id
    }
}

impl Drop for Renewable {
    fn drop(&mut self) {
        self.renewals.lock().places.remove(&self.id);
    }
}

const ID_BYTES: usize = 16;

/// Renewals that may wait for one worker: it takes microseconds for each.
const WAITING_MAX: usize = 1_024;
