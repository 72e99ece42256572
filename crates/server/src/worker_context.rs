//! What one worker thread's tasks share: its lane, its buffers, its clock, the engine, who waits for a turn.

#[cfg(test)]
use crate::metrics::Metrics;
use crate::{
    access::Authenticator,
    accounts::Accounts,
    admission::Admission,
    clock::Clock,
    config::Monitoring,
    engine_probe::EngineProbe,
    in_flight::InFlight,
    metrics::{LoopMetrics, Observed},
    ready::ReadyQueue,
    renewals::{Inbox, Renewals},
    request_turns::RequestTurns,
};
use std::{
    cell::{Cell, RefCell},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tidewire_broker::{Broker, Engine, Lane, SystemChannel};
use tidewire_connection::{Limits, Worker};
use tidewire_engine_log::LogEngine;
use tokio::time::MissedTickBehavior;

/// One for each worker thread, behind an `Rc`.
pub(crate) struct WorkerContext {
    pub(crate) worker: RefCell<Worker>,
    /// Connections that were woken, and wait for the worker's loop.
    pub(crate) ready: ReadyQueue,
    /// The turns of the connections that actix drives.
    pub(crate) request_turns: RequestTurns,
    /// What this worker counts.
    pub(crate) metrics: Arc<LoopMetrics>,
    /// Every connection reads into this; it keeps only what is unfinished.
    pub(crate) receive: RefCell<Box<[u8]>>,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) broker: Broker,
    pub(crate) clock: Clock,
    pub(crate) admission: Admission,
    pub(crate) limits: Limits,
    pub(crate) http: HttpContext,
    pub(crate) is_shutting_down: Cell<bool>,
    /// Renewals of its connections that requests ask for, on whichever worker those are.
    pub(crate) inbox: Inbox,
    /// What ended while the worker was borrowed, and still has to give its waiter up.
    ended: RefCell<Vec<Leave>>,
}

/// Gives a waiter up.
type Leave = Box<dyn FnOnce(&mut Worker)>;

/// What the routes need to know that connections do not.
#[derive(Clone)]
pub(crate) struct HttpContext {
    /// The largest body of a batch, in bytes.
    pub(crate) batch_bytes_max: usize,
    /// How long a request body may take to arrive.
    pub(crate) body_wait: Duration,
    /// How long a long-poll may wait.
    pub(crate) poll_wait_max: Duration,
    /// How long a client may take to receive what was published before the goodbye.
    pub(crate) goodbye_wait_ms: u64,
    /// What publishers have the server remember, by their address.
    pub(crate) accounts: Accounts,
    /// What clients hold in memory: input that is not whole, output that is not sent.
    pub(crate) in_flight: InFlight,
    /// The log on disk, if it is there.
    pub(crate) log: Option<Arc<LogEngine>>,
    /// What metrics show, and to whom.
    pub(crate) observed: Observed,
    pub(crate) monitoring: Monitoring,
    /// Whether the engine stores messages.
    pub(crate) probe: EngineProbe,
    /// What judges tokens.
    pub(crate) authenticator: Authenticator,
    /// By which names clients renew their connections.
    pub(crate) renewals: Renewals,
}

impl WorkerContext {
    pub(crate) fn new(
        broker: Broker,
        lane: Lane,
        engine: Arc<dyn Engine>,
        admission: Admission,
        limits: Limits,
        http: HttpContext,
    ) -> Self {
        let (metrics, inbox) = (http.observed.metrics.add_worker(), http.renewals.open_inbox());
        let mut worker = Worker::new(broker.clone(), lane, limits);
        worker.metrics = Arc::clone(&metrics.connections);
        Self {
            worker: RefCell::new(worker),
            metrics,
            ready: ReadyQueue::default(),
            request_turns: RequestTurns::by_rounds(),
            receive: RefCell::new(vec![0; RECEIVE_BYTES].into_boxed_slice()),
            engine,
            broker,
            clock: Clock::start(),
            admission,
            limits,
            http,
            is_shutting_down: Cell::new(false),
            inbox,
            ended: RefCell::default(),
        }
    }

    /// Has something that has ended give its waiter up: at once, or in the next round if it has ended somewhere
    /// below a caller that has the worker.
    pub(crate) fn leave(&self, leave: impl FnOnce(&mut Worker) + 'static) {
        match self.worker.try_borrow_mut() {
            Ok(mut worker) => leave(&mut worker),
            Err(_) => {
                self.ended.borrow_mut().push(Box::new(leave));
                self.ready.wake_loop();
            }
        }
    }

    /// Has everything that has ended meanwhile give its waiter up.
    pub(crate) fn finish_leaving(&self) {
        let ended = self.ended.take();
        if !ended.is_empty() {
            let worker = &mut *self.worker.borrow_mut();
            ended.into_iter().for_each(|leave| leave(worker));
        }
    }

    /// One whose broker and engine are its own.
    #[cfg(test)]
    pub(crate) fn alone(admission: Admission) -> Self {
        Self::over(Broker::new(1, tidewire_broker::Limits::default()), admission)
    }

    /// One whose engine keeps the log in memory.
    #[cfg(test)]
    pub(crate) fn over(broker: Broker, admission: Admission) -> Self {
        let in_flight = InFlight::new(64 << 20, 64 << 20);
        let engine: Arc<dyn Engine> = Arc::new(tidewire_broker::MemoryEngine::new(broker.clone()));
        let http = HttpContext {
            observed: Observed {
                metrics: Metrics::default(),
                admission: admission.clone(),
                broker: broker.clone(),
                in_flight: in_flight.clone(),
                log: None,
                started_ms: 0,
                first_head: broker.head(),
            },
            monitoring: Monitoring::default(),
            probe: EngineProbe::new(Arc::clone(&engine), admission.clone()),
            batch_bytes_max: 0,
            body_wait: Duration::ZERO,
            poll_wait_max: Duration::ZERO,
            goodbye_wait_ms: 0,
            accounts: Accounts::new(1),
            in_flight,
            log: None,
            authenticator: Authenticator::new(None, Some(tidewire_broker::Grant::open())),
            renewals: Renewals::default(),
        };
        let lane = broker.lane().unwrap();
        Self::new(broker, lane, engine, admission, Limits::default(), http)
    }

    /// Makes sleepers due when their time has come, and looks whether somebody follows the figures of the server.
    pub(crate) async fn run_clock(&self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stats = SystemChannel::Stats.name();
        loop {
            tick.tick().await;
            let now_ms = self.clock.now().steady_ms;
            let lane = &mut self.worker.borrow_mut().lane;
            lane.fire_timers(now_ms);
            let is_followed = stats.as_ref().is_some_and(|stats| lane.is_followed(stats));
            self.metrics.has_stats_followers.store(is_followed, Ordering::Relaxed);
        }
    }

    /// Has every connection say goodbye once the shutdown begins.
    pub(crate) async fn run_shutdown(&self) {
        self.admission.shutdown_begun().await;
        self.is_shutting_down.set(true);
        // The goodbyes come after all that was published.
        let mut worker = self.worker.borrow_mut();
        worker.lane.advance_to_head();
        worker.lane.make_all_due();
    }
}

impl Drop for WorkerContext {
    /// When the runtime stops, what has ended meanwhile gives its waiter up.
    fn drop(&mut self) {
        self.finish_leaving();
    }
}

/// One read's worth of input: what a busy socket holds, once a worker.
const RECEIVE_BYTES: usize = 64 << 10;

/// How exactly deadlines are kept.
const TICK: Duration = Duration::from_millis(250);
