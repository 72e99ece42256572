//! Connections without sockets that follow the same, driven as the server's worker loop drives them.
//!
//! The benches, the test of allocations and the program that counts instructions all measure these.

use std::{
    hint::black_box,
    num::NonZeroU64,
    task::{Context, Poll, Waker},
};
use tidewire_broker::{Broker, ChannelName, Content, Draft, Grant, Limits, WaiterId};
use tidewire_connection::{self as connection, Connection, Identity, Opening, RequestedStart};
use tidewire_connection::{Subscription, Time, Wire, Worker};

/// A worker and its connections, all at the head.
#[derive(Debug)]
pub struct Audience {
    worker: Worker,
    /// By the number of its waiter. Boxed, as the server has them.
    connections: Vec<Option<Box<Connection>>>,
    /// The connections that are about to write the same batch.
    group: Vec<WaiterId>,
}

impl Audience {
    /// Opens `count` connections that follow `patterns`, and sends what they say on opening.
    pub fn open(wire: Wire, patterns: &[&str], count: usize) -> Self {
        let broker = Broker::new(1, Limits::default());
        let lane = broker.lane().unwrap();
        let limits = connection::Limits::default();
        let worker = Worker::new(broker, lane, limits);
        let mut this = Self { worker, connections: Vec::new(), group: Vec::new() };
        let subscriptions: Vec<Subscription> = patterns
            .iter()
            .map(|pattern| Subscription {
                pattern: pattern.parse().unwrap(),
                start: RequestedStart::NOW,
            })
            .collect();
        let mut number = NonZeroU64::MIN;
        for _ in 0..count {
            number = number.saturating_add(1);
            let opening = Opening {
                dialect: wire.dialect(),
                subscriptions: subscriptions.clone(),
                grant: Grant::open(),
                number,
                connection: "c1".into(),
                identity: Identity::default(),
                version: "0.0.0",
                renewal_id: None,
            };
            let connection = Connection::open(opening, &mut this.worker, TIME).unwrap();
            let waiter = connection.waiter();
            this.connections.resize_with(waiter.index() + 1, || None);
            this.connections[waiter.index()] = Some(Box::new(connection));
            this.give_turn(waiter, no_socket);
        }
        this
    }

    /// Publishes one message to each of `channels`.
    pub fn publish(&mut self, channels: &[ChannelName], payload: &str) {
        for channel in channels {
            let permit = Grant::open().permit(channel).unwrap();
            self.worker
                .broker
                .append(permit, Draft::new(Content::Text(payload.into())), 0)
                .unwrap();
        }
    }

    /// Has the lane sort out news; says whether a connection is due for a turn.
    pub fn sort_out_news(&mut self) -> bool {
        let context = &mut Context::from_waker(Waker::noop());
        let mut is_due = false;
        loop {
            match self.worker.lane.poll_news(context) {
                Poll::Ready(()) => is_due = true,
                Poll::Pending if self.worker.lane.is_behind() => {}
                Poll::Pending => return is_due,
            }
        }
    }

    /// Gives one turn to a connection that is due; says how many bytes it sent, if there was one.
    pub fn deliver_to_one(&mut self) -> Option<usize> {
        let waiter = self.next_due()?;
        Some(self.give_turn(waiter, no_socket))
    }

    /// The next connection that is due: those with news in many channels last, as in a round of the server.
    fn next_due(&mut self) -> Option<WaiterId> {
        let lane = &mut self.worker.lane;
        lane.next_due().or_else(|| lane.next_due_in_many())
    }

    /// Sorts out the news, and gives turns until no connection is due; returns the bytes sent.
    pub fn deliver(&mut self) -> usize {
        self.deliver_to(no_socket)
    }

    /// The same, with something in place of the sockets.
    pub fn deliver_to(&mut self, mut socket: impl FnMut(&[u8])) -> usize {
        let mut sent = 0;
        loop {
            while let Some(waiter) = self.next_due() {
                if !self.join(waiter) {
                    sent += self.write_group(&mut socket);
                    sent += self.give_turn(waiter, &mut socket);
                } else if self.group.len() == GROUP_MAX {
                    sent += self.write_group(&mut socket);
                }
            }
            sent += self.write_group(&mut socket);
            if !self.sort_out_news() {
                return sent;
            }
        }
    }

    /// Puts a connection into the group, if it can be, as `server::worker_loop::group` does.
    fn join(&mut self, waiter: WaiterId) -> bool {
        let Some(Some(connection)) = self.connections.get_mut(waiter.index()) else { return false };
        let joins = connection.poll_shared(&mut self.worker, TIME);
        if joins {
            self.group.push(waiter);
        }
        joins
    }

    /// Writes one batch for the whole group, likewise; returns the bytes sent.
    fn write_group(&mut self, mut socket: impl FnMut(&[u8])) -> usize {
        let Self { worker, connections, group } = self;
        let written = worker.batch.len();
        let bytes = worker.batch.contiguous().unwrap_or_default();
        group.iter().for_each(|_| socket(bytes));
        for waiter in &*group {
            let Some(Some(connection)) = connections.get_mut(waiter.index()) else { continue };
            connection.handle_transmitted(written, worker, TIME);
            assert!(!connection.is_blocked() && !connection.may_transmit(worker));
            assert!(!connection.has_publishes() && connection.close_reason().is_none());
            connection.park(worker, Waker::noop());
        }
        worker.count_deliveries(TIME);
        group.drain(..).len() * written
    }

    /// A turn to deliver, as `server::driver` gives it.
    fn give_turn(&mut self, waiter: WaiterId, mut socket: impl FnMut(&[u8])) -> usize {
        let Self { worker, connections, .. } = self;
        let Some(Some(connection)) = connections.get_mut(waiter.index()) else { return 0 };
        connection.handle_time(worker, TIME);
        let mut sent = 0;
        while connection.poll_transmit(worker, TIME, Waker::noop()) {
            socket(worker.batch.contiguous().unwrap_or_default());
            let written = worker.batch.len();
            connection.handle_transmitted(written, worker, TIME);
            worker.count_deliveries(TIME);
            sent += written;
            if !connection.is_blocked() && !connection.may_transmit(worker) {
                break;
            }
        }
        assert!(!connection.has_said_all() && connection.close_reason().is_none());
        connection.park(worker, Waker::noop());
        sent
    }
}

/// Connections in a group: the number of deliveries of this size between two readings of the clock.
const GROUP_MAX: usize = 15;

/// A socket that takes everything at no cost.
fn no_socket(bytes: &[u8]) {
    black_box(bytes);
}

const TIME: Time = Time { steady_ms: 0, wall_ms: 0 };
