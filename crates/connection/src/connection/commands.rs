//! What commands do: subscribing, unsubscribing, and pages that an archive may have to be asked for.
//!
//! One waits at a time: nothing is read from the client until it is answered, so answers keep their order.

use super::{
    Connection, Phase,
    inbound::{Answer, Inbound, PendingRequest, ReadBarrier, Request},
};
use crate::{
    CloseReason, Command, Finding, Identity, PageReading, PresencePage, Refusal, Reply,
    Subscription, Time, Worker, subscription,
};
use std::{
    slice,
    task::{Poll, Waker},
};
use tidewire_broker::Pattern;

impl Connection {
    pub(super) fn handle_command(&mut self, command: Command, worker: &mut Worker, time: Time) {
        match command {
            Command::Leave => self.handle_leave(),
            // Nothing may follow a close.
            _ if self.phase != Phase::Open => {}
            Command::Continue => {}
            Command::Close(last_words) => self.close_by(last_words, worker, time),
            Command::Authenticate { id, credential } => self.queue_credential(id, credential),
            other if self.awaits_grant() => self.refuse_unauthenticated(&other, worker, time),
            Command::Publish { publish, wants_echo } => self.queue_publish(publish, wants_echo),
            Command::Subscribe { id, subscription, identity } => {
                self.spend_on_subscribing();
                let outcome = self.subscribe(id, subscription, identity, worker, time);
                self.reply_if_refused(id, outcome, worker);
            }
            Command::Unsubscribe { id, pattern } => {
                self.spend_on_subscribing();
                let outcome = self.unsubscribe(id, &pattern, worker);
                self.reply_if_refused(id, outcome, worker);
            }
            Command::History { id, request } => {
                let Worker { broker, limits, .. } = worker;
                let reading = PageReading::new(request, broker, limits, time);
                self.defer(id, Request::History(reading));
            }
            Command::Presence { id, permit, since, limit } => {
                let Worker { broker, limits, .. } = &*worker;
                match PresencePage::request(&permit, since, limit, broker) {
                    Ok(request) => {
                        let reading = PageReading::new(request, broker, limits, time);
                        self.defer(id, Request::Presence(permit, reading));
                    }
                    Err(error) => self.reply_if_refused(id, Err(error.into()), worker),
                }
            }
            Command::Refuse { id, refusal } => {
                self.reply(&Reply::Refused { id, refusal: &refusal }, worker);
            }
        }
    }

    /// Leaves what comes after [`SUBSCRIBES_MAX`] changes of what is followed to the next turn: each takes some microseconds, and one
    /// read may bring a thousand.
    fn spend_on_subscribing(&mut self) {
        self.subscribed = self.subscribed.saturating_add(1);
        self.is_spent |= self.subscribed >= SUBSCRIBES_MAX;
    }

    /// Takes in that the client has said its last words.
    fn handle_leave(&mut self) {
        match self.phase {
            Phase::Open => self.phase = Phase::Flushing(CloseReason::Left),
            Phase::Closing { reason, .. } => self.phase = Phase::Flushing(reason),
            Phase::Flushing(_) | Phase::Ended(_) => {}
        }
    }

    fn subscribe(
        &mut self,
        id: u64,
        subscription: Subscription,
        identity: Identity,
        worker: &mut Worker,
        time: Time,
    ) -> Result<(), Refusal> {
        let Subscription { pattern, start } = &subscription;
        let subscriptions_max = worker.limits.subscriptions_max;
        if self.reader.patterns().count() >= subscriptions_max {
            return Err(Refusal::TooManySubscriptions { subscriptions_max });
        }
        if self.reader.follows(pattern) {
            return Err(Refusal::AlreadySubscribed { pattern: pattern.clone() });
        }
        if let Some(Inbound { grant, .. }) = self.inbound.as_deref() {
            // Before anything has changed: it is a member of nothing that it may not follow.
            subscription::permit(slice::from_ref(&subscription), grant, time)?;
        }
        // A pattern may have to look at all channels.
        self.is_spent |= pattern.as_channel().is_none();
        if let Some(presence) = &mut self.presence {
            presence.join(pattern, identity, time)?;
        }
        if start.may_search(pattern) {
            self.defer(id, Request::Subscribe(subscription, Finding::new(time)));
            return Ok(());
        }
        self.follow_and_reply(id, &subscription, worker, time)
    }

