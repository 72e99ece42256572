//! Bytes in: what the dialect makes of them, the publishes that wait, and the end of a client that breaks the rules.

use super::{
    Connection, Phase,
    inbound::{Inbound, ReadBarrier},
};
use crate::{CloseReason, Ending, Input, PendingPublish, Refusal, Reply, Time, Worker};
use std::mem;
use tidewire_broker::Position;

impl Connection {
    /// Takes in bytes from the client, decoding them in place.
    ///
    /// What a client sends that is to listen is passed over.
    pub fn handle_input(&mut self, input: &mut [u8], worker: &mut Worker, time: Time) {
        if !input.is_empty() {
            self.received_ms = time.steady_ms;
            self.pinged_ms = None;
        }
        self.end_if_expired(worker, time);
        let Some(inbound) = self.inbound.as_deref_mut() else { return };
        let mut waiting = mem::take(&mut inbound.undecoded).into_vec();
        let input = if waiting.is_empty() {
            input
        } else {
            waiting.extend_from_slice(input);
            &mut waiting[..]
        };
        let left = self.decode(input, worker, time);
        if let Some(inbound) = self.inbound.as_deref_mut() {
            // Copied, so that an idle connection keeps no more than what is unfinished.
            inbound.undecoded = (&*left).into();
        }
    }

    /// Does what the client asks for as far as it can, and returns the input that is left.
    fn decode<'a>(
        &mut self,
        mut input: &'a mut [u8],
        worker: &mut Worker,
        time: Time,
    ) -> &'a mut [u8] {
        while self.wants_input(worker)
            && let Some(inbound) = self.inbound.as_deref()
        {
            let (before, input_before) = (self.replies.len(), input.len());
            let decoded = self.dialect.decode(&mut input, &inbound.grant, &mut self.replies);
            self.unseen_bytes += self.replies.len() - before;
            if self.planned_end.is_some() {
                self.count_input_before_grant(input_before - input.len(), worker, time);
            }
            let Some(command) = decoded else { break };
            self.handle_command(command, worker, time);
        }
        input
    }

    /// Whether more input is welcome: not while answers pile up that the client does not take, nor
    /// after a request that was much work, before others had a turn or while it waits for an archive, nor
    /// after the client broke the rules.
    pub fn wants_input(&self, worker: &Worker) -> bool {
        let is_held = |inbound: &Inbound| inbound.barrier.is_some();
        let is_over = match self.phase {
            Phase::Open => self.inbound.as_deref().is_some_and(is_held),
            Phase::Closing { .. } => false,
            Phase::Flushing(_) | Phase::Ended(_) => true,
        };
        !is_over && !self.is_spent && self.replies.len() < worker.limits.replies_bytes_max
    }

    /// Whether [`Connection::poll_publish`] has any.
    pub fn has_publishes(&self) -> bool {
        self.inbound.as_deref().is_some_and(|inbound| inbound.publishes.is_some())
    }

    /// A publish the client has asked for; answer it by [`Connection::handle_published`].
    pub fn poll_publish(&mut self) -> Option<PendingPublish> {
        self.inbound.as_deref_mut()?.pop_publish()
    }

    /// Queues a publish for the driver.
    pub(super) fn queue_publish(&mut self, mut publish: PendingPublish, wants_echo: bool) {
        let Some(inbound) = self.inbound.as_deref_mut() else { return };
        if !wants_echo {
            publish.draft.origin = Some(inbound.number);
            self.reader.mute(inbound.number);
        }
        if self.input == Input::Publishes {
            inbound.echo.unanswered += 1;
        }
        inbound.push_publish(publish);
    }

    /// Takes in how a publish went.
    pub fn handle_published(
        &mut self,
        id: Option<u64>,
        outcome: Result<Position, Refusal>,
        worker: &Worker,
        time: Time,
    ) {
        worker.metrics.count_publish(outcome.as_ref().err().map(Refusal::code));
        let has_only_echo = self.input == Input::Publishes;
        if has_only_echo && let Some(Inbound { echo, .. }) = self.inbound.as_deref_mut() {
            echo.unanswered = echo.unanswered.saturating_sub(1);
            echo.newest = outcome.as_ref().map_or(echo.newest, |position| position.offset);
        }
        match (id, outcome) {
            // Nothing may follow a close.
            _ if self.phase != Phase::Open => {}
            (Some(id), Ok(position)) => self.reply(&Reply::Published { id, position }, worker),
            (None, Ok(_)) => {}
            // Such a client would take any answer for a message, and will never fare better.
            (_, Err(refusal)) if has_only_echo && !refusal.code().retryable() => {
                self.end(
                    &Ending::Rejected(&refusal.to_string()),
                    worker.limits.retry_ms,
                    worker,
                    time,
                );
            }
            (id, Err(refusal)) => {
                self.reply(&Reply::Refused { id, refusal: &refusal }, worker);
            }
        }
        self.say_last_words(worker, time);
    }

    /// Goes on with input that waited behind answers, or last words behind an echo, once those are sent.
    pub(super) fn resume_input(&mut self, worker: &mut Worker, time: Time) {
        let Some(Inbound { undecoded, barrier, .. }) = self.inbound.as_deref() else { return };
        if undecoded.is_empty() && barrier.is_none() {
            return;
        }
        let has_undecoded = !undecoded.is_empty();
        self.say_last_words(worker, time);
        if has_undecoded && self.wants_input(worker) {
            self.handle_input(&mut [], worker, time);
        }
    }

    /// Ends a connection whose client broke the rules, once the echo of its earlier messages was sent: whether it
    /// receives that should not depend on how the input was split into packets.
    pub(super) fn close_by(&mut self, last_words: Vec<u8>, worker: &Worker, time: Time) {
        if let Some(inbound) = self.inbound.as_deref_mut() {
            inbound.barrier = Some(Box::new(ReadBarrier::LastWords(last_words)));
        }
        self.say_last_words(worker, time);
    }

    /// Says the last words that wait, if they need not wait any longer.
    fn say_last_words(&mut self, worker: &Worker, time: Time) {
        let after = || self.reader.after().unwrap_or_else(|| worker.broker.head());
        if self.phase == Phase::Open
            && let Some(Inbound { barrier, echo, .. }) = self.inbound.as_deref_mut()
            && let Some(ReadBarrier::LastWords(last_words)) = barrier.as_deref_mut()
            && !echo.is_awaited(after())
        {
            self.replies.append(last_words);
            *barrier = None;
            self.phase = Phase::closing(CloseReason::Refused, worker, time);
        }
    }
}
