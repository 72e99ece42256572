//! Connections of one wire that follow one pattern, driven as the server drives them, less sockets.

use crate::publish;
use std::{hint::black_box, num::NonZeroU64};
use tidewire_broker::{Broker, ChannelName, Grant, Limits};
use tidewire_connection::{self as connection, Connection, Identity, Opening, Place};
use tidewire_connection::{Subscription, Time, Wire, Worker};

/// A worker and its connections, all at the head.
#[derive(Debug)]
pub struct Audience {
    worker: Worker,
    /// Writes first, so that the others find every encoding made.
    first: Connection,
    others: Vec<Connection>,
}

impl Audience {
    /// Opens `count` connections and one more, and sends what they say on opening.
    pub fn open(wire: Wire, pattern: &str, count: usize) -> Self {
        let broker = Broker::new(1, Limits::default());
        let lane = broker.lane().unwrap();
        let mut worker = Worker::new(broker, lane, connection::Limits::default());
        let subscription = Subscription { pattern: pattern.parse().unwrap(), place: Place::NOW };
        let mut number = NonZeroU64::MIN;
        let mut open = || {
            number = number.saturating_add(1);
            let opening = Opening {
                wire,
                subscriptions: vec![subscription.clone()],
                grant: Grant::open(),
                number,
                connection: "c1".into(),
                identity: Identity::default(),
                version: "0.0.0",
            };
            let mut connection = Connection::open(opening, &mut worker, TIME);
            transmit(&mut connection, &mut worker);
            connection
        };
        let (first, others) = (open(), (0..count).map(|_| open()).collect());
        Self { worker, first, others }
    }

    /// Publishes one message to each of `channels`, lets the lane tell its seats, has them encoded.
    ///
    /// Returns the bytes that each connection now has to send.
    pub fn publish(&mut self, channels: &[ChannelName], payload: &str) -> usize {
        for channel in channels {
            publish(&self.worker.broker, channel, payload);
        }
        self.worker.lane.ring(0);
        transmit(&mut self.first, &mut self.worker)
    }

    /// Has every connection send what it can, until it has no more; returns the bytes of them all.
    pub fn transmit(&mut self) -> usize {
        let Self { worker, others, .. } = self;
        others.iter_mut().map(|connection| transmit(connection, worker)).sum()
    }
}

fn transmit(connection: &mut Connection, worker: &mut Worker) -> usize {
    let mut sent = 0;
    while connection.poll_transmit(worker, TIME, std::task::Waker::noop()) {
        black_box(worker.batch.contiguous());
        let written = worker.batch.len();
        connection.handle_transmitted(written, worker, TIME);
        sent += written;
        if !connection.may_transmit(worker) {
            break;
        }
    }
    sent
}

const TIME: Time = Time { steady_ms: 0, wall_ms: 0 };
