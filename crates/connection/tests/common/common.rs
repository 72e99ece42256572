//! What the tests of the connection share: a server without sockets, and short spellings.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

use std::num::NonZeroU64;
use std::task::Waker;
use tidewire_broker::{
    Broker, Content, Draft, Engine, Forbidden, Grant, HistoryPermit, MemoryEngine, Options,
    Permissions, Publishing, Retention, Rule, Rules, SubscribePermit,
};
use tidewire_connection::{
    Connection, Dialect, Format, Framing, Heartbeat, Identity, Limits, LongPoll, Opening, Refusal,
    RequestedStart, Subscription, Time, Wire, Worker,
};

pub const SSE: Wire = sse(Format::Raw, Heartbeat::Block);
pub const SSE_JSON: Wire = sse(Format::Json, Heartbeat::Block);
pub const SSE_EVENT: Wire = sse(Format::Raw, Heartbeat::Event);
pub const STREAM: Wire = Wire::Stream { format: Format::Json, framing: Framing::Chunked };
pub const STREAM_RAW: Wire = Wire::Stream { format: Format::Raw, framing: Framing::Chunked };
pub const RAW: Wire = Wire::WebSocket(Format::Raw);
pub const JSON: Wire = Wire::WebSocket(Format::Json);
pub const TIDEWIRE: Wire = Wire::Tidewire;
pub const ALL: [Wire; 7] = [SSE, SSE_JSON, STREAM, STREAM_RAW, RAW, JSON, TIDEWIRE];

/// How long a client that is dismissed has to receive the rest.
pub const GRACE_MS: u64 = 5_000;

const fn sse(format: Format, heartbeat: Heartbeat) -> Wire {
    Wire::Sse { format, framing: Framing::Chunked, heartbeat }
}

/// One worker whose broker is of epoch `10`, and a clock.
pub struct Server {
    pub worker: Worker,
    pub time: Time,
    /// Connections opened so far.
    opened: u64,
}

impl Server {
    pub fn new() -> Self {
        Self::with(tidewire_broker::Limits::default(), Limits::default())
    }

    pub fn with(broker: tidewire_broker::Limits, limits: Limits) -> Self {
        let mut this = Self::over(Broker::new(36, broker));
        this.worker.limits = limits;
        this
    }

    /// A server of this broker.
    pub fn over(broker: Broker) -> Self {
        let lane = broker.lane().unwrap();
        Self {
            worker: Worker::new(broker, lane, Limits::default()),
            time: Time { steady_ms: 1_000, wall_ms: 5 },
            opened: 0,
        }
    }

    /// A server, and a connection that follows `a` and has received its first position.
    pub fn opened(wire: Wire) -> (Self, Connection) {
        let mut server = Self::new();
        let mut connection = server.open(wire, &[("a", "now")]);
        server.output(&mut connection);
        (server, connection)
    }

    fn number(&mut self) -> NonZeroU64 {
        self.opened += 1;
        NonZeroU64::new(self.opened).unwrap()
    }

    /// A server whose channels keep at most `messages_max` messages.
    pub fn keeping(messages_max: usize) -> Self {
        let retention = Retention { messages_max, ..Retention::default() };
        let limits =
            tidewire_broker::Limits { rules: Rules::keeping(retention), ..Default::default() };
        Self::with(limits, Limits::default())
    }

    pub fn publish(&mut self, channel: &str, draft: Draft) {
        let permit = Grant::open().permit(&channel.parse().unwrap()).unwrap();
        self.worker.broker.append(permit, draft, self.time.wall_ms).unwrap();
    }

    pub fn text(&mut self, channel: &str, text: &str) {
        self.publish(channel, Draft::new(Content::Text(text.into())));
    }

    /// A server whose channels `room.…` have presence.
    pub fn with_presence() -> Self {
        let presence = Rule { presence: Some(true), ..Rule::default() };
        let rules = Rules::new(Options::default(), [("room.>".parse().unwrap(), presence)]);
        let limits = tidewire_broker::Limits { rules, ..Default::default() };
        Self::with(limits, Limits::default())
    }

