//! One connection's turn: what has come, what it publishes, what it is owed, each within a budget.
//!
//! Only here a [`Connection`] and its socket meet. What a turn leaves over has the connection queued
//! again, after all others.

mod renewing;

use crate::{
    admission::ConnectionPermit,
    connection_kind::ConnectionKind,
    limits::Share,
    outstanding::OutstandingWork,
    session::Session,
    socket::Socket,
    worker_context::{Goodbye, WorkerContext},
};
use std::{
    io::{self, IoSlice},
    net::IpAddr,
    sync::Arc,
    task::{Context, Poll, Waker},
};
use tidewire_broker::{Position, Publishing, WaiterId};
use tidewire_connection::{Connection, Ending, PendingPublish, Refusal, Time, Worker};

/// One client's connection over its socket, until it ends.
///
/// In the order of its fields: what a delivery looks at is at the front, where the connection's is, too.
#[repr(C)]
pub(crate) struct Driver<S> {
    socket: S,
    /// While it has publishes that are not answered, nothing more is read.
    outstanding: OutstandingWork,
    /// Whether the socket wakes it when something comes; otherwise a turn has to read first.
    is_listening: bool,
    /// Whether it is written to only in turns of catching up: its last turn of writing has left something over, or it
    /// waits for its socket or an archive.
    is_catching_up: bool,
    /// Whether it is in the worker's group of connections that are about to write the same.
    has_joined: bool,
    /// How many connections its worker has had before, modulo 2^32. It lies where there would be nothing.
    serial: u32,
    connection: Connection,
    permit: ConnectionPermit,
    /// Whose it is, if its client has shown a token.
    session: Option<Box<Session>>,
}

/// Why it is a connection's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// There is news for it, or its time has come. The reading side is not touched.
    News,
    /// Its socket or an engine has woken it, or it has more to read or to publish.
    Woken,
    /// An earlier turn has left over something to write. The reading side is not touched.
    Behind,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It waits: for news, its socket, an engine, or the time.
    Waits,
    /// It asks for another turn after the others who were woken.
    Spent,
    /// It asks for a turn of catching up.
    Behind,
    /// It is over.
    Ended,
}

/// What a turn has left to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// Nothing: it has been handed all there is.
    Nothing,
    /// Something for the next turn.
    Some,
    /// Something that cannot be written before its socket takes bytes,
    ForSocket,
    /// or before an archive has fetched it.
    InArchive,
}

/// What a turn may work with, beside the connection.
///
/// The worker is borrowed from the context for one step at a time, and never while an engine is called: an engine
/// may come back to the worker.
pub(crate) struct Turn<'a> {
    pub(crate) cause: Cause,
    pub(crate) worker_context: &'a WorkerContext,
    pub(crate) time: Time,
    /// Bytes after which it writes no more.
    pub(crate) write_bytes_max: usize,
    /// Bytes read and written so far.
    pub(crate) moved_bytes: usize,
    /// How many publishes it may still hand over.
    pub(crate) publishes_left: usize,
}

impl<S: Socket> Driver<S> {
    pub(crate) fn new(connection: Connection, socket: S, permit: ConnectionPermit) -> Self {
        Self {
            connection,
            socket,
            outstanding: OutstandingWork::default(),
            is_listening: false,
            has_joined: false,
            is_catching_up: false,
            permit,
            session: None,
            serial: 0,
        }
    }

    /// The same, as the connection of its worker with this number.
    pub(crate) fn numbered(self, serial: u32) -> Self {
        Self { serial, ..self }
    }

    /// The same for a client that has shown a token before.
    pub(crate) fn of_session(self, session: Option<Box<Session>>) -> Self {
        Self { session, ..self }
    }

    pub(crate) fn waiter(&self) -> WaiterId {
        self.connection.waiter()
    }

