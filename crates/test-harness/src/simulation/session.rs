//! The server's end of one connection: drives the state machine as a worker's task would.
//!
//! It runs only when something has happened to it, so that a wake-up which is missing shows.

use super::{
    engine_under_test::EngineUnderTest, history::History, link::Pipe, model_outcome::Source,
    request::Request, session_grant::SessionGrant, tally::Tally,
};
use fastrand::Rng;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};
use tidewire_broker::{Grant, Publishing};
use tidewire_connection::{
    CloseReason, Connection, Format, Limits, LongPoll, PendingPublish, Refusal, Time, Worker,
};
use tidewire_protocol::ErrorCode;

/// One connection at the server, and the link to its client.
pub(crate) struct Session {
    pub(crate) worker: usize,
    pub(crate) core: Core,
    pub(crate) down: Pipe,
    pub(crate) up: Pipe,
    pub(crate) alarm: Arc<Alarm>,
    pub(crate) is_websocket: bool,
    pub(crate) grant: SessionGrant,
    /// What of the response head has still to be written.
    head: Vec<u8>,
    /// A publish that the engine has not answered; nothing more is read until it has.
    publishing: Option<(Option<u64>, Publishing)>,
    /// Since when the client has taken nothing of what waits for it.
    blocked_ms: Option<u64>,
    /// When the client last said something, or took what had been waiting for it.
    alive_ms: u64,
    /// How often in a row it wanted to run again at once.
    restless_turns: u32,
}

pub(crate) enum Core {
    /// The request is on its way.
    Asked(Box<Request>),
    Live(Box<Connection>),
    Poll(Box<LongPoll>),
    /// What of a poll's answer has still to be written.
    Answering(Vec<u8>),
    Over,
}

/// Notes that a task is to run.
#[derive(Debug, Default)]
pub(crate) struct Alarm(AtomicBool);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Alarm {
    pub(crate) fn ring(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// What a session has at hand while it runs.
pub(crate) struct SessionContext<'a> {
    pub(crate) worker: &'a mut Worker,
    pub(crate) engine: &'a EngineUnderTest,
    pub(crate) history: &'a mut History,
    pub(crate) rng: &'a mut Rng,
    pub(crate) tally: &'a mut Tally,
    pub(crate) time: Time,
}

impl Session {
    pub(crate) fn new(
        worker: usize,
        request: Request,
        is_websocket: bool,
        down: Pipe,
        up: Pipe,
        now_ms: u64,
    ) -> Self {
        Self {
            worker,
            core: Core::Asked(Box::new(request)),
            down,
            up,
            alarm: Arc::default(),
            is_websocket,
            grant: SessionGrant::default(),
            head: Vec::new(),
            publishing: None,
            blocked_ms: None,
            alive_ms: now_ms,
            restless_turns: 0,
        }
    }

    /// The request has arrived, and `core` is what it asked for; `head` is what answers it first.
    pub(crate) fn begin(&mut self, core: Core, head: &[u8], now_ms: u64) {
        (self.core, self.head, self.alive_ms) = (core, head.to_vec(), now_ms);
        self.alarm.ring();
    }

    /// Whether its client receives nothing from it any more, and does not know.
    pub(crate) fn is_dead(&self) -> bool {
        let is_deaf = self.is_websocket && self.up.swallows_since_ms.is_some();
        self.down.swallows_since_ms.is_some() || is_deaf
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.core, Core::Over)
    }

    /// Runs if there is a reason to, and says whether there was.
    pub(crate) fn drive(&mut self, context: &mut SessionContext<'_>) -> Result<bool, String> {
        let now_ms = context.time.steady_ms;
        let may_read = match &self.core {
            Core::Asked(_) => return Ok(false),
            Core::Live(connection) => {
                self.publishing.is_none() && connection.wants_input(context.worker)
            }
            _ => true,
        };
        let has_input = may_read && (self.up.has_arrivals(now_ms) || self.up.is_at_end(now_ms));
        let may_write = self.blocked_ms.is_some() && self.down.has_room();
        let is_head_stuck = self.is_head_stuck(&context.worker.limits, now_ms);
        if !self.alarm.take() && !has_input && !may_write && !is_head_stuck {
            return Ok(false);
        }
        match std::mem::replace(&mut self.core, Core::Over) {
            Core::Live(connection) => self.drive_live(connection, context)?,
            Core::Poll(poll) => self.drive_poll(poll, context),
            Core::Answering(answer) => self.answer(answer, context),
            Core::Asked(_) | Core::Over => {}
        }
        Ok(true)
    }

