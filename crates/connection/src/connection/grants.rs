//! What the client may do may change while it is connected: its grant is replaced, or expires.

use super::{
    Connection, Phase,
    inbound::{Inbound, PendingRequest, ReadBarrier, Request},
};
use crate::{Ending, Input, Limits, Refusal, Reply, Time, Worker};
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
        self.plan_expiry(grant.expires_ms(), &worker.limits, time);
        if !grant.is_empty() {
            self.end_grant_wait();
        }
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
            // Whose ids its messages have does not end with the grant.
            let account = grant.account().or(inbound.grant.account()).cloned();
            inbound.grant = grant.on_account(account).of_connection();
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
    /// The notice comes `expiry_notice_ms` before, or after half of what is left if that is less: a client whose grants are
    /// short renews each of them once.
    pub(super) fn plan_expiry(&mut self, expires_ms: Option<u64>, limits: &Limits, time: Time) {
        if expires_ms.is_some() || self.planned_end.is_some() {
            let left_ms = expires_ms.map(|expires_ms| expires_ms.saturating_sub(time.wall_ms));
            let from_now = |wait_ms: u64| time.steady_ms.saturating_add(wait_ms);
            let notice_after_ms = |left_ms: u64| left_ms - limits.expiry_notice_ms.min(left_ms / 2);
            let planned = self.planned_end.get_or_insert_default();
            planned.expiry_ms = left_ms.map(from_now);
            planned.notice_ms = left_ms
                .filter(|_| limits.expiry_notice_ms > 0)
                .map(|left_ms| from_now(notice_after_ms(left_ms)));
        }
    }

    /// Notifies the client that its grant expires soon, if that is due.
    pub(super) fn notify_of_expiry(&mut self, time: Time) {
        let Some(planned) = self.planned_end.as_deref_mut() else { return };
        let (Some(notice_ms), Some(expiry_ms)) = (planned.notice_ms, planned.expiry_ms) else {
            return;
        };
        if self.phase == Phase::Open && time.steady_ms >= notice_ms {
            planned.notice_ms = None;
            let in_ms = expiry_ms.saturating_sub(time.steady_ms);
            self.dialect.write_expiring(in_ms, &mut self.replies);
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
