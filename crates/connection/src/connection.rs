//! A connection's life: opening, the passing of time, and how it ends.
//!
//! ```text
//!  Open ── the peer breaks the protocol, or the server ends ──► Closing ── time is up ──┐
//!   │                                                             │ the peer has closed  │
//!   ├── the peer closes, or the response is over ──► Flushing ◄───┘                      │
//!   │                                                   │ all is sent                    │
//!   └── the peer is gone, silent or stalled ──────────► Ended ◄──────────────────────────┘
//! ```

use crate::{
    Dialect, Identity, Limits, Subscription, Time, Wire, Worker,
    attendance::Attendance,
    batch::Rest,
    socket::Socket,
    start::{self, Lost, in_words},
};
use std::{num::NonZeroU64, task::Waker};
use tidewire_broker::{Broker, Grant, Reader, WaiterId};
use tidewire_protocol::{GapView, ServerMessage};
use ws_frame::CloseCode;

/// One client connection.
///
/// In the order of its fields, so that what a delivery looks at lies in few cache lines: first what decides whether
/// there is anything to do but to deliver, last what is rarely looked at.
#[derive(Debug)]
#[repr(C)]
pub struct Connection {
    pub(crate) waiter: WaiterId,
    /// Since when the client has taken no byte of what waits for it.
    pub(crate) blocked_ms: Option<u64>,
    /// When something went out that a script could see.
    pub(crate) sent_ms: u64,
    pub(crate) heard_ms: u64,
    /// When a ping went out that nothing has answered.
    pub(crate) pinged_ms: Option<u64>,
    pub(crate) socket: Option<Box<Socket>>,
    pub(crate) phase: Phase,
    /// The server wants to end it.
    pub(crate) dismissal: Option<Box<Dismissal>>,
    /// A gap up to here was handed over, and nothing yet that says a place behind it.
    pub(crate) unplaced_to: Option<NonZeroU64>,
    /// How many bytes of `replies` are pings and pongs, which no script in a browser can see.
    pub(crate) unseen_bytes: usize,
    pub(crate) wire: Wire,
    pub(crate) is_heartbeat_due: bool,
    /// It has had its share of this turn: others first.
    pub(crate) is_spent: bool,
    /// It has lost something in a channel whose options then send readers away.
    pub(crate) is_too_slow: bool,
    /// What follows no cursor: openings, answers, heartbeats, closes.
    pub(crate) replies: Vec<u8>,
    /// The end of an item whose beginning has been sent.
    pub(crate) unsent: Option<Rest>,
    pub(crate) reader: Reader,
    /// Where it is told of, if anywhere it could be.
    pub(crate) attendance: Option<Box<Attendance>>,
}

/// A goodbye that waits until the client has been handed what was published before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dismissal {
    /// After which time the client is told to come back.
    retry_ms: u64,
    /// When it is said all the same, on the steady clock.
    by_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// A close has been said; the peer has until then to say its own.
    Closing {
        until_ms: u64,
        parting: Parting,
    },
    /// What is left to send goes out, and nothing else.
    Flushing(Parting),
    Ended(Parting),
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Parting {
    /// The client closed it, or vanished.
    Left,
    /// The server said goodbye.
    Dismissed,
    /// The client broke the protocol, or sent more of a message than the server could hold.
    Refused,
    /// The client answered no ping.
    Silent,
    /// The client took no bytes: for too long, or while too much waited for it.
    Stalled,
    /// Retention overtook the client, in a channel whose options then send it away.
    Overtaken,
}

/// What a client asked for in opening a connection.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The wire it came by.
    pub wire: Wire,
    /// What it follows from the start.
    pub subscriptions: Vec<Subscription>,
    /// What it may do.
    pub grant: Grant,
    /// Its number, which no other connection of this server has: by it are known the messages of
    /// which it wants no echo.
    pub number: NonZeroU64,
    /// Its name, for a WebSocket's welcome and where it is told of.
    pub connection: String,
    /// Who it says it is, for channels that tell who is there.
    pub identity: Identity,
    /// The server's version, likewise.
    pub version: &'static str,
}

