//! What to do after a failure: try the next wire at once, wait, or end.

use super::{Action, Connection, Link, Wait, receiving::RETRY_MAX};
use crate::{
    Outage, SubscribeError, TokenError,
    machine::{
        item::{Failure, TokenRefusal},
        member::{MemberId, Phase},
    },
};
use std::{mem, time::Duration};
use tidewire_protocol::Problem;

impl Link {
    /// Takes in that the connection has ended, or could not be opened.
    pub fn handle_failure(&mut self, failure: Failure, now: Duration) {
        let connection = self.connection.as_ref();
        let kind = connection.map(|connection| connection.kind);
        let was_connected = connection.is_some_and(|connection| connection.is_established);
        let is_short = connection.is_some_and(|it| it.is_established && !it.has_lived());
        self.hang_up();
        let cause = match failure {
            Failure::Finished => return self.end_all(None),
            Failure::Closed { code, reason } => {
                return self.end_all(Some(SubscribeError::Closed { code, reason }));
            }
            Failure::Refused(problem) => return self.handle_refusal(problem),
            Failure::TokenRefused(refusal) => {
                let error = SubscribeError::from(refusal);
                // A fresh one gets one attempt: the server has judged, and asking again and again would change nothing.
                let is_final = mem::replace(&mut self.token_was_refused, true);
                if is_final || !self.options.can_renew_token {
                    return self.end_all(Some(error));
                }
                self.actions.push_back(Action::ForgetToken);
                error.to_string()
            }
            Failure::NoToken(TokenError::Refused(cause)) => {
                return self.end_all(Some(SubscribeError::NoToken(cause)));
            }
            Failure::NoToken(TokenError::Unavailable(cause)) => {
                format!("there is no token for now: {cause}")
            }
            Failure::Unsuitable { cause, problem } => {
                // What works by itself has nothing in between that spoils it, whatever it says now.
                if kind.is_some_and(|kind| self.wires.avoid(kind, now)) {
                    return;
                }
                match problem {
                    // A server has been reached before, so what is in between will let it pass again.
                    Some(problem) if !self.has_worked => return self.handle_refusal(problem),
                    _ => cause,
                }
            }
            Failure::Cut(cause) => {
                self.short_lives = if is_short { self.short_lives + 1 } else { 0 };
                let is_spoilt = !was_connected || self.short_lives >= SHORT_LIVES_MAX;
                if is_spoilt && kind.is_some_and(|kind| self.wires.avoid(kind, now)) {
                    self.short_lives = 0;
                    return;
                }
                cause
            }
            Failure::Down { cause, retry_after } => {
                self.retry = self.retry.or(retry_after.map(|delay| delay.min(RETRY_MAX)));
                // Perhaps only this wire is blocked. From the second attempt on, the others are tried before the next wait,
                // unless the server itself has said when to come back.
                let may_be_blocked =
                    !was_connected && self.openings_failed > 0 && self.retry.is_none();
                if may_be_blocked && kind.is_some_and(|kind| self.wires.avoid(kind, now)) {
                    return;
                }
                cause
            }
        };
        self.wait(Outage { cause, was_connected }, now);
    }

    /// Takes in that time has passed.
    pub fn handle_time(&mut self, now: Duration) {
        let is_read = self.wants_input();
        let Some(connection) = &mut self.connection else { return };
        if mem::replace(&mut connection.is_paused, !is_read) && is_read {
            connection.received_at = now;
        }
        let Connection { kind, is_established, patience, received_at, .. } = *connection;
        if !is_read || now < received_at + patience {
            return;
        }
        // Something passes on the first bytes, and keeps what follows.
        if is_established && !connection.has_lived() {
            self.wires.avoid(kind, now);
        }
        self.handle_failure(Failure::Cut(format!("nothing was received for {patience:?}")), now);
        self.actions.push_front(Action::Close);
    }

    /// The server refuses what was asked for. Of several subscriptions, each asks for itself then, so that one that may not
    /// be takes no other with it.
    fn handle_refusal(&mut self, problem: Box<Problem>) {
        if self.proven().count() == 1 {
            let error = SubscribeError::Refused(problem);
            let proven = self.members.iter().filter(|(_, it)| it.is_proven && !it.has_ended);
            let proven: Vec<MemberId> = proven.map(|(id, _)| *id).collect();
            proven.into_iter().for_each(|id| self.end(id, error.clone()));
            return;
        }
        if mem::replace(&mut self.has_asked_each, true) {
            return self.end_all(Some(SubscribeError::Refused(problem)));
        }
        for member in self.members.values_mut() {
            (member.is_proven, member.phase) = (false, Phase::behind());
        }
    }

    fn end_all(&mut self, error: Option<SubscribeError>) {
        self.members.values_mut().for_each(|member| member.end(error.clone()));
        self.refusal = error;
    }

    fn wait(&mut self, outage: Outage, now: Duration) {
        if !outage.was_connected {
            self.openings_failed = self.openings_failed.saturating_add(1);
        }
        let delay = self.backoff.delay(self.rng.f64());
        let attempts = self.backoff.failures();
        if attempts >= self.options.attempts_max {
            let cause = outage.cause;
            return self.end_all(Some(SubscribeError::Unreachable { attempts, cause }));
        }
        // Not before the time that the server asked for, and not all clients at that time.
        let length = self.retry.take().unwrap_or_default() + delay;
        self.wait = Some(Wait { until: now + length, length, outage });
    }
}

/// A wire that is cut so often in a row, each time at once, is spoilt by something in between.
const SHORT_LIVES_MAX: u32 = 5;

impl Connection {
    /// Whether it has brought something after its first burst.
    pub(super) fn has_lived(&self) -> bool {
        self.received_at >= self.opened_at + self.heartbeat / 2
    }
}

impl From<TokenRefusal> for SubscribeError {
    fn from(refusal: TokenRefusal) -> Self {
        match refusal {
            TokenRefusal::Problem(problem) => Self::Refused(problem),
            TokenRefusal::Closed { code, reason } => Self::Closed { code, reason },
        }
    }
}