    /// Publishes joins and leaves; returns how many messages that took.
    pub fn publish_presence(&mut self) -> usize {
        let changes = self.worker.broker.presence_buffer().take_changes();
        for change in &changes {
            let (permit, draft) = change.publish();
            self.worker.broker.append(permit, draft, self.time.wall_ms).unwrap();
        }
        changes.len()
    }

    pub fn open(&mut self, wire: Wire, subscriptions: &[(&str, &str)]) -> Connection {
        self.open_as("c", Identity::default(), wire, subscriptions)
    }

    pub fn open_as(
        &mut self,
        connection: &str,
        identity: Identity,
        wire: Wire,
        subscriptions: &[(&str, &str)],
    ) -> Connection {
        self.open_with(Grant::open(), connection, identity, wire, subscriptions)
    }

    pub fn open_with(
        &mut self,
        grant: Grant,
        connection: &str,
        identity: Identity,
        wire: Wire,
        subscriptions: &[(&str, &str)],
    ) -> Connection {
        self.open_by(wire.dialect(), grant, connection, identity, subscriptions)
    }

    /// Opens a connection that its client may renew from outside.
    pub fn open_renewable(
        &mut self,
        wire: Wire,
        renewal_id: Option<&str>,
        subscriptions: &[(&str, &str)],
    ) -> Connection {
        let (dialect, identity) = (wire.dialect(), Identity::default());
        let opening = self.opening(dialect, Grant::open(), "c", identity, subscriptions);
        let opening = Opening { renewal_id: renewal_id.map(Into::into), ..opening };
        Connection::open(opening, &mut self.worker, self.time).unwrap()
    }

    /// Opens a connection that speaks something else than one of the wires.
    pub fn open_speaking(
        &mut self,
        dialect: Box<dyn Dialect>,
        subscriptions: &[(&str, &str)],
    ) -> Connection {
        self.open_by(dialect, Grant::open(), "c", Identity::default(), subscriptions)
    }

    fn open_by(
        &mut self,
        dialect: Box<dyn Dialect>,
        grant: Grant,
        connection: &str,
        identity: Identity,
        subscriptions: &[(&str, &str)],
    ) -> Connection {
        let opening = self.opening(dialect, grant, connection, identity, subscriptions);
        Connection::open(opening, &mut self.worker, self.time).unwrap()
    }

    /// Opens a connection whose grant may not allow it.
    pub fn try_open(
        &mut self,
        grant: Grant,
        wire: Wire,
        subscriptions: &[(&str, &str)],
    ) -> Result<Connection, Forbidden> {
        let identity = Identity::default();
        let opening = self.opening(wire.dialect(), grant, "c", identity, subscriptions);
        Connection::open(opening, &mut self.worker, self.time)
    }

    fn opening(
        &mut self,
        dialect: Box<dyn Dialect>,
        grant: Grant,
        connection: &str,
        identity: Identity,
        subscriptions: &[(&str, &str)],
    ) -> Opening {
        Opening {
            dialect,
            subscriptions: subscriptions
                .iter()
                .map(|(pattern, since)| follow(pattern, since))
                .collect(),
            grant,
            number: self.number(),
            connection: connection.to_owned(),
            identity,
            version: "v",
            renewal_id: None,
        }
    }

    pub fn poll(&mut self, pattern: &str, since: &str, wait_ms: u64) -> LongPoll {
        let subscriptions = [follow(pattern, since)];
        LongPoll::open(&subscriptions, &Grant::open(), wait_ms, &mut self.worker, self.time)
            .unwrap()
    }

    /// All that the connection has to say.
    pub fn output(&mut self, connection: &mut Connection) -> Vec<u8> {
        self.output_by(connection, usize::MAX)
    }

    /// The same, by writes that take `bytes_max` bytes each.
    pub fn output_by(&mut self, connection: &mut Connection, bytes_max: usize) -> Vec<u8> {
        let mut output = Vec::new();
        while self.write(connection, bytes_max, &mut output) {}
        output
    }

