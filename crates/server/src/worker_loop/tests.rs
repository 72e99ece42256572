//! Rounds over sockets that a test scripts, and which note who was read from and written to, and when.

use super::*;
use crate::{admission::Admission, session::Session};
use actix_web::rt;
use std::{
    cell::Cell,
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice},
    num::NonZeroU64,
    rc::Rc,
    sync::Arc,
};
use tidewire_broker::{Broker, Content, Draft, Engine, Grant, MemoryEngine};
use tidewire_connection::{
    Connection, Format, Framing, Heartbeat, Identity, Opening, RequestedStart, Subscription, Wire,
};

mod catching_up;
mod cold_reads;
mod expiring;
mod groups;
mod inquiries;
mod reentry;
mod renewing;
mod unsent;

const SSE: Wire =
    Wire::Sse { format: Format::Raw, framing: Framing::Chunked, heartbeat: Heartbeat::Block };
const RAW: Wire = Wire::WebSocket(Format::Raw);

#[test]
fn news_is_delivered_by_one_write_and_the_reading_side_is_not_asked() {
    for wire in [SSE, RAW] {
        let server = Server::start();
        let client = server.follow(wire, "a", RequestedStart::NOW);
        server.run_until_idle();
        let (reads, writes) = client.counts();
        for n in 0..100 {
            server.publish("a", "x");
            server.run_until_idle();
            assert_eq!(client.counts(), (reads, writes + n + 1), "{wire:?}");
        }
    }
}

#[test]
fn who_takes_no_bytes_is_not_tried_again_before_it_does() {
    let server = Server::start();
    let client = server.follow(SSE, "a", RequestedStart::NOW);
    server.run_until_idle();
    client.script.borrow_mut().room = 10;
    (0..3).for_each(|_| server.publish("a", "news"));
    server.run_until_idle();
    let (_, writes) = client.counts();
    for _ in 0..10 {
        server.publish("a", "more news");
        // What it sends has it woken.
        client.send(b"x".to_vec());
        server.run_until_idle();
    }
    assert_eq!(client.counts().1, writes);
    client.make_room(usize::MAX);
    server.run_until_idle();
    assert_eq!(client.written().matches("news").count(), 13);
    assert_eq!(server.admission.connections(), 1);
}

#[test]
fn those_who_catch_up_take_turns_of_a_bounded_size() {
    let server = Server::start();
    let text = "x".repeat(1_000);
    (0..4_000).for_each(|_| server.publish("a", &text));
    let clients = [0, 1, 2].map(|_| {
        server.follow(SSE, "a", RequestedStart::Since(tidewire_protocol::Since::Earliest))
    });
    server.run_until_idle();
    for client in &clients {
        assert_eq!(client.written().matches(&text).count(), 4_000);
    }
    let log = server.log.borrow();
    let turns = log.chunk_by(|a, b| a.client == b.client).map(|turn| {
        let bytes = turn.iter().map(|write| write.bytes);
        bytes.sum::<usize>()
    });
    let longest = turns.max().unwrap();
    assert!(longest < 160 << 10, "{longest} bytes of one connection while others waited");
}

#[test]
fn a_flood_of_publishes_lets_others_publish() {
    let server = Server::start();
    let listener = server.follow(SSE, "a", RequestedStart::NOW);
    let clients = [0, 1].map(|_| server.follow(RAW, "a", RequestedStart::NOW));
    server.run_until_idle();
    for (client, letter) in clients.iter().zip(["a", "b"]) {
        let mut flood = Vec::new();
        (0..2_000).for_each(|_| ws_frame::encode_text(letter, Some([1, 2, 3, 4]), &mut flood));
        client.send(flood);
    }
    server.run_until_idle();
    let written = listener.written();
    let published: Vec<&str> =
        written.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(published.len(), 4_000);
    let longest = published.chunk_by(|a, b| a == b).map(<[_]>::len).max().unwrap();
    assert_eq!(longest, 64);
}

#[test]
fn the_end_of_a_client_that_receives_nothing_is_noticed() {
    let server = Server::start();
    let client = server.follow(SSE, "a", RequestedStart::NOW);
    server.run_until_idle();
    assert_eq!(
        (server.admission.connections(), server.worker_context.worker.borrow().lane.len()),
        (1, 1)
    );
    client.send(Vec::new());
    server.run_until_idle();
    assert_eq!(
        (server.admission.connections(), server.worker_context.worker.borrow().lane.len()),
        (0, 0)
    );
}

#[test]
fn a_connection_that_panics_costs_the_others_nothing() {
    let server = Server::start();
    let clients = [0, 1].map(|_| server.follow(RAW, "a", RequestedStart::NOW));
    server.run_until_idle();
    clients[0].script.borrow_mut().is_faulty = true;
    for _ in 0..2 {
        server.publish("a", "x");
        server.run_until_idle();
    }
    assert_eq!(clients[1].written().matches('x').count(), 2);
    assert_eq!(
        (server.admission.connections(), server.worker_context.worker.borrow().lane.len()),
        (1, 1)
    );
}

