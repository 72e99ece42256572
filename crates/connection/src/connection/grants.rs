//! What the client may do may change while it is connected: its grant is replaced, or expires.

use super::{
    Connection, Phase,
    inbound::{Inbound, PendingRequest, ReadBarrier, Request},
};
use crate::{Ending, Input, Refusal, Reply, Time, Worker};
use tidewire_broker::{Forbidden, Grant, Pattern};

impl Connection {
    /// Takes in that `grant` says from now on what the client may do. Its next turn notifies the client of what that ends.
    ///
    /// Subscriptions that it does not cover end: of what they select nothing more is delivered, and the client is notified
    /// of each. A request for a page that is not answered yet is refused, and memberships end. Everything else goes
    /// on undisturbed. A client that cannot subscribe and is left without a subscription is disconnected. What was
    /// accepted under the previous grant, such as a publish that waits for the engine, stays accepted.
    ///
    /// Not to be called between [`Connection::poll_transmit`] and [`Connection::handle_transmitted`].
    pub fn handle_granted(&mut self, grant: Grant, worker: &mut Worker, time: Time) {
        self.plan_expiry(grant.expires_ms(), time);
        if self.end_if_expired(worker, time) {
            return;
        }
        // One that is closing is a member until it has ended.
        if let Some(presence) = &mut self.presence {
            presence.handle_granted(&grant);
        }
        if self.phase != Phase::Open {
            return;
        }
        let is_following = self.reader.patterns().next().is_some();
        self.revoke_subscriptions(&grant, worker);
        if let Some(inbound) = self.inbound.as_deref_mut() {
            inbound.grant = grant.of_connection();
        }
        self.revoke_pending_request(worker);
        if is_following && self.reader.patterns().next().is_none() && self.input != Input::Commands
        {
            self.end_granted(&Ending::Revoked, worker, time);
        }
    }

    /// Ends the subscriptions that `grant` does not cover, and says so.
    fn revoke_subscriptions(&mut self, grant: &Grant, worker: &mut Worker) {
        let revoked = |pattern: &Pattern| {
            let forbidden = grant.permit_subscribe(pattern).err()?;
            Some((pattern.clone(), forbidden))
        };
        let revoked: Vec<(Pattern, Forbidden)> =
            self.reader.patterns().filter_map(revoked).collect();
        for (pattern, forbidden) in revoked {
            self.unfollow(&pattern, worker);
            self.dialect.write_unsubscribed(&pattern, &forbidden.into(), &mut self.replies);
        }
    }

    /// Refuses the request that waits, if the grant does not cover it any more.
    fn revoke_pending_request(&mut self, worker: &Worker) {
        let Some(Inbound { barrier, grant, .. }) = self.inbound.as_deref_mut() else { return };
        let Some(ReadBarrier::Request(PendingRequest { id, request })) = barrier.as_deref() else {
            return;
        };
        let Err(forbidden) = request.check(grant) else { return };
        let id = *id;
        if let Request::Subscribe(subscription, _) = request
            && let Some(presence) = &mut self.presence
        {
            presence.leave(&subscription.pattern);
        }
        *barrier = None;
        let refusal = Refusal::from(forbidden);
        self.reply(&Reply::Refused { id: Some(id), refusal: &refusal }, worker);
    }

    /// Notes when the grant expires, in milliseconds since the Unix epoch.
    ///
    /// Counted from now on the steady clock: setting the wall clock neither ends nor prolongs it.
    pub(super) fn plan_expiry(&mut self, expires_ms: Option<u64>, time: Time) {
        if expires_ms.is_some() || self.planned_end.is_some() {
            let left_ms = expires_ms.map(|expires_ms| expires_ms.saturating_sub(time.wall_ms));
            let expiry_ms = left_ms.map(|left_ms| time.steady_ms.saturating_add(left_ms));
            self.planned_end.get_or_insert_default().expiry_ms = expiry_ms;
        }
    }

    /// Ends it if its grant has expired, and says whether it has.
    ///
    /// From then on nothing is delivered but the rest of what is half sent or was answered before.
    pub(super) fn end_if_expired(&mut self, worker: &Worker, time: Time) -> bool {
        let expiry_ms = self.planned_end.as_ref().and_then(|planned| planned.expiry_ms);
        let has_expired = expiry_ms.is_some_and(|expiry_ms| time.steady_ms >= expiry_ms);
        if has_expired {
            self.end_granted(&Ending::Expired, worker, time);
        }
        has_expired
    }

    /// Ends it as it has no grant any more: it is a member of nothing from now on, however long its end takes.
    fn end_granted(&mut self, ending: &Ending<'_>, worker: &Worker, time: Time) {
        self.end(ending, worker.limits.retry_ms, worker, time);
        self.presence = None;
    }
}
