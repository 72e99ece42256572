//! A connection's life: opening, the passing of time, and how it ends.
//!
//! ```text
//!  Open ── the peer breaks the protocol, or the server ends ──► Closing ── time is up ──┐
//!   │                                                             │ the peer has closed  │
//!   ├── the peer closes, or the response is over ──► Flushing ◄───┘                      │
//!   │                                                   │ all is sent                    │
//!   └── the peer is gone, silent or stalled ──────────► Ended ◄──────────────────────────┘
//! ```

mod inbound;
mod presence_guard;

mod commands;
mod credentials;
mod grants;
mod held;
mod input;
mod timers;
mod transmit;

use self::{inbound::Inbound, presence_guard::PresenceGuard};
use crate::{
    CloseReason, Dialect, Encoding, Ending, GapNotice, Identity, Input, Opened, Profile,
    Subscription, Time, Worker,
    batch::UnsentTail,
    subscription::{self, Permitted},
};
use std::{num::NonZeroU64, task::Waker};
use tidewire_broker::{Broker, Forbidden, Grant, Pattern, Position, Reader, WaiterId};

/// One client connection.
///
/// In the order of its fields, so that what a delivery looks at lies in few cache lines: first what decides whether
/// there is anything to do but to deliver, last what is rarely looked at.
#[derive(Debug)]
#[repr(C)]
pub struct Connection {
    waiter: WaiterId,
    /// Since when the client has taken no byte of what waits for it.
    blocked_ms: Option<u64>,
    /// When something went out that a script could see.
    sent_ms: u64,
    received_ms: u64,
    /// When a ping went out that nothing has answered.
    pinged_ms: Option<u64>,
    /// What the client has sent, if it can send anything.
    inbound: Option<Box<Inbound>>,
    phase: Phase,
    /// When the server wants to end it, if it knows already.
    planned_end: Option<Box<PlannedEnd>>,
    /// A gap notice up to here was sent, and nothing yet with a position after it.
    unplaced_to: Option<NonZeroU64>,
    /// How many bytes of `replies` are pings and pongs, which no script in a browser can see.
    unseen_bytes: usize,
    /// How its messages are written; this and the next two are its dialect's.
    encoding: &'static Encoding,
    input: Input,
    has_heartbeat: bool,
    is_heartbeat_due: bool,
    /// It has had its share of this turn: others first.
    is_spent: bool,
    /// How often it has subscribed or unsubscribed since it last had its share.
    subscribed: u8,
    /// It has lost something in a channel whose options then send readers away.
    is_too_slow: bool,
    /// It has not come to the head yet since it began to follow from an earlier place.
    is_replaying: bool,
    /// What follows no cursor: openings, answers, heartbeats, closes.
    replies: Vec<u8>,
    /// The end of an item whose beginning has been sent.
    unsent: Option<Box<UnsentTail>>,
    reader: Reader,
    /// The channels of which it is a member, if it could be one of any.
    presence: Option<Box<PresenceGuard>>,
    /// What its client speaks. A delivery does not look at it.
    dialect: Box<dyn Dialect>,
}

/// When the server wants to end a connection, and why. Apart, as most connections have none.
#[derive(Clone, Copy, Debug, Default)]
struct PlannedEnd {
    /// When the client's grant expires, on the steady clock.
    expiry_ms: Option<u64>,
    /// When the client is to be notified of that, if it was not yet; before `expiry_ms`.
    notice_ms: Option<u64>,
    /// The client may do nothing, and has to authenticate.
    grant_wait: Option<GrantWait>,
    dismissal: Option<Dismissal>,
}

/// What a client has left that may do nothing before it authenticates.
#[derive(Clone, Copy, Debug)]
struct GrantWait {
    /// By when it has to, on the steady clock.
    by_ms: u64,
    /// What it may still send until then.
    input_bytes_left: usize,
}

/// A goodbye that waits until the client has been handed what was published before it.
#[derive(Clone, Copy, Debug)]
struct Dismissal {
    /// After which time the client is asked to reconnect.
    retry_ms: u64,
    /// When it is said all the same, on the steady clock.
    by_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// A close has been said; the peer has until then to say its own.
    Closing {
        until_ms: u64,
        reason: CloseReason,
    },
    /// What is left to send goes out, and nothing else.
    Flushing(CloseReason),
    Ended(CloseReason),
}

