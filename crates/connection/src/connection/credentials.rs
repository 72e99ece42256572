//! How a client learns what it may do: by a credential that the driver judges, in time if it may do nothing before.
//!
//! Nothing is read while a credential is being judged, so what the client sends after it is done under its new grant.

use super::{
    Connection, GrantWait, Phase,
    inbound::{Inbound, ReadBarrier},
};
use crate::{
    Command, Credential, Ending, Identity, PendingCredential, Refusal, Reply, Time, Worker,
};
use tidewire_broker::Grant;

impl Connection {
    /// A credential by which the client has asked for another grant; answer it by
    /// [`Connection::handle_authenticated`].
    pub fn poll_credential(&mut self) -> Option<PendingCredential> {
        match self.inbound.as_deref_mut()?.barrier.as_deref_mut()? {
            ReadBarrier::Credential { id, credential } => {
                let credential = credential.take()?;
                Some(PendingCredential { id: *id, credential })
            }
            _ => None,
        }
    }

    /// Whether [`Connection::poll_credential`] has one.
    pub fn has_credential(&self) -> bool {
        let barrier = self.inbound.as_deref().and_then(|inbound| inbound.barrier.as_deref());
        matches!(barrier, Some(ReadBarrier::Credential { credential: Some(_), .. }))
    }

    /// Takes in what the credential of [`Connection::poll_credential`] allows, as [`Connection::handle_granted`] does, or
    /// why it is refused. A refusal changes nothing, unless the client may do nothing so far: then it ends the connection.
    pub fn handle_authenticated(
        &mut self,
        outcome: Result<Grant, Refusal>,
        worker: &mut Worker,
        time: Time,
    ) {
        let Some(Inbound { barrier, .. }) = self.inbound.as_deref_mut() else { return };
        let Some(ReadBarrier::Credential { id, .. }) = barrier.as_deref() else { return };
        let id = *id;
        *barrier = None;
        // What comes after it on its way in is for the next turn: to judge a credential is work.
        self.is_spent = true;
        match outcome {
            Ok(grant) => {
                let expires_ms = grant.expires_ms();
                self.handle_granted(grant, worker, time);
                if let Some(id) = id.filter(|_| self.phase == Phase::Open) {
                    let expires_in_ms =
                        expires_ms.map(|expires_ms| expires_ms.saturating_sub(time.wall_ms));
                    self.reply(&Reply::Granted { id, expires_in_ms }, worker);
                }
            }
            Err(refusal) if self.phase == Phase::Open => {
                self.reply(&Reply::Refused { id, refusal: &refusal }, worker);
                match self.awaits_grant() {
                    true if refusal.code().retryable() => {
                        let ending = Ending::NoRoom("nobody can be authenticated now; try again");
                        self.end(&ending, worker.limits.retry_ms, worker, time);
                    }
                    true => self.end_unauthenticated(worker, time),
                    false => {}
                }
            }
            Err(_) => {}
        }
    }

    /// Takes in who the client is by its credential, for the channels that it joins from now on. `identify` makes that of what
    /// the client has said of itself.
    pub fn handle_identified(&mut self, identify: impl FnOnce(Identity) -> Identity) {
        if let Some(presence) = &mut self.presence {
            presence.identify(identify);
        }
    }

    pub(super) fn queue_credential(&mut self, id: Option<u64>, credential: Credential) {
        self.is_spent = true;
        if let Some(inbound) = self.inbound.as_deref_mut() {
            let credential = Some(credential);
            inbound.barrier = Some(Box::new(ReadBarrier::Credential { id, credential }));
        }
    }

    /// Has a client that may do nothing authenticate within [`crate::Limits::grant_wait_ms`].
    pub(super) fn await_grant(&mut self, worker: &Worker, time: Time) {
        let by_ms = time.steady_ms.saturating_add(worker.limits.grant_wait_ms);
        let wait = GrantWait { by_ms, input_bytes_left: GRANT_INPUT_BYTES_MAX };
        self.planned_end.get_or_insert_default().grant_wait = Some(wait);
    }

    /// Whether the client may do nothing before it authenticates.
    pub(super) fn awaits_grant(&self) -> bool {
        self.planned_end.as_deref().is_some_and(|planned| planned.grant_wait.is_some())
    }

    /// Ends the wait for a first grant.
    pub(super) fn end_grant_wait(&mut self) {
        if let Some(planned) = self.planned_end.as_deref_mut() {
            planned.grant_wait = None;
        }
    }

    /// Counts input of a client that may do nothing yet, and ends the connection if it is too much.
    pub(super) fn count_input_before_grant(&mut self, bytes: usize, worker: &Worker, time: Time) {
        let planned = self.planned_end.as_deref_mut();
        let Some(wait) = planned.and_then(|planned| planned.grant_wait.as_mut()) else { return };
        match wait.input_bytes_left.checked_sub(bytes) {
            Some(left) => wait.input_bytes_left = left,
            None => self.end_unauthenticated(worker, time),
        }
    }

    /// Refuses a request of a client that may do nothing yet, and ends the connection: no such client has anything to
    /// ask for.
    pub(super) fn refuse_unauthenticated(
        &mut self,
        command: &Command,
        worker: &Worker,
        time: Time,
    ) {
        let refusal = &Refusal::Unauthenticated;
        self.reply(&Reply::Refused { id: command.id(), refusal }, worker);
        self.end_unauthenticated(worker, time);
    }

    pub(super) fn end_unauthenticated(&mut self, worker: &Worker, time: Time) {
        self.dialect.drop_partial();
        self.end(&Ending::Unauthenticated, worker.limits.retry_ms, worker, time);
    }
}

/// What a client may send before it has authenticated: a credential of the largest size as JSON, and pings.
const GRANT_INPUT_BYTES_MAX: usize = 2 * crate::CREDENTIAL_BYTES_MAX;