    /// Whether the client has gone, or taken nothing for long, before it has read the whole head.
    fn is_head_stuck(&self, limits: &Limits, now_ms: u64) -> bool {
        let is_late = |since_ms: u64| since_ms + limits.stall_ms <= now_ms;
        !self.head.is_empty() && (self.down.is_ended || self.blocked_ms.is_some_and(is_late))
    }

    /// Writes the head; until it is out, nothing is read and nothing else is written.
    fn write_head(&mut self, context: &mut SessionContext<'_>) -> bool {
        let now_ms = context.time.steady_ms;
        let written = self.down.write(&self.head, now_ms, context.rng);
        self.head.drain(..written);
        self.blocked_ms = (!self.head.is_empty())
            .then(|| self.blocked_ms.filter(|_| written == 0).unwrap_or(now_ms));
        self.head.is_empty()
    }

    fn drive_live(
        &mut self,
        mut connection: Box<Connection>,
        context: &mut SessionContext<'_>,
    ) -> Result<(), String> {
        if !self.head.is_empty() && !self.write_head(context) {
            if self.is_head_stuck(&context.worker.limits, context.time.steady_ms) {
                // Its socket is never taken: the place and the waiter are given back.
                context.tally.heads_unread += 1;
                connection.leave(context.worker);
                self.down.is_ended = true;
            } else {
                self.core = Core::Live(connection);
            }
            return Ok(());
        }
        connection.handle_time(context.worker, context.time);
        for round in 0.. {
            if round > ROUNDS_MAX {
                return Err("a connection has ever more to read".to_owned());
            }
            let has_read = self.read(&mut connection, context)?;
            self.write(&mut connection, context)?;
            if !has_read || connection.close_reason().is_some() {
                break;
            }
        }
        if let Some(reason) = connection.close_reason() {
            if reason == CloseReason::Expired && self.grant.last.is_none() {
                return Err(format!("ended before its grant: {:?}", self.grant));
            }
            count(reason, context.tally);
            connection.leave(context.worker);
            self.down.is_ended = true;
            return Ok(());
        }
        let is_restless = connection.wake_at_ms(&context.worker.limits) <= context.time.steady_ms;
        self.restless_turns = if is_restless { self.restless_turns + 1 } else { 0 };
        if self.restless_turns > RESTLESS_TURNS_MAX {
            return Err("a connection never comes to rest".to_owned());
        }
        connection.park(context.worker, &Arc::clone(&self.alarm).into());
        self.core = Core::Live(connection);
        Ok(())
    }

    /// Reads once; false if there was nothing or nothing is wanted.
    fn read(
        &mut self,
        connection: &mut Connection,
        context: &mut SessionContext<'_>,
    ) -> Result<bool, String> {
        let now_ms = context.time.steady_ms;
        if !self.publish(connection, context)? {
            return Ok(false);
        }
        if !connection.wants_input(context.worker) {
            context.tally.floods += u64::from(self.up.has_arrivals(now_ms));
            return Ok(false);
        }
        let mut input = self.up.read(context.rng.usize(1..=INPUT_BYTES_MAX), now_ms);
        if input.is_empty() {
            if self.up.is_at_end(now_ms) {
                connection.handle_end_of_input();
            }
            return Ok(false);
        }
        self.alive_ms = now_ms;
        connection.handle_input(&mut input, context.worker, context.time);
        self.publish(connection, context)?;
        // The answer that passes the limit, and a request of which only so much has arrived.
        let (limits, payload_bytes_max) =
            (&context.worker.limits, context.history.payload_bytes_max);
        let answer_bytes = 3 * (limits.gather_bytes_max + payload_bytes_max);
        let request_bytes = 2 * payload_bytes_max + REQUEST_OVERHEAD_BYTES;
        let held_max =
            limits.replies_bytes_max + answer_bytes + request_bytes + 2 * INPUT_BYTES_MAX;
        if connection.held_bytes() > held_max {
            return Err(format!("{} bytes held, over {held_max}", connection.held_bytes()));
        }
        Ok(true)
    }