/// What a client asked for in opening a connection.
#[derive(Debug)]
pub struct Opening {
    /// What it speaks; [`crate::Wire::dialect`] makes one.
    pub dialect: Box<dyn Dialect>,
    /// What it follows from the start.
    pub subscriptions: Vec<Subscription>,
    /// What it may do.
    pub grant: Grant,
    /// Its number, which no other connection of this server has: by it are known the messages of
    /// which it wants no echo.
    pub number: NonZeroU64,
    /// Its name, for its welcome and as a member of channels.
    pub connection: String,
    /// Who it says it is, for channels that have presence.
    pub identity: Identity,
    /// The server's version, likewise.
    pub version: &'static str,
    /// By which secret name the client reaches the connection from outside, to renew its grant; the start says it.
    pub renewal_id: Option<String>,
}

impl Connection {
    /// A connection that has just been opened, with a waiter in the worker's lane.
    ///
    /// The same pattern twice counts once.
    ///
    /// # Errors
    ///
    /// The grant has expired, or does not cover one of the subscriptions or where it begins. Then nothing has changed in the worker.
    pub fn open(opening: Opening, worker: &mut Worker, time: Time) -> Result<Self, Forbidden> {
        let Opening { dialect, subscriptions, grant, number, connection, identity, .. } = opening;
        let (version, renewal_id) = (opening.version, opening.renewal_id);
        grant.check_expiry(time.wall_ms)?;
        let (permitted, expires_ms) =
            (subscription::permit(&subscriptions, &grant, time)?, grant.expires_ms());
        let (Profile { encoding, input, has_heartbeat }, broker) =
            (dialect.profile(), &worker.broker);
        let presence =
            PresenceGuard::open(input, &subscriptions, &connection, identity, &grant, broker, time);
        let has_to_authenticate = input == Input::Commands && grant.is_empty();
        let inbound =
            input.is_some().then(|| Box::new(Inbound::new(grant.of_connection(), number)));
        let mut this = Self {
            encoding,
            input,
            has_heartbeat,
            waiter: worker.lane.register(),
            reader: Reader::default(),
            replies: Vec::new(),
            unseen_bytes: 0,
            unsent: None,
            phase: Phase::Open,
            inbound,
            presence,
            sent_ms: time.steady_ms,
            received_ms: time.steady_ms,
            pinged_ms: None,
            blocked_ms: None,
            is_heartbeat_due: false,
            unplaced_to: None,
            is_spent: false,
            subscribed: 0,
            is_too_slow: false,
            is_replaying: false,
            planned_end: None,
            dialect,
        };
        this.plan_expiry(expires_ms, &worker.limits, time);
        if has_to_authenticate {
            this.await_grant(worker, time);
        }
        let (_, mut gaps) = this.follow(&permitted, worker);
        let Worker { broker, limits, .. } = worker;
        let position = broker.position(this.after(broker));
        let (connection, subscriptions) = (&*connection, &*subscriptions);
        let renewal_id = renewal_id.as_deref();
        let opened =
            Opened { connection, version, subscriptions, position, renewal_id, broker, limits };
        this.dialect.open(&opened, &mut this.replies);
        // Gap notices first: a client that is cut off after the opening resumes from its position, and would never
        // receive them.
        this.replies.append(&mut gaps);
        this.dialect.write_start(&opened, &mut this.replies);
        Ok(this)
    }

