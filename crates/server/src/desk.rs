//! What one worker thread's tasks share: its connections, its lane, its buffers, its clock, the engine.

use crate::{
    accounts::Accounts, clock::Clock, gate::Gate, in_flight::InFlight, worker_loop::WorkerLoop,
};
use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    time::Duration,
};
use tidewire_broker::{Broker, Engine, Lane};
use tidewire_connection::{Limits, Worker};
use tidewire_engine_log::LogEngine;
use tokio::{net::TcpStream, time::MissedTickBehavior};

/// One to a worker thread, behind an `Rc`.
pub(crate) struct Desk {
    pub(crate) worker: RefCell<Worker>,
    pub(crate) connections: WorkerLoop<TcpStream>,
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
    /// What publishers have the server remember, by their address.
    pub(crate) accounts: Accounts,
    /// What clients hold in memory: input that is not whole, output that is not sent.
    pub(crate) in_flight: InFlight,
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
            connections: WorkerLoop::new(),
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

    /// One whose broker and engine are its own.
    #[cfg(test)]
    pub(crate) fn alone(gate: Gate) -> Self {
        Self::over(Broker::new(1, tidewire_broker::Limits::default()), gate)
    }

    /// One whose engine keeps the log in memory.
    #[cfg(test)]
    pub(crate) fn over(broker: Broker, gate: Gate) -> Self {
        let house = House {
            batch_bytes_max: 0,
            body_wait: Duration::ZERO,
            poll_wait_max: Duration::ZERO,
            goodbye_wait_ms: 0,
            accounts: Accounts::new(1),
            in_flight: InFlight::new(64 << 20, 64 << 20),
            log: None,
        };
        let lane = broker.lane().unwrap();
        let engine = Arc::new(tidewire_broker::MemoryEngine::new(broker.clone()));
        Self::new(broker, lane, engine, gate, Limits::default(), house)
    }

    /// Runs this worker's connections.
    ///
    /// The lane tells one task, so this is the only one that asks it.
    pub(crate) async fn run_connections(&self) {
        self.connections.run(self).await;
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
        // The goodbyes come after all that was published.
        self.worker.borrow_mut().lane.settle_all();
        self.ring(u64::MAX);
    }

    fn ring(&self, now_ms: u64) {
        self.worker.borrow_mut().lane.ring(now_ms);
    }
}

impl Drop for Desk {
    /// When the runtime stops, those who are still here give up their seats.
    fn drop(&mut self) {
        self.connections.leave(self.worker.get_mut());
    }
}

/// One read's worth of input: what a busy socket holds, once a worker.
const RECEIVE_BYTES: usize = 64 << 10;

/// How exactly deadlines are kept.
const TICK: Duration = Duration::from_millis(250);
