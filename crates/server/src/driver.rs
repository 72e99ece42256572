//! Runs a [`Connection`] over a socket: the only place where the two meet.
//!
//! A future by hand rather than an `async fn`: an idle subscriber is nothing but this struct.

use crate::{desk::Desk, gate::Ticket};
use bytes::Bytes;
use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};
use tidewire_broker::Publishing;
use tidewire_connection::{Connection, Opening, Refusal, Time, Worker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// One client's connection, until it ends.
pub(crate) struct Driver<S> {
    socket: S,
    /// Gone once the seat has been given up and only the socket is left to close.
    connection: Option<Connection>,
    /// Publishes that the engine has not answered, in order; nothing more is read until it has.
    publishing: VecDeque<Asked>,
    desk: Rc<Desk>,
    _ticket: Ticket,
}

/// A publish under way, by the client's number for it.
type Asked = (Option<u64>, Publishing);

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// Opens a connection on `socket`, which has already sent `early`.
    pub(crate) fn open(
        socket: S,
        early: &Bytes,
        opening: Opening,
        desk: Rc<Desk>,
        ticket: Ticket,
    ) -> Self {
        let time = desk.clock.now();
        let mut worker = desk.worker.borrow_mut();
        let mut connection = Connection::open(opening, &mut worker, time);
        if !early.is_empty() {
            connection.handle_input(&mut early.to_vec(), &mut worker, time);
        }
        drop(worker);
        Self {
            socket,
            connection: Some(connection),
            publishing: VecDeque::new(),
            desk,
            _ticket: ticket,
        }
    }

    /// Publishes what the client has asked for; true once all of it is answered.
    fn publish(
        &mut self,
        connection: &mut Connection,
        worker: &Worker,
        time: Time,
        context: &mut Context<'_>,
    ) -> bool {
        // All are handed over before the first is waited for: an engine may sync them together.
        while let Some(publish) = connection.poll_publish() {
            let engine = &self.desk.engine;
            match engine.publish(publish.permit, publish.draft, time.wall_ms) {
                Publishing::Done(outcome) if self.publishing.is_empty() => {
                    let outcome = outcome.map_err(Refusal::from);
                    connection.handle_published(publish.id, outcome, worker, time);
                }
                waiting => self.publishing.push_back((publish.id, waiting)),
            }
        }
        while let Some((id, publishing)) = self.publishing.front_mut() {
            let Poll::Ready(outcome) = Pin::new(publishing).poll(context) else { return false };
            connection.handle_published(*id, outcome.map_err(Refusal::from), worker, time);
            self.publishing.pop_front();
        }
        // An idle subscriber keeps nothing of it.
        self.publishing = VecDeque::new();
        true
    }

    /// Reads until there is nothing, or until answers pile up; false if it has to be read again.
    fn read(
        &mut self,
        connection: &mut Connection,
        worker: &mut Worker,
        time: Time,
        context: &mut Context<'_>,
    ) -> bool {
        while self.publish(connection, worker, time, context) {
            if connection.parting().is_some() {
                return true;
            }
            if !connection.wants_input(worker) {
                return false;
            }
            let desk = Rc::clone(&self.desk);
            let mut receive = desk.receive.borrow_mut();
            let mut buffer = ReadBuf::new(&mut receive);
            match Pin::new(&mut self.socket).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    connection.handle_input(buffer.filled_mut(), worker, time);
                }
                Poll::Ready(Ok(())) => connection.handle_end_of_input(),
                Poll::Ready(Err(_)) => connection.handle_gone(),
                Poll::Pending => return true,
            }
        }
        true
    }

    /// Writes until there is nothing, or the socket takes no more.
    fn write(
        &mut self,
        connection: &mut Connection,
        worker: &mut Worker,
        time: Time,
        context: &mut Context<'_>,
    ) {
        while connection.poll_transmit(worker) {
            let socket = Pin::new(&mut self.socket);
            let written = match worker.batch.contiguous() {
                Some(bytes) => socket.poll_write(context, bytes),
                None => {
                    let slices = worker.batch.slices(&self.desk.broker);
                    socket.poll_write_vectored(context, &slices)
                }
            };
            match written {
                Poll::Ready(Ok(written @ 1..)) => {
                    connection.handle_transmitted(written, worker, time);
                    // Input that waited behind what is now sent may have asked for a publish.
                    self.publish(connection, worker, time, context);
                }
                Poll::Ready(Ok(0) | Err(_)) => return connection.handle_gone(),
                Poll::Pending => return connection.handle_transmitted(0, worker, time),
            }
        }
    }

    fn poll_connection(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(mut connection) = self.connection.take() else { return Poll::Ready(()) };
        let (desk, time) = (Rc::clone(&self.desk), self.desk.clock.now());
        let mut worker = desk.worker.borrow_mut();
        // Whoever waits for the engine hears its answer: nothing may follow a goodbye.
        if desk.is_leaving.get() && self.publish(&mut connection, &worker, time, context) {
            connection.dismiss(retry_ms(&desk), &worker, time);
        }
        connection.handle_time(&mut worker, time);
        loop {
            let is_read = self.read(&mut connection, &mut worker, time, context);
            self.write(&mut connection, &mut worker, time, context);
            if is_read || connection.parting().is_some() || !connection.wants_input(&worker) {
                break;
            }
        }
        if connection.has_said_all() {
            // A socket that cannot end its one side will end both, in time.
            let _ = Pin::new(&mut self.socket).poll_shutdown(context);
        }
        match connection.parting() {
            Some(parting) => {
                connection.leave(&mut worker);
                tracing::debug!(?parting, "a connection has ended");
                Poll::Ready(())
            }
            None => {
                connection.rest(&mut worker, context.waker());
                self.connection = Some(connection);
                Poll::Pending
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Driver<S> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        ready!(this.poll_connection(context));
        Pin::new(&mut this.socket).poll_shutdown(context)
    }
}

impl<S> Drop for Driver<S> {
    /// A task that is dropped before its end, as when its runtime stops, gives up its seat too.
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Ok(mut worker) = self.desk.worker.try_borrow_mut()
        {
            connection.leave(&mut worker);
        }
    }
}

/// When to come back after a goodbye: spread out, so that not everyone does at once.
fn retry_ms(desk: &Desk) -> u64 {
    let retry_ms = desk.limits.retry_ms;
    retry_ms / 2 + fastrand::u64(0..=retry_ms)
}