    /// Follows more, and returns the offset after which it is exact, and word of what is lost.
    fn follow(&mut self, permitted: &[Permitted<'_>], worker: &mut Worker) -> (u64, Vec<u8>) {
        let Worker { broker, lane, metrics, .. } = worker;
        let log = (&*broker, lane);
        let before = self.subscriptions();
        let (after, lost) = subscription::follow(permitted, self.waiter, &mut self.reader, log);
        metrics.subscriptions.add(self.subscriptions() - before);
        metrics.unknown_gaps.add(u64::try_from(lost.len()).unwrap_or(u64::MAX));
        self.is_replaying |= permitted.iter().any(Permitted::replays);
        let mut gaps = Vec::new();
        for start in &lost {
            self.dialect.write_gap(&GapNotice::of_start(start, broker), &mut gaps);
        }
        (after, gaps)
    }

    /// Takes in that the client will send nothing more: what it is owed already still goes out.
    pub fn handle_end_of_input(&mut self) {
        if let Phase::Open = self.phase {
            self.phase = Phase::Flushing(CloseReason::Left);
        } else if let Phase::Closing { reason, .. } = self.phase {
            self.phase = Phase::Flushing(reason);
        }
    }

    /// Takes in that the client can be neither read from nor written to: it is gone.
    pub fn handle_gone(&mut self) {
        self.phase = match self.phase {
            Phase::Open => Phase::Ended(CloseReason::Left),
            Phase::Closing { reason, .. } | Phase::Flushing(reason) | Phase::Ended(reason) => {
                Phase::Ended(reason)
            }
        };
    }

    /// Ends it for a reason that is not the client's, which `ending` makes of its position: it gets that, where its dialect has
    /// room for it, and the time after which to come back. It is a member of nothing from now on, and nothing more is delivered.
    ///
    /// Not to be called between [`Connection::poll_transmit`] and [`Connection::handle_transmitted`].
    pub fn disconnect(
        &mut self,
        ending: impl FnOnce(Position) -> Ending<'static>,
        retry_ms: u64,
        worker: &Worker,
        time: Time,
    ) {
        // After what is half sent, which goes out first.
        let Worker { broker, lane, .. } = worker;
        let reached = self.reader.reached(broker, lane.quiet_to(self.waiter));
        let ending = ending(broker.position(reached));
        if self.phase == Phase::Open && self.has_heartbeat && ending.goodbye(retry_ms).is_none() {
            let position = broker.position(reached);
            self.dialect.write_heartbeat(position, &worker.limits, &mut self.replies);
        }
        self.end(&ending, retry_ms, worker, time);
        self.presence = None;
    }

    /// Says why it ends, and lets the client say its own last words where it has some.
    fn end(&mut self, ending: &Ending<'_>, retry_ms: u64, worker: &Worker, time: Time) {
        if self.phase != Phase::Open {
            return;
        }
        self.dialect.write_ending(ending, retry_ms, &mut self.replies);
        let reason = ending.close_reason();
        self.phase = if self.input.is_some() {
            Phase::closing(reason, worker, time)
        } else {
            Phase::Flushing(reason)
        };
    }

    /// Its waiter in the worker's lane.
    pub fn waiter(&self) -> WaiterId {
        self.waiter
    }

    /// How many channels and patterns it follows.
    pub fn subscriptions(&self) -> u64 {
        u64::try_from(self.reader.patterns().count()).unwrap_or(u64::MAX)
    }

    /// What it follows.
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.reader.patterns()
    }

    /// The offset up to which its client has been handed everything that it follows.
    ///
    /// Unlike the position of a heartbeat, this is the head for a client to which nothing is owed. Of a message that is
    /// partly handed over it is before.
    pub fn reached(&self, worker: &Worker) -> u64 {
        let Worker { broker, lane, .. } = worker;
        match self.unsent {
            Some(_) => self.after(broker).saturating_sub(1),
            None => self.reader.reached(broker, lane.quiet_to(self.waiter)),
        }
    }

    /// Whether the client has taken no byte since it was last given some.
    pub fn is_blocked(&self) -> bool {
        self.blocked_ms.is_some()
    }

    /// Whether it is over, and how.
    pub fn close_reason(&self) -> Option<CloseReason> {
        match self.phase {
            Phase::Ended(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether it goes on: its end was neither said nor reached.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether everything was sent to a client that broke the rules, including the reason.
    ///
    /// Then the sending side of the socket ends, and input is ignored until the client ends its own side: if a socket is
    /// closed with unread input, the client may lose the close frame.
    pub fn has_said_all(&self) -> bool {
        matches!(self.phase, Phase::Closing { reason: CloseReason::Refused, .. })
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
        worker.metrics.ended.add(self.close_reason());
        worker.metrics.subscriptions.subtract(self.subscriptions());
        let Self { waiter, reader, .. } = self;
        // First the reader, which holds on to its channels.
        drop(reader);
        worker.lane.remove(waiter);
    }

    /// The offset up to which everything was handed over.
    fn after(&self, broker: &Broker) -> u64 {
        self.reader.after().unwrap_or_else(|| broker.head())
    }
}

impl Phase {
    fn closing(reason: CloseReason, worker: &Worker, time: Time) -> Self {
        let until_ms = time.steady_ms.saturating_add(worker.limits.close_wait_ms);
        Self::Closing { until_ms, reason }
    }
}
