//! What one worker thread's tasks share: its lane, its buffers, its clock, the engine.

use crate::{clock::Clock, gate::Gate};
use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tidewire_broker::{Broker, Engine, Lane};
use tidewire_connection::{Limits, Worker};
use tidewire_engine_log::LogEngine;
use tokio::{task::yield_now, time::MissedTickBehavior};

/// One to a worker thread, behind an `Rc`.
pub(crate) struct Desk {
    pub(crate) worker: RefCell<Worker>,
    /// Every connection reads into this; it keeps only what is unfinished.
    pub(crate) receive: RefCell<Box<[u8]>>,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) broker: Broker,
    pub(crate) clock: Clock,
    pub(crate) gate: Gate,
    pub(crate) limits: Limits,
    pub(crate) house: House,
    pub(crate) is_leaving: Cell<bool>,
}

/// What the routes need to know that connections do not.
#[derive(Clone, Debug)]
pub(crate) struct House {
    /// The largest body of a batch, in bytes.
    pub(crate) batch_bytes_max: usize,
    /// How long a request body may take to arrive.
    pub(crate) body_wait: Duration,
    /// How long a long-poll may wait.
    pub(crate) poll_wait_max: Duration,
    /// How long a client may take to hear what was published before the server says goodbye.
    pub(crate) goodbye_wait_ms: u64,
    /// The log on disk, if it is there.
    pub(crate) log: Option<Arc<LogEngine>>,
}

impl Desk {
    pub(crate) fn new(
        broker: Broker,
        lane: Lane,
        engine: Arc<dyn Engine>,
        gate: Gate,
        limits: Limits,
        house: House,
    ) -> Self {
        Self {
            worker: RefCell::new(Worker::new(broker.clone(), lane, limits)),
            receive: RefCell::new(vec![0; RECEIVE_BYTES].into_boxed_slice()),
            engine,
            broker,
            clock: Clock::start(),
            gate,
            limits,
            house,
            is_leaving: Cell::new(false),
        }
    }

    /// Wakes this worker's sleepers when they are due: in batches, between which those woken run,
    /// and what is published meanwhile goes along.
    ///
    /// The lane tells one task, so this is the only one that asks it.
    pub(crate) async fn run_lane(&self) {
        loop {
            poll_fn(|context| self.poll_news(context)).await;
            while self.worker.borrow_mut().lane.wake(WAKE_BATCH) {
                yield_now().await;
                poll_fn(|context| Poll::Ready(self.poll_news(context))).await.is_ready();
            }
        }
    }

    /// Makes sleepers due when their time has come.
    pub(crate) async fn run_clock(&self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.ring(self.clock.now().steady_ms);
        }
    }

    /// Has every connection say goodbye once the gate says that it is time to leave.
    pub(crate) async fn run_leaving(&self) {
        self.gate.left().await;
        self.is_leaving.set(true);
        // Also has the lane settle all that was published, which the goodbyes come after.
        self.ring(u64::MAX);
    }

    fn ring(&self, now_ms: u64) {
        self.worker.borrow_mut().lane.ring(now_ms);
    }

    fn poll_news(&self, context: &mut Context<'_>) -> Poll<()> {
        self.worker.borrow_mut().lane.poll_news(context)
    }
}

/// One read's worth of input: what a busy socket holds, once a worker.
const RECEIVE_BYTES: usize = 64 << 10;

/// How exactly deadlines are kept.
const TICK: Duration = Duration::from_millis(250);

/// Connections woken before others get a turn: about a millisecond of work.
const WAKE_BATCH: usize = 64;
