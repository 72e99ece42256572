//! Runs a [`Connection`] over a socket: the only place where the two meet.
//!
//! A future by hand rather than an `async fn`: an idle subscriber is nothing but this struct.

use crate::{desk::Desk, gate::Ticket, temporary::spread};
use bytes::Bytes;
use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};
use tidewire_broker::Publishing;
use tidewire_connection::{Connection, Opening, Publish, Refusal, Time, Worker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection that is subscribed, but has no socket yet.
///
/// A handler makes it before it answers: a client that has read the response head is then
/// subscribed. If the client goes away before its socket is taken, dropping this gives the seat and
/// the place back.
pub(crate) struct Subscribed {
    /// Gone once the seat has been given up and only the socket is left to close.
    connection: Option<Connection>,
    desk: Rc<Desk>,
    _ticket: Ticket,
}

/// One client's connection, until it ends.
pub(crate) struct Driver<S> {
    socket: S,
    subscribed: Subscribed,
    /// Publishes that the engine has not answered, in order; nothing more is read until it has.
    publishing: VecDeque<Asked>,
}

/// A publish under way, by the client's number for it.
type Asked = (Option<u64>, Publishing);

impl Subscribed {
    /// Follows what `opening` asks for, from this moment on.
    pub(crate) fn open(opening: Opening, desk: Rc<Desk>, ticket: Ticket) -> Self {
        let time = desk.clock.now();
        let connection = Connection::open(opening, &mut desk.worker.borrow_mut(), time);
        Self { connection: Some(connection), desk, _ticket: ticket }
    }

    fn handle_early(&mut self, early: &Bytes) {
        if let Some(connection) = self.connection.as_mut().filter(|_| !early.is_empty()) {
            let time = self.desk.clock.now();
            let mut worker = self.desk.worker.borrow_mut();
            connection.handle_input(&mut early.to_vec(), &mut worker, time);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// Runs a connection over its `socket`, which has already sent `early`.
    pub(crate) fn new(socket: S, early: &Bytes, mut subscribed: Subscribed) -> Self {
        subscribed.handle_early(early);
        Self { socket, subscribed, publishing: VecDeque::new() }
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
            let Publish { id, permit, draft } = publish;
            let Desk { engine, gate, .. } = &*self.subscribed.desk;
            match gate.publish(|| engine.publish(permit, draft, time.wall_ms)) {
                Ok(Publishing::Done(outcome)) if self.publishing.is_empty() => {
                    let outcome = outcome.map_err(Refusal::from);
                    connection.handle_published(id, outcome, worker, time);
                }
                Ok(waiting) => self.publishing.push_back((id, waiting)),
                Err(turned) => connection.handle_published(id, Err(turned.into()), worker, time),
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
            let desk = Rc::clone(&self.subscribed.desk);
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
        while connection.poll_transmit(worker, time) {
            let socket = Pin::new(&mut self.socket);
            let written = match worker.batch.contiguous() {
                Some(bytes) => socket.poll_write(context, bytes),
                None => {
                    let slices = worker.batch.slices(&self.subscribed.desk.broker);
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
        let Some(mut connection) = self.subscribed.connection.take() else {
            return Poll::Ready(());
        };
        let desk = Rc::clone(&self.subscribed.desk);
        let time = desk.clock.now();
        let mut worker = desk.worker.borrow_mut();
        // Whoever waits for the engine hears its answer: nothing may follow a goodbye.
        if desk.is_leaving.get() && self.publish(&mut connection, &worker, time, context) {
            connection.dismiss(spread(desk.limits.retry_ms), desk.house.goodbye_wait_ms, time);
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
                self.subscribed.connection = Some(connection);
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

impl Drop for Subscribed {
    /// A task that is dropped before its end, as when its runtime stops, gives up its seat too, and
    /// so does a response that is dropped before its socket is taken.
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Ok(mut worker) = self.desk.worker.try_borrow_mut()
        {
            connection.leave(&mut worker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{desk::House, gate::Gate};
    use std::{num::NonZeroU64, sync::Arc, time::Duration};
    use tidewire_broker::{Broker, Grant, Limits, MemoryEngine};
    use tidewire_connection::{Dialect, Identity, Place, Subscription, Wire};

    /// Of which there is one for every idle subscriber. The connection in it is measured by the
    /// benches' tests.
    #[test]
    fn a_task_is_little_more_than_its_connection() {
        type Whole = Driver<tokio::net::TcpStream>;
        let added = size_of::<Whole>() - size_of::<Connection>();
        assert!(added <= 128, "{added} bytes beside the connection's");
    }

    #[test]
    fn who_goes_before_its_socket_is_taken_leaves_nothing_behind() {
        let broker = Broker::new(1, Limits::default());
        let house = House {
            batch_bytes_max: 0,
            body_wait: Duration::ZERO,
            poll_wait_max: Duration::ZERO,
            goodbye_wait_ms: 0,
            log: None,
        };
        let (lane, gate) = (broker.lane().unwrap(), Gate::new(1));
        let engine = Arc::new(MemoryEngine::new(broker.clone()));
        let limits = tidewire_connection::Limits::default();
        let desk = Rc::new(Desk::new(broker.clone(), lane, engine, gate.clone(), limits, house));
        let subscription = Subscription { pattern: "a".parse().unwrap(), place: Place::NOW };
        let opening = Opening {
            wire: Wire::WebSocket(Dialect::Raw),
            subscriptions: vec![subscription],
            grant: Grant::open(),
            number: NonZeroU64::MIN,
            connection: "c1".to_owned(),
            identity: Identity::default(),
            version: "0",
        };
        let subscribed = Subscribed::open(opening, Rc::clone(&desk), gate.enter().unwrap());
        let followed = || {
            let mut count = 0;
            broker.each_channel(|summary| count += usize::from(summary.is_followed));
            count
        };
        assert_eq!((followed(), gate.inside(), desk.worker.borrow().lane.len()), (1, 1, 1));
        drop(subscribed);
        assert_eq!((followed(), gate.inside(), desk.worker.borrow().lane.len()), (0, 0, 0));
    }
}