impl Connection {
    /// A connection that has just been opened, with a waiter in the worker's lane.
    ///
    /// The same pattern twice counts once.
    pub fn open(opening: Opening, worker: &mut Worker, time: Time) -> Self {
        let Opening { wire, subscriptions, grant, number, connection, identity, version } = opening;
        let broker = &worker.broker;
        let attendance =
            Attendance::open(wire, &subscriptions, &connection, identity, &grant, broker, time);
        let mut this = Self {
            wire,
            waiter: worker.lane.register(),
            reader: Reader::default(),
            replies: Vec::new(),
            unseen_bytes: 0,
            unsent: None,
            phase: Phase::Open,
            socket: None,
            attendance,
            sent_ms: time.steady_ms,
            heard_ms: time.steady_ms,
            pinged_ms: None,
            blocked_ms: None,
            is_heartbeat_due: false,
            unplaced_to: None,
            is_spent: false,
            is_too_slow: false,
            dismissal: None,
        };
        let (_, mut gaps) = this.follow(&subscriptions, worker, time);
        let position = in_words(worker.broker.position(this.after(&worker.broker)));
        if let Wire::WebSocket(dialect) = wire {
            let grant = grant.of_connection();
            let socket = Socket::new(dialect, grant, number, &subscriptions, worker);
            this.socket = Some(Box::new(socket));
        }
        if wire == Wire::WebSocket(Dialect::Tidewire) {
            this.reader.mute(number);
            let heartbeat_ms = worker.limits.heartbeat_ms;
            let connection = &connection;
            this.say(&ServerMessage::Welcome { connection, version, heartbeat_ms, position });
        }
        // Gaps first: whoever is cut off behind the opening resumes from its place, and would never
        // hear of them.
        this.replies.append(&mut gaps);
        // Where a socket begins that follows nothing yet, its welcome says.
        if wire != Wire::WebSocket(Dialect::Tidewire) || !subscriptions.is_empty() {
            wire.write_opening(position, &worker.limits, &mut this.replies);
        }
        this
    }

    /// Follows more, and returns the offset behind which it is exact, and word of what is lost.
    pub(crate) fn follow(
        &mut self,
        subscriptions: &[Subscription],
        worker: &mut Worker,
        time: Time,
    ) -> (u64, Vec<u8>) {
        let (after, lost) =
            start::follow(subscriptions, self.waiter, &mut self.reader, worker, time);
        let mut gaps = Vec::new();
        for Lost { subscription: Subscription { pattern, place }, to } in &lost {
            let to = in_words(worker.broker.position(*to));
            let gap = GapView { channel: pattern.as_str(), from: &place.spelling(), to };
            self.wire.write_gap(&gap, &mut gaps);
        }
        (after, gaps)
    }

    /// Takes in that the client will send nothing more: what it is owed already still goes out.
    pub fn handle_end_of_input(&mut self) {
        if let Phase::Open = self.phase {
            self.phase = Phase::Flushing(Parting::Left);
        } else if let Phase::Closing { parting, .. } = self.phase {
            self.phase = Phase::Flushing(parting);
        }
    }

    /// Takes in that the client can be neither read from nor written to: it is gone.
    pub fn handle_gone(&mut self) {
        self.phase = match self.phase {
            Phase::Open => Phase::Ended(Parting::Left),
            Phase::Closing { parting, .. } | Phase::Flushing(parting) | Phase::Ended(parting) => {
                Phase::Ended(parting)
            }
        };
    }