    fn write(
        &mut self,
        connection: &mut Connection,
        context: &mut SessionContext<'_>,
    ) -> Result<(), String> {
        if self.down.is_ended && self.up.is_ended {
            // Cut both ways: the socket says so as soon as it is written to.
            connection.handle_gone();
        }
        if self.blocked_ms.is_some() && !self.down.has_room() {
            return Ok(());
        }
        let (now_ms, waker) = (context.time.steady_ms, Arc::clone(&self.alarm).into());
        for batches in 0.. {
            if batches > ROUNDS_MAX {
                return Err("a connection has ever more to write".to_owned());
            }
            if !connection.poll_transmit(context.worker, context.time, &waker) {
                break;
            }
            let batch = &context.worker.batch;
            let bytes = match batch.contiguous() {
                Some(bytes) => bytes.to_vec(),
                None => {
                    let mut bytes = Vec::with_capacity(batch.len());
                    let slices = batch.slices(&context.worker.broker);
                    slices.iter().for_each(|slice| bytes.extend_from_slice(slice));
                    bytes
                }
            };
            if bytes.len() != batch.len() {
                return Err(format!("a batch of {} bytes has {}", batch.len(), bytes.len()));
            }
            let written = self.down.write(&bytes, now_ms, context.rng);
            connection.handle_transmitted(written, context.worker, context.time);
            self.publish(connection, context)?;
            if written > 0 && self.blocked_ms.take().is_some() {
                self.alive_ms = now_ms;
            }
            if written < bytes.len() {
                self.blocked_ms.get_or_insert(now_ms);
                return Ok(());
            }
            // As the server does: nobody asks a second time where this says that there is nothing.
            if !connection.may_transmit(context.worker) {
                break;
            }
        }
        Ok(())
    }

    fn drive_poll(&mut self, mut poll: Box<LongPoll>, context: &mut SessionContext<'_>) {
        if self.up.is_at_end(context.time.steady_ms) {
            poll.leave(context.worker);
            self.down.is_ended = true;
        } else if let Some(answer) =
            poll.poll_answer(context.worker, context.time, &Arc::clone(&self.alarm).into())
        {
            poll.leave(context.worker);
            let Ok(page) = answer else {
                context.tally.grants_expired += 1;
                self.down.is_ended = true;
                return;
            };
            context.tally.polls_timed_out += u64::from(page.is_empty());
            let mut answer = Vec::new();
            page.write_json(Format::Json, &context.worker.broker, &mut answer);
            self.answer(answer, context);
        } else {
            poll.park(context.worker, &Arc::clone(&self.alarm).into());
            self.core = Core::Poll(poll);
        }
    }

    fn answer(&mut self, mut answer: Vec<u8>, context: &mut SessionContext<'_>) {
        let written = self.down.write(&answer, context.time.steady_ms, context.rng);
        answer.drain(..written);
        let is_gone = self.up.is_at_end(context.time.steady_ms);
        if answer.is_empty() || is_gone {
            self.down.is_ended = true;
        } else {
            self.blocked_ms = Some(context.time.steady_ms);
            self.core = Core::Answering(answer);
        }
    }