#[test]
fn a_round_ends_though_turns_are_left() {
    let server = Server::start();
    let clients: Vec<_> = (0..200).map(|_| server.follow(SSE, "a", RequestedStart::NOW)).collect();
    server.run_until_idle();
    server.publish("a", "x");
    assert!(server.poll_work());
    assert!(server.rounds.run_round(), "all in one round");
    let received = clients.iter().filter(|client| client.written().contains("data: x")).count();
    assert!((1..=64).contains(&received), "{received}");
    server.run_until_idle();
    assert!(clients.iter().all(|client| client.written().contains("data: x")));
}

#[tokio::test]
async fn news_without_end_lets_the_other_tasks_of_the_worker_run() {
    let server = Server::start();
    let client = server.follow(SSE, "a", RequestedStart::NOW);
    server.run_until_idle();
    // Each delivery brings about the next, as publishers on other threads would.
    let (broker, on_write) = (server.worker_context.broker.clone(), Rc::new(Cell::new(0)));
    let count = Rc::clone(&on_write);
    client.script.borrow_mut().on_write = Some(Box::new(move || {
        count.set(count.get() + 1);
        if count.get() < 10_000 {
            publish(&broker, "a", "x");
        }
    }));
    server.publish("a", "x");
    let others = async {
        for _ in 0..10 {
            yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = server.rounds.run() => {}
        () = others => {}
    }
    assert!((1..10_000).contains(&on_write.get()), "{}", on_write.get());
}

#[actix_web::test]
async fn requests_without_end_let_a_subscriber_have_its_news_after_two_rounds_of_them() {
    let server = Rc::new(Server::start());
    let client = server.follow(SSE, "a", RequestedStart::NOW);
    server.run_until_idle();
    let rounds = Rc::clone(&server);
    rt::spawn(async move { rounds.rounds.run().await });
    let served = Rc::new(Cell::new(0));
    // Each task stands for a connection of actix whose client sends as fast as it can.
    for _ in 0..2_000 {
        let (mut turn, served) = (server.worker_context.request_turns.claim(), Rc::clone(&served));
        rt::spawn(async move {
            loop {
                poll_fn(|context| turn.poll(context)).await;
                turn.end();
                served.set(served.get() + 1);
                yield_now().await;
            }
        });
    }
    for n in 1..20 {
        while served.get() < n * 100 {
            yield_now().await;
        }
        let (before, received) = (served.get(), client.counts().1);
        server.publish("a", "x");
        while client.counts().1 == received {
            yield_now().await;
        }
        let meanwhile = served.get() - before;
        assert!(meanwhile <= 2 * 16, "{meanwhile} requests came first");
    }
}

struct Server {
    worker_context: Rc<WorkerContext>,
    admission: Admission,
    rounds: WorkerLoop<Scripted>,
    /// Every write, in order.
    log: Rc<RefCell<Vec<Write>>>,
}

#[derive(Debug)]
struct Write {
    client: usize,
    bytes: usize,
}

/// What the other end of a connection does.
#[derive(Default)]
struct Script {
    /// Of each read; an empty one is the end.
    input: VecDeque<Vec<u8>>,
    /// Bytes it still takes.
    room: usize,
    /// It takes everything, and keeps that which there is no room for, as TLS does with a record.
    keeps_rest: bool,
    unsent: usize,
    is_faulty: bool,
    is_gone: bool,
    on_write: Option<Box<dyn FnMut()>>,
    reads: usize,
    writes: usize,
    written: Vec<u8>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

struct Scripted {
    client: usize,
    script: Rc<RefCell<Script>>,
    log: Rc<RefCell<Vec<Write>>>,
}

struct Client {
    script: Rc<RefCell<Script>>,
}

impl Server {
    fn start() -> Self {
        Self::over(Broker::new(1, tidewire_broker::Limits::default()))
    }

    fn over(broker: Broker) -> Self {
        let engine = Arc::new(MemoryEngine::new(broker.clone()));
        Self::with_engine(broker, engine)
    }

    fn with_engine(broker: Broker, engine: Arc<dyn Engine>) -> Self {
        Self::of(broker, |worker_context| worker_context.engine = engine)
    }

    /// One that differs in what `change` does.
    fn start_with(change: impl FnOnce(&mut WorkerContext)) -> Self {
        Self::of(Broker::new(1, tidewire_broker::Limits::default()), change)
    }

    fn of(broker: Broker, change: impl FnOnce(&mut WorkerContext)) -> Self {
        let admission = Admission::new(1_000);
        let mut worker_context = WorkerContext::over(broker, admission.clone());
        change(&mut worker_context);
        let worker_context = Rc::new(worker_context);
        let rounds = WorkerLoop::new(Rc::clone(&worker_context));
        Self { worker_context, admission, rounds, log: Rc::default() }
    }

    fn follow(&self, wire: Wire, channel: &str, start: RequestedStart) -> Client {
        self.open(opening(wire, channel, start))
    }

    fn open(&self, opening: Opening) -> Client {
        self.open_of(opening, |_| None).0
    }

    /// Opens a connection of the client that `session` makes for its waiter, and gives that too.
    fn open_of(
        &self,
        opening: Opening,
        session: impl FnOnce(usize) -> Option<Box<Session>>,
    ) -> (Client, usize) {
        let time = self.worker_context.clock.now();
        let connection =
            Connection::open(opening, &mut self.worker_context.worker.borrow_mut(), time).unwrap();
        let script = Script { room: usize::MAX, ..Script::default() };
        let (client, script) = (connection.waiter().index(), Rc::new(RefCell::new(script)));
        let socket = Scripted { client, script: Rc::clone(&script), log: Rc::clone(&self.log) };
        let permit = self.admission.admit(crate::connection_kind::ConnectionKind::SseRaw).unwrap();
        let driver = Driver::new(connection, socket, permit);
        self.rounds.add(driver.of_session(session(client)));
        (Client { script }, client)
    }

    fn publish(&self, channel: &str, text: &str) {
        publish(&self.worker_context.broker, channel, text);
    }

    fn poll_work(&self) -> bool {
        self.rounds.poll_work(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// Gives turns until nobody asks for one.
    fn run_until_idle(&self) {
        for _ in 0..100_000 {
            let is_ready = self.poll_work();
            if !self.rounds.run_round() && !is_ready {
                return;
            }
        }
        panic!("there is no end to it");
    }
}

fn opening(wire: Wire, channel: &str, start: RequestedStart) -> Opening {
    Opening {
        dialect: wire.dialect(),
        subscriptions: vec![Subscription { pattern: channel.parse().unwrap(), start }],
        grant: Grant::open(),
        number: NonZeroU64::MIN,
        connection: "c".to_owned(),
        identity: Identity::default(),
        version: "0",
        renewal_id: None,
    }
}

fn publish(broker: &Broker, channel: &str, text: &str) {
    let permit = Grant::open().permit(&channel.parse().unwrap()).unwrap();
    broker.append(permit, Draft::new(Content::Text(text.into())), 5).unwrap();
}

impl Client {
    /// How often it was read from and written to.
    fn counts(&self) -> (usize, usize) {
        let script = self.script.borrow();
        (script.reads, script.writes)
    }

    fn written(&self) -> String {
        String::from_utf8_lossy(&self.script.borrow().written).into_owned()
    }

    fn send(&self, bytes: Vec<u8>) {
        let mut script = self.script.borrow_mut();
        script.input.push_back(bytes);
        script.reader.take().into_iter().for_each(Waker::wake);
    }

    fn make_room(&self, bytes: usize) {
        let mut script = self.script.borrow_mut();
        script.room = bytes;
        script.writer.take().into_iter().for_each(Waker::wake);
    }
}

impl Socket for Scripted {
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut script = self.script.borrow_mut();
        script.reads += 1;
        let Some(input) = script.input.pop_front() else {
            script.reader = Some(context.waker().clone());
            return Poll::Pending;
        };
        buffer[..input.len()].copy_from_slice(&input);
        Poll::Ready(Ok(input.len()))
    }

    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut script = self.script.borrow_mut();
        assert!(!script.is_faulty, "as the test wants it");
        script.writes += 1;
        if script.is_gone {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        script.on_write.iter_mut().for_each(|on_write| on_write());
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter()).copied().collect();
        if script.keeps_rest && script.unsent == 0 {
            script.unsent = bytes.len().saturating_sub(script.room);
            script.room = script.room.saturating_sub(bytes.len());
            script.writer = Some(context.waker().clone());
            script.written.extend_from_slice(&bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        let taken = if script.unsent > 0 { 0 } else { bytes.len().min(script.room) };
        if taken == 0 {
            script.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        script.room -= taken;
        script.written.extend_from_slice(&bytes[..taken]);
        self.log.borrow_mut().push(Write { client: self.client, bytes: taken });
        Poll::Ready(Ok(taken))
    }

    fn poll_writable(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut script = self.script.borrow_mut();
        let sent = script.unsent.min(script.room);
        (script.unsent, script.room) = (script.unsent - sent, script.room - sent);
        if script.room > 0 {
            return Poll::Ready(());
        }
        script.writer = Some(context.waker().clone());
        Poll::Pending
    }

    fn end_sending(&mut self) {}

    fn unsent_bytes(&self) -> usize {
        self.script.borrow().unsent
    }
}
