//! How often the whole path of a delivery allocates, counted: lane, turn, gather, and the write to a socket.
//!
//! A message is encoded once a wire, which allocates for all its readers together. So what is asserted is that more
//! readers cost no allocation more.

use super::*;
use crate::admission::Admission;
use allocation_counter::measure;
use std::{
    cell::Cell,
    io::{self, IoSlice},
    num::NonZeroU64,
    rc::Rc,
};
use tidewire_broker::{Content, Draft, Grant};
use tidewire_connection::{
    Connection, Format, Framing, Heartbeat, Identity, Opening, RequestedStart, Subscription, Wire,
};

const SSE: Wire =
    Wire::Sse { format: Format::Raw, framing: Framing::Chunked, heartbeat: Heartbeat::Block };
const RAW: Wire = Wire::WebSocket(Format::Raw);
const TIDEWIRE: Wire = Wire::Tidewire;

#[test]
fn a_delivery_allocates_nothing_on_its_way_to_the_socket() {
    for wire in [SSE, RAW, TIDEWIRE] {
        for messages in [1, 30] {
            let [few, many] = [FEW, MANY].map(|readers| while_delivering(wire, readers, messages));
            assert_eq!(few.writes, ROUNDS * FEW, "{wire:?}: the mock socket was not written to");
            assert_eq!(many.writes, ROUNDS * MANY, "{wire:?}: a delivery took several writes");
            assert_eq!(few.bytes * MANY, many.bytes * FEW, "{wire:?}: somebody received less");
            assert_eq!(few.allocations, many.allocations, "{wire:?}, {messages} messages a write");
            let each = usize::try_from(many.allocations).unwrap() / (ROUNDS * messages);
            assert!(each <= ENCODING_MAX, "{wire:?}: {each} allocations for an encoding");
        }
    }
}

#[derive(Debug)]
struct Counted {
    allocations: u64,
    writes: usize,
    bytes: usize,
}

/// Has `readers` of a channel take what is published to it, `messages` at once, and counts while they do.
fn while_delivering(wire: Wire, readers: usize, messages: usize) -> Counted {
    let admission = Admission::new(readers);
    let worker_context = Rc::new(WorkerContext::alone(admission.clone()));
    let rounds = WorkerLoop::new(Rc::clone(&worker_context));
    let (writes, bytes) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    for _ in 0..readers {
        let sink = Sink { writes: Rc::clone(&writes), bytes: Rc::clone(&bytes) };
        let time = worker_context.clock.now();
        let connection =
            Connection::open(opening(wire), &mut worker_context.worker.borrow_mut(), time).unwrap();
        rounds.add(Driver::new(
            connection,
            sink,
            admission.admit(crate::connection_kind::ConnectionKind::SseRaw).unwrap(),
        ));
    }
    let mut allocations = 0;
    for round in 0..WARM_UP + ROUNDS {
        if round == WARM_UP {
            allocations = 0;
            writes.set(0);
            bytes.set(0);
        }
        for _ in 0..messages {
            let permit = Grant::open().permit(&"a".parse().unwrap()).unwrap();
            let draft = Draft::new(Content::Text("x".repeat(128).into()));
            worker_context.broker.append(permit, draft, 5).unwrap();
        }
        allocations += measure(|| run_until_idle(&rounds)).count_total;
    }
    Counted { allocations, writes: writes.get(), bytes: bytes.get() }
}

/// Gives turns until nobody asks for one.
fn run_until_idle(rounds: &WorkerLoop<Sink>) {
    let context = &mut Context::from_waker(Waker::noop());
    while rounds.poll_work(context).is_ready() | rounds.run_round() {}
}

fn opening(wire: Wire) -> Opening {
    Opening {
        dialect: wire.dialect(),
        subscriptions: vec![Subscription {
            pattern: "a".parse().unwrap(),
            start: RequestedStart::NOW,
        }],
        grant: Grant::open(),
        number: NonZeroU64::MIN,
        connection: "c".to_owned(),
        identity: Identity::default(),
        version: "0",
        renewal_id: None,
    }
}

/// A socket that takes everything, and from which nothing comes.
struct Sink {
    writes: Rc<Cell<usize>>,
    bytes: Rc<Cell<usize>>,
}

impl Socket for Sink {
    fn poll_read(&mut self, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_write(
        &mut self,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let taken = slices.iter().map(|slice| slice.len()).sum::<usize>();
        self.writes.set(self.writes.get() + 1);
        self.bytes.set(self.bytes.get() + taken);
        Poll::Ready(Ok(taken))
    }

    fn poll_writable(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn end_sending(&mut self) {}
}

/// Both more than a round gives turns to.
const FEW: usize = 100;
const MANY: usize = 300;
/// Allocations of a message's encoding, which all readers share.
const ENCODING_MAX: usize = 12;
/// Until every buffer has the size it needs.
const WARM_UP: usize = 20;
const ROUNDS: usize = 50;