    /// Publishes what the client has asked for; true once all of it is answered.
    fn publish(
        &mut self,
        connection: &mut Connection,
        context: &mut SessionContext<'_>,
    ) -> Result<bool, String> {
        self.authenticate(connection, context);
        let waker = Waker::from(Arc::clone(&self.alarm));
        loop {
            let (id, mut publishing) = match self.publishing.take() {
                Some(waiting) => waiting,
                None => {
                    let Some(PendingPublish { id, permit, draft }) = connection.poll_publish()
                    else {
                        return Ok(true);
                    };
                    context.tally.client_publishes += 1;
                    let now_ms = context.time.wall_ms;
                    let (engine, draft) = (context.engine, (draft, Source::Connection));
                    (id, engine.publish(permit, draft, now_ms, context.history, context.tally)?)
                }
            };
            match Pin::new(&mut publishing).poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(outcome) => connection.handle_published(
                    id,
                    outcome.map_err(Refusal::from),
                    context.worker,
                    context.time,
                ),
                Poll::Pending => {
                    self.publishing = Some((id, publishing));
                    return Ok(false);
                }
            }
        }
    }

    /// Answers the token that its client has shown, if it has: the text says for how long it is good.
    fn authenticate(&mut self, connection: &mut Connection, context: &mut SessionContext<'_>) {
        let Some(pending) = connection.poll_credential() else { return };
        let left_ms = pending.credential.reveal().parse::<u64>();
        let outcome = match (left_ms, self.grant.expires_ms) {
            (Err(_), _) => Err(Refusal::InvalidCredential {
                code: ErrorCode::Unauthorized,
                reason: "it is forged".into(),
            }),
            (Ok(left_ms), Some(_)) => Ok(SessionGrant::ending(left_ms, context.time)),
            // One without an end keeps it, so that a world at rest stays at rest.
            (Ok(_), None) => Ok((SessionGrant::default(), Grant::open())),
        };
        let outcome = outcome.map(|(granted, grant)| {
            self.grant = granted;
            context.tally.grants_renewed += 1;
            grant
        });
        connection.handle_authenticated(outcome, context.worker, context.time);
    }

    /// What the server should have ended by now.
    pub(crate) fn overdue(&self, worker: &Worker, now_ms: u64, slack_ms: u64) -> Option<String> {
        let Core::Live(connection) = &self.core else { return None };
        let limits = &worker.limits;
        let is_past = |since_ms: u64, wait_ms: u64| since_ms + wait_ms + slack_ms < now_ms;
        let held = connection.held_bytes();
        if self.blocked_ms.is_some_and(|since_ms| is_past(since_ms, limits.stall_ms))
            && !self.down.has_room()
        {
            return Some(format!("a stalled client is kept, with {held} bytes"));
        }
        let is_over = |expires_ms: u64| is_past(expires_ms, limits.close_wait_ms);
        if self.blocked_ms.is_none() && self.grant.expires_ms.is_some_and(is_over) {
            return Some(format!("a client is kept after its grant, with {held} bytes"));
        }
        let pulse_ms = limits.heartbeat_ms + limits.pong_wait_ms + limits.close_wait_ms;
        if self.is_websocket && self.blocked_ms.is_none() && is_past(self.alive_ms, pulse_ms) {
            return Some(format!("a silent client is kept, with {held} bytes"));
        }
        None
    }
}

fn count(reason: CloseReason, tally: &mut Tally) {
    *match reason {
        CloseReason::Left => &mut tally.closed,
        // No operator is in the simulated world.
        CloseReason::Dismissed | CloseReason::Disconnected => &mut tally.dismissed,
        CloseReason::Refused => &mut tally.broke_protocol,
        CloseReason::Silent => &mut tally.silent,
        CloseReason::Stalled => &mut tally.stalled,
        CloseReason::Overtaken => &mut tally.overtaken,
        CloseReason::Expired
        | CloseReason::Revoked
        | CloseReason::Withdrawn
        | CloseReason::Unauthenticated => &mut tally.grants_expired,
    } += 1;
}

/// The receive buffer of a worker.
const INPUT_BYTES_MAX: usize = 4 << 10;

/// What a request may have besides its payload.
const REQUEST_OVERHEAD_BYTES: usize = 4 << 10;

/// More turns than there is input or output for in any world.
const RESTLESS_TURNS_MAX: u32 = 2_000;

/// Reads or batches in a row; far more than any world has to give.
const ROUNDS_MAX: usize = 100_000;