    /// Takes in that time has passed, and that it is this connection's turn again.
    pub fn handle_time(&mut self, worker: &mut Worker, time: Time) {
        if std::mem::take(&mut self.is_spent) {
            self.resume_input(worker, time);
        }
        if self.is_too_slow {
            let (code, reason) = (CloseCode::TRY_AGAIN_LATER, "too slow; come back and resume");
            let retry_ms = worker.limits.retry_ms;
            self.send_away(code, reason, Parting::Overtaken, retry_ms, worker, time);
        }
        let now = time.steady_ms;
        if self.dismissal.as_ref().is_some_and(|dismissal| now >= dismissal.by_ms) {
            self.say_goodbye(worker, time);
        }
        let limits = &worker.limits;
        if self.blocked_ms.is_some_and(|since| now >= since.saturating_add(limits.stall_ms)) {
            self.phase = Phase::Ended(Parting::Stalled);
        }
        match self.phase {
            Phase::Closing { until_ms, parting } if now >= until_ms => {
                self.phase = Phase::Ended(parting);
            }
            Phase::Open => {
                self.is_heartbeat_due |= self.wire.has_heartbeat()
                    && now >= self.sent_ms.saturating_add(limits.heartbeat_ms);
                if self.wire.is_websocket() {
                    self.check_pulse(limits, now);
                }
            }
            _ => {}
        }
    }

    /// A silent WebSocket client is asked whether it is there, and given time to answer.
    fn check_pulse(&mut self, limits: &Limits, now: u64) {
        let silent_ms = now.saturating_sub(self.heard_ms);
        // One packet for the heartbeat and the ping wakes a phone once, not twice.
        let goes_along = self.is_heartbeat_due && silent_ms >= limits.heartbeat_ms / 2;
        match self.pinged_ms {
            // The ping itself may wait behind what the client takes slowly: then `stall_ms` decides.
            _ if self.blocked_ms.is_some() => {}
            Some(pinged_ms) if now >= pinged_ms.saturating_add(limits.pong_wait_ms) => {
                self.phase = Phase::Ended(Parting::Silent);
            }
            None if silent_ms >= limits.heartbeat_ms || goes_along => {
                self.pinged_ms = Some(now);
                let before = self.replies.len();
                // A ping of nothing always fits.
                ws_frame::encode_ping(b"", None, &mut self.replies).unwrap_or_default();
                self.unseen_bytes += self.replies.len() - before;
            }
            _ => {}
        }
    }

    /// When [`Connection::handle_time`] has to be called, on the steady clock.
    pub fn wake_at_ms(&self, limits: &Limits) -> u64 {
        let stall_ms = self.blocked_ms.map_or(NEVER, |since| since.saturating_add(limits.stall_ms));
        let close_ms = match self.phase {
            Phase::Open => self.dismissal.as_ref().map_or(NEVER, |dismissal| dismissal.by_ms),
            Phase::Closing { until_ms, .. } => until_ms,
            Phase::Flushing(_) | Phase::Ended(_) => NEVER,
        };
        let until_ms = stall_ms.min(close_ms);
        // Whoever takes no bytes, or has more to take, is asked nothing and needs no heartbeat.
        if self.phase != Phase::Open || self.blocked_ms.is_some() {
            return until_ms;
        }
        let pulse_ms = match self.pinged_ms {
            _ if !self.wire.is_websocket() => NEVER,
            Some(pinged_ms) => pinged_ms.saturating_add(limits.pong_wait_ms),
            None => self.heard_ms.saturating_add(limits.heartbeat_ms),
        };
        let beats = self.wire.has_heartbeat() && !self.is_heartbeat_due;
        let beat_ms = if beats { self.sent_ms.saturating_add(limits.heartbeat_ms) } else { NEVER };
        until_ms.min(pulse_ms).min(beat_ms)
    }

    /// Has it say goodbye once all that the lane has settled is handed over, or at the latest after
    /// `grace_ms`: the client is told to come back after `retry_ms`.
    ///
    /// A memory engine takes with it what it holds, so whoever keeps up misses nothing of it; a client
    /// far behind could hold up the server's end for as long as it likes.
    pub fn dismiss(&mut self, retry_ms: u64, grace_ms: u64, time: Time) {
        let by_ms = time.steady_ms.saturating_add(grace_ms);
        self.dismissal.get_or_insert_with(|| Box::new(Dismissal { retry_ms, by_ms }));
    }

    /// Says the goodbye that waits, if any does.
    pub(crate) fn say_goodbye(&mut self, worker: &Worker, time: Time) {
        if let Some(Dismissal { retry_ms, .. }) = self.dismissal.as_deref().copied() {
            let (code, reason) = (CloseCode::GOING_AWAY, "the server is going away");
            self.send_away(code, reason, Parting::Dismissed, retry_ms, worker, time);
        }
    }