    fn follow_and_reply(
        &mut self,
        id: u64,
        subscription: &Subscription,
        worker: &mut Worker,
        time: Time,
    ) -> Result<(), Refusal> {
        let Some(Inbound { grant, .. }) = self.inbound.as_deref() else { return Ok(()) };
        let permitted = subscription::permit(slice::from_ref(subscription), grant, time)?;
        let (after, mut gaps) = self.follow(&permitted, worker);
        self.replies.append(&mut gaps);
        let position = worker.broker.position(after);
        let pattern = &subscription.pattern;
        self.reply(&Reply::Subscribed { id, pattern, position }, worker);
        Ok(())
    }

    fn unsubscribe(
        &mut self,
        id: u64,
        pattern: &Pattern,
        worker: &mut Worker,
    ) -> Result<(), Refusal> {
        if !self.unfollow(pattern, worker) {
            return Err(Refusal::NotSubscribed { pattern: pattern.clone() });
        }
        self.reply(&Reply::Unsubscribed { id, pattern }, worker);
        Ok(())
    }

    /// Follows `pattern` no longer, and is no member by it; false if it did not.
    pub(super) fn unfollow(&mut self, pattern: &Pattern, worker: &mut Worker) -> bool {
        let did = self.reader.unfollow(pattern);
        if did {
            worker.lane.unfollow(self.waiter, pattern);
            worker.metrics.subscriptions.subtract(1);
            if let Some(presence) = &mut self.presence {
                presence.leave(pattern);
            }
        }
        did
    }

    /// Has a request answered when it is the connection's turn to write; until then nothing is read.
    fn defer(&mut self, id: u64, request: Request) {
        self.is_spent = true;
        if let Some(inbound) = self.inbound.as_deref_mut() {
            let request = PendingRequest { id, request };
            inbound.barrier = Some(Box::new(ReadBarrier::Request(request)));
        }
    }

    /// Whether a request waits.
    pub(super) fn has_pending_request(&self) -> bool {
        let barrier = self.inbound.as_deref().and_then(|inbound| inbound.barrier.as_deref());
        matches!(barrier, Some(ReadBarrier::Request(_)))
    }

    /// Answers the request that waits, once all of it has been read.
    pub(super) fn poll_pending_request(&mut self, worker: &mut Worker, time: Time, waker: &Waker) {
        let Some(Inbound { barrier, grant, .. }) = self.inbound.as_deref_mut() else { return };
        let Some(ReadBarrier::Request(PendingRequest { id, request })) = barrier.as_deref_mut()
        else {
            return;
        };
        if self.phase != Phase::Open {
            *barrier = None;
            return;
        }
        let Poll::Ready(answer) = request.poll(grant, worker, waker) else { return };
        let id = *id;
        *barrier = None;
        match answer {
            Answer::History(page) => self.reply(&Reply::History { id, page: &page }, worker),
            Answer::Presence(page) => self.reply(&Reply::Presence { id, page: &page }, worker),
            Answer::Found(subscription) => {
                let outcome = self.follow_and_reply(id, &subscription, worker, time);
                self.reply_if_refused(id, outcome, worker);
            }
            Answer::Refused(refusal) => self.reply_if_refused(id, Err(refusal), worker),
        }
        // What comes after it on its way in is for the next turn: others first.
        self.is_spent = true;
    }

    pub(super) fn reply(&mut self, reply: &Reply<'_>, worker: &Worker) {
        if let Reply::Refused { refusal, .. } = reply {
            worker.metrics.refusals.add(refusal.code(), 1);
        }
        self.dialect.write_reply(reply, &worker.broker, &mut self.replies);
    }

    fn reply_if_refused(&mut self, id: u64, outcome: Result<(), Refusal>, worker: &Worker) {
        if let Err(refusal) = outcome {
            self.reply(&Reply::Refused { id: Some(id), refusal: &refusal }, worker);
        }
    }
}

/// How often a client subscribes or unsubscribes in one turn.
const SUBSCRIBES_MAX: u8 = 32;
