//! A subscription between its request and its socket.

use crate::{
    access::Identity, admission::ConnectionPermit, driver::Driver, renewals::RenewalId,
    session::Session, socket::ClientSocket, worker_loop::WorkerLoop,
};
use bytes::Bytes;
use std::rc::Rc;
use tidewire_broker::Forbidden;
use tidewire_connection::{Connection, Opening};

/// A connection that is subscribed, but has no socket yet.
///
/// A handler makes it before it answers: a client that has read the response head is then
/// subscribed. If the client goes away before its socket is taken, dropping this gives the waiter and
/// the place back.
pub(crate) struct Subscribed {
    /// Gone once it has a socket.
    connection: Option<(Connection, ConnectionPermit, Option<Box<Session>>)>,
    connections: Rc<WorkerLoop<ClientSocket>>,
}

impl Subscribed {
    /// Follows what `opening` asks for, from this moment on.
    ///
    /// # Errors
    ///
    /// Its grant does not cover it.
    pub(crate) fn open(
        opening: Opening,
        (identity, renewal_id): (&Identity, Option<RenewalId>),
        connections: Rc<WorkerLoop<ClientSocket>>,
        permit: ConnectionPermit,
    ) -> Result<Self, Forbidden> {
        let worker_context = connections.worker_context();
        let time = worker_context.clock.now();
        let connection = Connection::open(opening, &mut worker_context.worker.borrow_mut(), time)?;
        let (renewals, inbox) = (&worker_context.http.renewals, &worker_context.inbox);
        let waiter = connection.waiter().index();
        let renewable = renewal_id.map(|id| renewals.register(id, inbox.number, waiter));
        let session = Session::of(identity, renewable);
        Ok(Self { connection: Some((connection, permit, session)), connections })
    }

    /// Has the worker run it over its `socket`, which has already sent `early`.
    pub(crate) fn run(mut self, socket: ClientSocket, early: &Bytes) {
        let Some((mut connection, permit, session)) = self.connection.take() else { return };
        if !early.is_empty() {
            let worker_context = self.connections.worker_context();
            let time = worker_context.clock.now();
            let mut worker = worker_context.worker.borrow_mut();
            connection.handle_input(&mut early.to_vec(), &mut worker, time);
        }
        self.connections.add(Driver::new(connection, socket, permit).of_session(session));
    }
}

impl Drop for Subscribed {
    /// A response that is dropped before its socket is taken gives the waiter up.
    fn drop(&mut self) {
        if let Some((connection, ..)) = self.connection.take() {
            self.connections.worker_context().leave(|worker| connection.leave(worker));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        admission::Admission, connection_kind::ConnectionKind, worker_context::WorkerContext,
    };
    use std::num::NonZeroU64;
    use tidewire_broker::Grant;
    use tidewire_connection::{self as connection, Format, RequestedStart, Subscription, Wire};

    #[test]
    fn who_goes_before_its_socket_is_taken_leaves_nothing_behind() {
        let admission = Admission::new(1);
        let worker_context = Rc::new(WorkerContext::alone(admission.clone()));
        let connections = Rc::new(WorkerLoop::new(Rc::clone(&worker_context)));
        let broker = worker_context.broker.clone();
        let subscription =
            Subscription { pattern: "a".parse().unwrap(), start: RequestedStart::NOW };
        let opening = Opening {
            dialect: Wire::WebSocket(Format::Raw).dialect(),
            subscriptions: vec![subscription],
            grant: Grant::open(),
            number: NonZeroU64::MIN,
            connection: "c1".to_owned(),
            identity: connection::Identity::default(),
            version: "0",
            renewal_id: None,
        };
        let client = (&Identity::nobody(), None);
        let permit = admission.admit(ConnectionKind::WebSocketRaw).unwrap();
        let subscribed = Subscribed::open(opening, client, connections, permit).unwrap();
        let followed = || {
            let mut count = 0;
            broker.each_channel(|summary| count += usize::from(summary.is_followed));
            count
        };
        assert_eq!(
            (followed(), admission.connections(), worker_context.worker.borrow().lane.len()),
            (1, 1, 1)
        );
        drop(subscribed);
        assert_eq!(
            (followed(), admission.connections(), worker_context.worker.borrow().lane.len()),
            (0, 0, 0)
        );
    }
}