    /// One write, of which at most the given number of bytes is taken; false if there was nothing to write.
    pub fn write(
        &mut self,
        connection: &mut Connection,
        bytes_max: usize,
        output: &mut Vec<u8>,
    ) -> bool {
        self.worker.lane.fire_timers(self.time.steady_ms);
        if !connection.poll_transmit(&mut self.worker, self.time, Waker::noop()) {
            return false;
        }
        let slices = self.worker.batch.slices(&self.worker.broker);
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        assert_eq!(bytes.len(), self.worker.batch.len());
        let written = bytes.len().min(bytes_max);
        output.extend_from_slice(&bytes[..written]);
        connection.handle_transmitted(written, &mut self.worker, self.time);
        if written == bytes.len() && !connection.may_transmit(&self.worker) {
            assert!(
                !connection.poll_transmit(&mut self.worker, self.time, Waker::noop()),
                "it had more to say"
            );
        }
        self.publish_asked(connection);
        true
    }

    pub fn input(&mut self, connection: &mut Connection, bytes: &[u8]) {
        connection.handle_input(&mut bytes.to_vec(), &mut self.worker, self.time);
        self.publish_asked(connection);
    }

    /// Sends a request of `tidewire.v1`.
    pub fn ask(&mut self, connection: &mut Connection, request: &str) {
        // A turn of its own: one before may have used its share up.
        connection.handle_time(&mut self.worker, self.time);
        self.input(connection, &frame(request));
    }

    /// Sends a request, and gives the text frames that came of it.
    pub fn answer(&mut self, connection: &mut Connection, request: &str) -> Vec<String> {
        self.ask(connection, request);
        texts(&self.output(connection))
    }

    pub fn wait(&mut self, connection: &mut Connection, wait_ms: u64) {
        self.time.steady_ms += wait_ms;
        self.time.wall_ms += wait_ms;
        connection.handle_time(&mut self.worker, self.time);
    }

    fn publish_asked(&mut self, connection: &mut Connection) {
        let engine = MemoryEngine::new(self.worker.broker.clone());
        while let Some(publish) = connection.poll_publish() {
            match engine.publish(publish.permit, publish.draft, self.time.wall_ms) {
                Publishing::Done(outcome) => {
                    let outcome = outcome.map_err(Refusal::from);
                    connection.handle_published(publish.id, outcome, &self.worker, self.time);
                }
                Publishing::Waiting(_) => panic!("the memory engine answers at once"),
            }
        }
    }
}

/// A subscription; what is no place to begin counts as somebody else's last event id.
pub fn follow(pattern: &str, since: &str) -> Subscription {
    let start = since
        .parse()
        .map_or_else(|_| RequestedStart::from_last_event_id(since), RequestedStart::Since);
    Subscription { pattern: pattern.parse().unwrap(), start }
}

/// A grant for publishing, subscribing and presence of these.
pub fn limited_to(publish: &[&str], subscribe: &[&str], presence: &[&str]) -> Grant {
    let [publish, subscribe, presence] = [publish, subscribe, presence]
        .map(|all| all.iter().map(|pattern| pattern.parse().unwrap()).collect());
    Grant::limited_to(Permissions { publish, subscribe, presence, history: true })
}

/// The permit to follow a channel or pattern.
pub fn may_read(pattern: &str) -> SubscribePermit {
    Grant::open().permit_subscribe(&pattern.parse().unwrap()).unwrap()
}

/// The permit to read what was published before.
pub fn may_look_back() -> HistoryPermit {
    Grant::open().permit_history().unwrap()
}

/// A client's text frame, under a mask of zeros.
pub fn frame(text: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    ws_frame::encode_text(text, Some([0; 4]), &mut frame);
    frame
}

/// The texts of a server's frames; nothing else may be among them.
pub fn texts(mut bytes: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while let [0x81, short, rest @ ..] = bytes {
        let (len, rest) = match (short, rest) {
            (126, [high, low, rest @ ..]) => (u16::from_be_bytes([*high, *low]).into(), rest),
            (127, [_, _, _, _, a, b, c, d, rest @ ..]) => {
                (usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap(), rest)
            }
            (short, rest) => ((*short).into(), rest),
        };
        texts.push(str::from_utf8(&rest[..len]).unwrap().to_owned());
        bytes = &rest[len..];
    }
    assert_eq!(bytes, b"", "no text frame");
    texts
}

pub fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
