//! Whose a connection is, and what its client may do: by a token that it shows on the connection, by one that comes in a request
//! of its own, and until the key of that token is gone.

use super::{Driver, Turn};
use crate::{
    access::{Authenticator, CredentialError, Identity, Who},
    accounts::Publisher,
    limits::Share,
    renewals::{RenewalError, RenewalId},
    session::Session,
    socket::Socket,
    worker_context::WorkerContext,
};
use std::{
    sync::Arc,
    task::{Context, Poll},
};
use tidewire_broker::Grant;
use tidewire_connection::{self as connection, PendingCredential, Refusal, Time, Worker};

impl<S: Socket> Driver<S> {
    /// Answers the token that the client has shown, if it has. One is judged in a turn: the rest of what has come waits for
    /// the next. One whose key is being fetched is judged once more after that.
    pub(super) fn authenticate(&mut self, turn: &Turn<'_>, context: &mut Context<'_>) {
        let Turn { worker_context, time, .. } = turn;
        let (shown, has_waited) = match self.outstanding.poll_credential(context) {
            Poll::Ready(Some(shown)) => (shown, true),
            Poll::Ready(None) => match self.connection.poll_credential() {
                Some(PendingCredential { credential, .. }) => (Ok(credential), false),
                None => return,
            },
            Poll::Pending => return,
        };
        let authenticator = &worker_context.http.authenticator;
        let address = self.permit.share().and_then(Share::address);
        let identified = match &shown {
            Ok(token) => authenticator.identify_token(token.reveal(), address, time.wall_ms),
            Err(error) => Err(error.clone()),
        };
        if !has_waited
            && let Err(error) = &identified
            && let Some(awaited) = authenticator.awaited(error)
        {
            let shown = if error.awaits_keys() { shown } else { Err(error.clone()) };
            self.outstanding.hold_credential(shown, awaited, &worker_context.http.in_flight);
            // The next turn begins to wait.
            context.waker().wake_by_ref();
            return;
        }
        let outcome = identified
            .map_err(CredentialError::into_refusal)
            .and_then(|identity| self.adopt(&identity, worker_context));
        let worker = &mut worker_context.worker.borrow_mut();
        self.connection.handle_authenticated(outcome, worker, *time);
    }

    /// Takes the client for whom its token names, unless it is somebody else already.
    fn adopt(
        &mut self,
        identity: &Identity,
        worker_context: &WorkerContext,
    ) -> Result<Grant, Refusal> {
        match &self.session {
            Some(session) if !session.is_of(identity) => return Err(Refusal::OtherSubject),
            Some(_) => {}
            None => self.session = Session::of(identity, None),
        }
        self.note_renewed(identity);
        self.permit.share_mut().map_or(Ok(()), |share| share.identify(identity.named()))?;
        // Whether it can be shown does not depend on what the client has said.
        identity.as_member(connection::Identity::default())?;
        self.connection.handle_identified(|said| identity.as_member(said.clone()).unwrap_or(said));
        let account = match identity.who() {
            Who::Token { subject: Some(subject) } => {
                let publisher = Publisher::Subject(Arc::clone(subject));
                Some(worker_context.http.accounts.of(publisher))
            }
            Who::Key { id } => {
                Some(worker_context.http.accounts.of(Publisher::Key(Arc::clone(id))))
            }
            Who::Token { subject: None } | Who::Anonymous => None,
        };
        Ok(identity.grant().on_account(account))
    }

    /// Gives the client what `identity` may do, if this is its connection.
    ///
    /// # Errors
    ///
    /// It is another connection, or another client's.
    pub(crate) fn renew(
        &mut self,
        id: RenewalId,
        identity: &Identity,
        worker: &mut Worker,
        time: Time,
    ) -> Result<(), RenewalError> {
        let session = self.session.as_ref().filter(|session| session.is_named(id));
        let session =
            session.filter(|_| self.connection.is_open()).ok_or(RenewalError::NotFound)?;
        if !session.is_of(identity) {
            return Err(RenewalError::OtherSubject);
        }
        self.note_renewed(identity);
        self.connection.handle_granted(identity.grant(), worker, time);
        Ok(())
    }

    /// Whether the key by which its client was believed is in force no more.
    pub(crate) fn is_withdrawn(&self, authenticator: &Authenticator) -> bool {
        self.session.as_ref().is_some_and(|session| !authenticator.trusts(session.key()))
    }

    fn note_renewed(&mut self, identity: &Identity) {
        if let Some(session) = &mut self.session {
            session.renew(identity);
        }
    }
}