    /// What its client follows, and how far it is.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn serial(&self) -> u32 {
        self.serial
    }

    pub(crate) fn kind(&self) -> ConnectionKind {
        self.permit.kind()
    }

    /// The subject of its client's token.
    pub(crate) fn user(&self) -> Option<&Arc<str>> {
        self.session.as_ref().and_then(|session| session.subject())
    }

    /// Where its client is.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        let counted = self.permit.share().and_then(Share::address);
        counted.map(|client| client.ip()).or_else(|| self.socket.peer_address())
    }

    /// Ends it for a reason that is not the client's, and returns the offset of its place; `None` if it is ending already.
    pub(crate) fn disconnect(
        &mut self,
        ending: impl FnOnce(Position) -> Ending<'static>,
        retry_ms: u64,
        worker: &Worker,
        time: Time,
    ) -> Option<u64> {
        if !self.connection.is_open() {
            return None;
        }
        let offset = self.connection.reached(worker);
        self.connection.disconnect(ending, retry_ms, worker, time);
        Some(offset)
    }

    /// Whether news is no reason for a turn: it comes after what is left over.
    pub(crate) fn is_catching_up(&self) -> bool {
        self.is_catching_up
    }

    /// Leaves its news to a turn of catching up, because there is much of it.
    pub(crate) fn fall_behind(&mut self) {
        self.is_catching_up = true;
    }

    /// Does what there is to do, within the budgets below. The waker of `context` queues the next turn, unless
    /// it catches up.
    pub(crate) fn take_turn(&mut self, turn: &mut Turn<'_>, context: &mut Context<'_>) -> Outcome {
        let worker_context = turn.worker_context;
        let is_dismissed = worker_context.is_dismissed(self.waiter());
        if turn.cause == Cause::Woken || is_dismissed {
            let is_answered = self.publish(turn, context);
            // A client that waits for the engine gets its answer first: nothing may follow a goodbye.
            if is_dismissed && is_answered {
                let Goodbye { retry_ms, grace_ms } = worker_context.goodbye(turn.time);
                self.connection.dismiss(retry_ms, grace_ms, turn.time);
            }
        }
        self.connection.handle_time(&mut worker_context.worker.borrow_mut(), turn.time);
        if turn.cause == Cause::Woken {
            self.read(turn, context);
            self.account_for_input(turn, context);
        }
        let worker = &mut *worker_context.worker.borrow_mut();
        let left = self.write(worker, turn, context);
        self.is_catching_up = left != Left::Nothing;
        self.account_for_output(turn, context);
        if self.connection.has_said_all() {
            self.socket.end_sending();
        }
        if self.connection.close_reason().is_some() {
            return Outcome::Ended;
        }
        let has_work = self.has_work(worker);
        if has_work {
            context.waker().wake_by_ref();
        }
        match left {
            Left::Some => Outcome::Behind,
            _ if has_work => Outcome::Spent,
            _ => {
                self.park(left, worker, turn.time, context.waker());
                Outcome::Waits
            }
        }
    }

    /// Waits: for news, unless something else has to come first, and for the time.
    fn park(&self, left: Left, worker: &mut Worker, time: Time, waker: &Waker) {
        self.connection.park(worker, waker);
        let is_inside_message = self.connection.is_inside_message();
        if is_inside_message || left == Left::InArchive {
            let mut until_ms = self.connection.wake_at_ms(&worker.limits);
            if is_inside_message {
                // The log may remove the message, and then it counts.
                until_ms = until_ms.min(time.steady_ms.saturating_add(ACCOUNT_INTERVAL_MS));
            }
            worker.lane.park(self.waiter(), waker, Some(until_ms));
        }
    }

    /// Whether all that is to be done for it is to write the worker's batch, as it is: then it is to be
    /// written by [`Driver::write_shared`], and [`Driver::finish`] called. At other times it needs a turn.
    pub(crate) fn join(&mut self, worker: &mut Worker, time: Time) -> bool {
        if self.has_joined || !self.outstanding.is_nothing() {
            // Its place moves only when it finishes: it would join for the same again.
            return false;
        }
        self.has_joined = self.connection.poll_shared(worker, time);
        self.has_joined
    }

    /// Writes what others write too.
    pub(crate) fn write_shared(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.socket.poll_write(context, slices)
    }

    /// Takes in how that went, with the worker's batch still the same, and waits; false if it needs a turn
    /// instead.
    pub(crate) fn finish(
        &mut self,
        written: &Poll<io::Result<usize>>,
        worker: &mut Worker,
        time: Time,
        waker: &Waker,
    ) -> bool {
        self.has_joined = false;
        self.handle_written(written, worker, time);
        let has_more = self.connection.is_blocked()
            || self.connection.may_transmit(worker)
            || self.socket.unsent_bytes() > 0;
        if has_more || self.connection.close_reason().is_some() || self.has_work(worker) {
            return false;
        }
        self.connection.park(worker, waker);
        true
    }

    /// Gives up the waiter, ends the sending side and closes the socket. What the engine has not answered is left
    /// to be dropped when the worker is not borrowed.
    pub(crate) fn leave(mut self, worker: &mut Worker) -> OutstandingWork {
        self.socket.end_sending();
        self.connection.leave(worker);
        self.outstanding
    }

    /// Counts that a fault has ended it, before it is dropped.
    pub(crate) fn note_panic(&self, worker: &Worker) {
        worker.metrics.ended.panicked.add(1);
        worker.metrics.subscriptions.subtract(self.connection.subscriptions());
    }

    /// Whether a turn could do something at once that is not writing.
    fn has_work(&self, worker: &Worker) -> bool {
        let may_read = || !self.outstanding.has_unanswered() && self.connection.wants_input(worker);
        self.connection.has_publishes()
            || self.connection.has_credential()
            || (!self.is_listening && may_read())
    }

    /// Counts the input that is held, and refuses it if others need the room more.
    fn account_for_input(&mut self, turn: &mut Turn<'_>, context: &Context<'_>) {
        let bytes = self.connection.held_input_bytes() + self.socket.unread_bytes();
        let accounts = &turn.worker_context.http.in_flight;
        if let Err(full) = self.outstanding.hold_input(bytes, accounts, context) {
            let worker = &mut turn.worker_context.worker.borrow_mut();
            self.connection.refuse_input(&full.in_short(), worker, turn.time);
        }
    }

    /// Counts the output that is held, and ends the connection if others need the room more.
    fn account_for_output(&mut self, turn: &Turn<'_>, context: &Context<'_>) {
        let unsent_bytes = self.socket.unsent_bytes();
        if !self.connection.is_blocked() && unsent_bytes == 0 && self.outstanding.is_nothing() {
            return;
        }
        let bytes = self.connection.held_output_bytes() + unsent_bytes;
        let accounts = &turn.worker_context.http.in_flight;
        if let Err(full) = self.outstanding.hold_output(bytes, accounts, context) {
            tracing::debug!(bytes, %full, "a client reads too slowly");
            self.connection.give_up_output();
        }
    }

    /// Publishes what the client has asked for; true once all of it is answered.
    fn publish(&mut self, turn: &mut Turn<'_>, context: &mut Context<'_>) -> bool {
        let Self { connection, outstanding, permit: own, .. } = self;
        let Turn { worker_context, time, publishes_left, .. } = turn;
        let worker = &worker_context.worker;
        // All are handed over before the first is waited for: an engine may sync them together.
        while *publishes_left > 0
            && let Some(publish) = connection.poll_publish()
        {
            *publishes_left -= 1;
            let PendingPublish { id, permit, draft } = publish;
            if let Some(Err(exceeded)) = own.share().map(Share::publish) {
                let outcome = Err(exceeded.into());
                connection.handle_published(id, outcome, &worker.borrow(), *time);
                continue;
            }
            match worker_context
                .admission
                .publish(|| worker_context.engine.publish(permit, draft, time.wall_ms))
            {
                Ok(Publishing::Done(outcome)) if !outstanding.has_unanswered() => {
                    let outcome = outcome.map_err(Refusal::from);
                    connection.handle_published(id, outcome, &worker.borrow(), *time);
                }
                Ok(waiting) => {
                    outstanding.await_answer(id, waiting, &worker_context.http.in_flight)
                }
                Err(rejected) => {
                    let outcome = Err(rejected.into());
                    connection.handle_published(id, outcome, &worker.borrow(), *time);
                }
            }
        }
        loop {
            match outstanding.poll_answered(context) {
                Poll::Ready(Some((id, outcome))) => {
                    let outcome = outcome.map_err(Refusal::from);
                    connection.handle_published(id, outcome, &worker.borrow(), *time);
                }
                Poll::Ready(None) => return !connection.has_publishes(),
                Poll::Pending => return false,
            }
        }
    }

    /// Reads until there is nothing, until answers pile up, or until it has read its share.
    fn read(&mut self, turn: &mut Turn<'_>, context: &mut Context<'_>) {
        self.is_listening = false;
        self.authenticate(turn, context);
        let worker_context = turn.worker_context;
        let mut read_bytes = 0;
        while read_bytes < READ_BYTES_MAX
            && self.publish(turn, context)
            && self.connection.close_reason().is_none()
            && self.connection.wants_input(&worker_context.worker.borrow())
        {
            let mut receive = worker_context.receive.borrow_mut();
            match self.socket.poll_read(context, &mut receive) {
                Poll::Ready(Ok(0)) => self.connection.handle_end_of_input(),
                Poll::Ready(Ok(count)) => {
                    read_bytes += count;
                    turn.moved_bytes += count;
                    let input = receive.get_mut(..count).unwrap_or_default();
                    let mut worker = worker_context.worker.borrow_mut();
                    self.connection.handle_input(input, &mut worker, turn.time);
                    drop((receive, worker));
                    self.authenticate(turn, context);
                }
                Poll::Ready(Err(_)) => self.connection.handle_gone(),
                Poll::Pending => {
                    self.is_listening = true;
                    return;
                }
            }
        }
    }

    /// Writes until there is nothing, until the socket takes no more, or until the turn has had its share,
    /// and says what is left.
    fn write(
        &mut self,
        worker: &mut Worker,
        turn: &mut Turn<'_>,
        context: &mut Context<'_>,
    ) -> Left {
        let Turn { cause, worker_context, time, moved_bytes, write_bytes_max, .. } = turn;
        if *cause != Cause::Behind && (self.is_catching_up || self.connection.catches_up()) {
            return Left::Some;
        }
        // To gather for a socket that takes nothing would be for nothing.
        if self.connection.is_blocked() && self.socket.poll_writable(context).is_pending() {
            return if self.connection.is_spent() { Left::Some } else { Left::ForSocket };
        }
        if self.socket.unsent_bytes() > 0 {
            // Otherwise nothing would send it if nothing more is to be written. Whether there is room for more, the next
            // write finds out.
            let _ = self.socket.poll_writable(context);
        }
        worker.turn_bytes_max = *write_bytes_max;
        let mut written_bytes = 0;
        while self.connection.poll_transmit(worker, *time, context.waker()) {
            let written = match worker.batch.contiguous() {
                Some(bytes) => self.socket.poll_write(context, &[IoSlice::new(bytes)]),
                None => {
                    self.socket.poll_write(context, &worker.batch.slices(&worker_context.broker))
                }
            };
            let count = self.handle_written(&written, worker, *time);
            worker.count_deliveries(*time);
            if count == 0 {
                return if written.is_pending() { Left::ForSocket } else { Left::Nothing };
            }
            written_bytes += count;
            *moved_bytes += count;
            if !self.connection.is_blocked() && !self.connection.may_transmit(worker) {
                return Left::Nothing;
            }
            if written_bytes >= *write_bytes_max || self.connection.is_spent() {
                return Left::Some;
            }
        }
        match self.connection.waits_for_archive(worker) {
            _ if self.connection.is_spent() => Left::Some,
            true => Left::InArchive,
            false => Left::Nothing,
        }
    }

    /// Takes in what the socket said to a write; returns how many bytes it took.
    fn handle_written(
        &mut self,
        written: &Poll<io::Result<usize>>,
        worker: &mut Worker,
        time: Time,
    ) -> usize {
        match written {
            Poll::Ready(Ok(0) | Err(_)) => {
                self.connection.handle_gone();
                0
            }
            Poll::Ready(Ok(count)) => {
                self.connection.handle_transmitted(*count, worker, time);
                *count
            }
            Poll::Pending => {
                self.connection.handle_transmitted(0, worker, time);
                0
            }
        }
    }
}

/// Bytes one turn reads, more or less: one read of a busy socket.
const READ_BYTES_MAX: usize = 64 << 10;

/// Bytes after which a turn of catching up writes no more: one full gather.
pub(crate) const WRITE_BYTES_MAX: usize = 64 << 10;

/// How often it is checked whether the log has removed a half-sent message.
const ACCOUNT_INTERVAL_MS: u64 = 500;

/// Publishes one turn hands over: of small ones one read may bring thousands.
pub(crate) const PUBLISHES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{socket::ClientSocket, worker_loop::WorkerLoop};

    /// Of what there is for every idle subscriber. The connection in it is measured by the benches'
    /// tests.
    #[test]
    fn a_task_is_little_more_than_its_connection() {
        let whole = WorkerLoop::<ClientSocket>::bytes_each();
        let added = whole - size_of::<Connection>();
        assert!(added <= 128, "{added} bytes beside the connection's");
    }
}
