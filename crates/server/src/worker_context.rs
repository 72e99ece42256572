//! What one worker thread's tasks share: its lane, its buffers, its clock, the engine, who waits for a turn.

#[cfg(test)]
use crate::metrics::Metrics;
use crate::{
    access::Authenticator,
    accounts::Accounts,
    admission::Admission,
    clock::Clock,
    config::Monitoring,
    drain::Dismissals,
    engine_probe::EngineProbe,
    in_flight::InFlight,
    inquiries::{InquiryInbox, Workers},
    metrics::{LoopMetrics, Observed},
    ready::ReadyQueue,
    reload::{LiveSettings, ReloadHandle},
    renewals::{Inbox, Renewals},
    request_turns::RequestTurns,
    temporary::spread,
    traces::Traces,
};
use std::{
    cell::{Cell, RefCell},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tidewire_broker::{Broker, Engine, Lane, SystemChannel, WaiterId};
use tidewire_connection::{Limits, Time, Worker};
use tidewire_engine_log::LogEngine;
use tokio::{sync::watch, time::MissedTickBehavior};

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
    /// What an operator may change meanwhile; see `run_settings`.
    settings: Cell<LiveSettings>,
    changed_settings: RefCell<Option<watch::Receiver<LiveSettings>>>,
    pub(crate) http: HttpContext,
    /// How its connections end, once the shutdown has begun.
    dismissals: Cell<Option<(Dismissals, u64)>>,
    /// Waiters with a lower number are to end.
    dismissed_below: Cell<usize>,
    /// Renewals of its connections that requests ask for, on whichever worker those are.
    pub(crate) inbox: Inbox,
    /// What operators ask of it.
    pub(crate) inquiries: InquiryInbox,
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
    /// Has the configuration read again.
    pub(crate) reload: ReloadHandle,
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
    /// The way to all workers.
    pub(crate) workers: Workers,
    /// Where spans of deliveries go.
    pub(crate) traces: Traces,
}

impl WorkerContext {
    pub(crate) fn new(
        broker: Broker,
        lane: Lane,
        engine: Arc<dyn Engine>,
        admission: Admission,
        settings: watch::Receiver<LiveSettings>,
        http: HttpContext,
    ) -> Self {
        let (metrics, inbox) = (http.observed.metrics.add_worker(), http.renewals.open_inbox());
        let live = *settings.borrow();
        let inquiries = http.workers.open_inbox();
        let mut worker = Worker::new(broker.clone(), lane, live.connection);
        worker.metrics = Arc::clone(&metrics.connections);
        http.traces.watch(&mut worker);
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
            settings: Cell::new(live),
            changed_settings: RefCell::new(Some(settings)),
            http,
            dismissals: Cell::default(),
            dismissed_below: Cell::new(0),
            inbox,
            inquiries,
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
            reload: ReloadHandle::new().0,
            accounts: Accounts::new(1),
            in_flight,
            log: None,
            authenticator: Authenticator::new(None, Some(tidewire_broker::Grant::open())),
            renewals: Renewals::default(),
            workers: Workers::default(),
            traces: Traces::default(),
        };
        let lane = broker.lane().unwrap();
        let settings = watch::channel(LiveSettings::default()).1;
        Self::new(broker, lane, engine, admission, settings, http)
    }

    /// The bounds of a connection.
    pub(crate) fn limits(&self) -> Limits {
        self.settings.get().connection
    }

    /// Whether each request is a line of the log.
    pub(crate) fn logs_access(&self) -> bool {
        self.settings.get().logs_access
    }

    /// Copies the settings that an operator changes, so that nobody else has to look whether they have changed.
    pub(crate) async fn run_settings(&self) {
        let Some(mut settings) = self.changed_settings.take() else { return };
        while settings.changed().await.is_ok() {
            let live = *settings.borrow_and_update();
            let before = self.settings.replace(live);
            if before.connection != live.connection {
                let worker = &mut *self.worker.borrow_mut();
                worker.limits = live.connection;
                // Each waits for a time that the limits of before gave.
                worker.lane.make_due(0, usize::MAX);
            }
        }
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

    /// Whether what waits under this number is to end, because the server does.
    pub(crate) fn is_dismissed(&self, waiter: WaiterId) -> bool {
        waiter.index() < self.dismissed_below.get()
    }

    /// What a goodbye says: after which time the client is to come back, and how long it may take before it is said.
    pub(crate) fn goodbye(&self, time: Time) -> Goodbye {
        let retry_ms = self.limits().retry_ms;
        match self.dismissals.get() {
            Some((plan, begun_ms)) => Goodbye {
                retry_ms: plan.retry_ms(retry_ms),
                grace_ms: plan.grace_ms(time.steady_ms.saturating_sub(begun_ms)),
            },
            None => Goodbye { retry_ms: spread(retry_ms), grace_ms: 0 },
        }
    }

    /// Has the connections say goodbye once the shutdown begins, evenly over the time for it.
    pub(crate) async fn run_shutdown(&self) {
        self.admission.shutdown_begun().await;
        let begun_ms = self.clock.now().steady_ms;
        // The goodbyes come after all that was published: nothing is from now on.
        self.worker.borrow_mut().lane.advance_to_head();
        let plan = self.settings.get().drain.plan(self.worker.borrow().lane.len());
        self.dismissals.set(Some((plan, begun_ms)));
        let mut dismissed = 0;
        let mut tick = tokio::time::interval(DISMISSAL_TICK);
        loop {
            tick.tick().await;
            let due = plan.due(self.clock.now().steady_ms.saturating_sub(begun_ms));
            let count = due.map_or(usize::MAX, |due| due.saturating_sub(dismissed));
            let lane = &mut self.worker.borrow_mut().lane;
            let below = lane.make_due(self.dismissed_below.get(), count);
            self.dismissed_below.set(if due.is_some() { below } else { usize::MAX });
            match due {
                Some(due) => dismissed = due,
                None => return,
            }
        }
    }
}

/// What a goodbye says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goodbye {
    /// After which time the client is to come back.
    pub(crate) retry_ms: u64,
    /// How long it may take to receive what was published before.
    pub(crate) grace_ms: u64,
}

impl Drop for WorkerContext {
    /// When the runtime stops, what has ended meanwhile gives its waiter up.
    fn drop(&mut self) {
        self.finish_leaving();
    }
}

/// One read's worth of input: what a busy socket holds, once a worker.
const RECEIVE_BYTES: usize = 64 << 10;

/// How evenly connections end: what comes back at once from each tick is some ten clients of ten thousand.
const DISMISSAL_TICK: Duration = Duration::from_millis(10);

/// How exactly deadlines are kept.
const TICK: Duration = Duration::from_millis(250);