    pub(crate) fn send_away(
        &mut self,
        code: CloseCode,
        reason: &str,
        parting: Parting,
        retry_ms: u64,
        worker: &Worker,
        time: Time,
    ) {
        if self.phase != Phase::Open {
            return;
        }
        if !self.wire.is_websocket() {
            self.wire.write_ending(retry_ms, &mut self.replies);
            self.phase = Phase::Flushing(parting);
            return;
        }
        if self.wire == Wire::WebSocket(Dialect::Tidewire) {
            self.say(&ServerMessage::Goodbye { code: code.number(), retry_ms: Some(retry_ms) });
        }
        self.say_close(code, reason, parting, worker, time);
    }

    /// Its waiter in the worker's lane.
    pub fn waiter(&self) -> WaiterId {
        self.waiter
    }

    /// Whether the client has taken no byte since it was last given some.
    pub fn is_blocked(&self) -> bool {
        self.blocked_ms.is_some()
    }

    /// Whether it is over, and how.
    pub fn parting(&self) -> Option<Parting> {
        match self.phase {
            Phase::Ended(parting) => Some(parting),
            _ => None,
        }
    }

    /// Whether a client that broke the rules has been told so, and will be told nothing more.
    ///
    /// Then the sending side of the socket ends, and what still comes is passed over until the
    /// client ends its own: to hang up on bytes unread may take the close frame from it.
    pub fn has_said_all(&self) -> bool {
        matches!(self.phase, Phase::Closing { parting: Parting::Refused, .. })
            && self.unsent.is_none()
            && self.replies.is_empty()
    }

    /// Lets the connection's task wait: `waker` is woken by news, unless the client takes no
    /// bytes, and when [`Connection::handle_time`] has to be called.
    pub fn park(&self, worker: &mut Worker, waker: &Waker) {
        if self.is_spent {
            waker.wake_by_ref();
        }
        let until_ms = Some(self.wake_at_ms(&worker.limits));
        if self.blocked_ms.is_some() || self.phase != Phase::Open {
            worker.lane.park(self.waiter, waker, until_ms);
        } else {
            worker.lane.sleep(self.waiter, waker, until_ms);
        }
    }

    /// Gives up the waiter.
    pub fn leave(self, worker: &mut Worker) {
        let Self { waiter, reader, .. } = self;
        // First the reader, which holds on to its channels.
        drop(reader);
        worker.lane.remove(waiter);
    }

    /// The offset up to which everything was handed over.
    pub(crate) fn after(&self, broker: &Broker) -> u64 {
        self.reader.after().unwrap_or_else(|| broker.head())
    }

    pub(crate) fn say(&mut self, message: &ServerMessage<'_>) {
        let mut json = Vec::new();
        message.write_json(&mut json);
        self.wire.write_text(&json, &mut self.replies);
    }

    pub(crate) fn say_close(
        &mut self,
        code: ws_frame::CloseCode,
        reason: &str,
        parting: Parting,
        worker: &Worker,
        time: Time,
    ) {
        // Every reason we give is short enough; without one the code still says most.
        debug_assert!(reason.len() <= CLOSE_REASON_BYTES_MAX, "{reason}");
        let reason = reason.get(..CLOSE_REASON_BYTES_MAX).unwrap_or(reason);
        let close = ws_frame::Close { code, reason };
        ws_frame::encode_close(Some(close), None, &mut self.replies).unwrap_or_default();
        let until_ms = time.steady_ms.saturating_add(worker.limits.close_wait_ms);
        self.phase = Phase::Closing { until_ms, parting };
    }
}

/// What a close frame holds beside its code ([RFC 6455 §5.5]).
///
/// [RFC 6455 §5.5]: https://www.rfc-editor.org/rfc/rfc6455#section-5.5
const CLOSE_REASON_BYTES_MAX: usize = 123;

/// The time that never comes.
const NEVER: u64 = u64::MAX;
