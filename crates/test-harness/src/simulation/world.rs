//! One world: a server, its clients, the links between them, and a clock that only we move.

use super::{
    checkers::Follow,
    client::{Client, ReceiveContext},
    clock::time,
    engine_under_test::EngineUnderTest,
    history::History,
    oracle::Oracle,
    presence::Presence,
    presence_publisher::PresencePublisher,
    program::Program,
    session::{Alarm, Core, Session, SessionContext},
    settings::{self, Settings},
    tally::Tally,
    trace::Trace,
    wire_reader::Manner,
};
use fastrand::Rng;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    task::{Context, Waker},
};
use tidewire_broker::{Broker, Draft, Publishing};
use tidewire_connection::Worker;

pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) settings: Settings,
    pub(crate) now_ms: u64,
    pub(crate) engine: EngineUnderTest,
    /// Publishes of nobody's connection that a store has not answered, with what was given.
    pub(crate) waiting: Vec<(String, Draft, Publishing)>,
    /// Some of the latest messages with an id: they may be published again.
    pub(crate) named: VecDeque<(&'static str, Draft)>,
    pub(crate) workers: Vec<SimWorker>,
    pub(crate) history: History,
    pub(crate) sessions: BTreeMap<u64, Session>,
    pub(crate) sessions_opened: u64,
    pub(crate) presence: Presence,
    pub(crate) presence_publisher: PresencePublisher,
    pub(crate) clients: Vec<Client>,
    pub(crate) tally: Tally,
    pub(crate) trace: Trace,
    /// The links are good from here on, and nothing new happens.
    pub(crate) is_healed: bool,
}

/// A worker, and whether its thread was woken.
pub(crate) struct SimWorker {
    pub(crate) worker: Worker,
    alarm: Arc<Alarm>,
    has_due: bool,
}

impl World {
    pub(crate) fn new(seed: u64, keeps_trace: bool) -> Result<Self, String> {
        let mut rng = Rng::with_seed(seed);
        let settings = Settings::draw(&mut rng);
        let epoch = rng.u64(1..1_000_000);
        let engine = EngineUnderTest::new(epoch, &settings.broker, settings.is_durable, &mut rng);
        let workers = open_workers(&engine.broker, &settings)?;
        let clients = (0..settings.clients).map(|_| draw_client(&settings, &mut rng)).collect();
        let mut trace = Trace::new(keeps_trace);
        trace.note(0, || format!("{settings:?}"));
        Ok(Self {
            rng,
            settings,
            now_ms: 1,
            engine,
            waiting: Vec::new(),
            named: VecDeque::new(),
            workers,
            history: History::default(),
            sessions: BTreeMap::new(),
            sessions_opened: 0,
            presence: Presence::default(),
            presence_publisher: PresencePublisher::default(),
            clients,
            tally: Tally::default(),
            trace,
            is_healed: false,
        })
    }

    /// Lets the world run its course, then heals it and waits until everybody has caught up.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        for _ in 0..self.settings.steps {
            self.now_ms += settings::pause_ms(&mut self.rng);
            self.note_expiries();
            self.disturb()?;
            self.step()?;
        }
        self.heal();
        self.catch_up(CATCH_UP_STEPS_MAX)?;
        for _ in 0..SETTLING_STEPS {
            self.now_ms += HEALED_STEP_MS;
            self.sweep(SWEPT_AT_THE_END)?;
            self.engine.check_ages(time(self.now_ms).wall_ms, &self.history)?;
            self.step()?;
        }
        self.drain_presence(PRESENCE_STEPS_MAX)?;
        self.catch_up(CATCH_UP_STEPS_MAX)?;
        // Everybody is there and asleep. News has to wake them, and soon.
        let channel = self.settings.channel(&mut self.rng);
        let draft = self.draft(channel);
        self.publish(draft, channel)?;
        self.catch_up(LAST_WORD_STEPS_MAX)?;
        for client in &mut self.clients {
            let oracle = Oracle::new(&self.history, &self.engine, &self.settings, client.ears());
            client.follower.check_state(&oracle, &mut self.tally)?;
            client.program.iter().try_for_each(|program| program.check(&oracle))?;
        }
        self.check_members()?;
        for _ in 0..PAGES_AT_THE_END {
            self.read_anything()?;
        }
        self.check_chains()?;
        self.tally.virtual_ms = self.now_ms;
        Ok(())
    }

    /// Waits until every client has been given everything.
    fn catch_up(&mut self, steps_max: usize) -> Result<(), String> {
        let mut owed = None;
        for _ in 0..steps_max {
            self.pass_time()?;
            owed = (0..self.clients.len()).find_map(|at| Some((at, self.owed(at)?)));
            if owed.is_none() {
                return Ok(());
            }
        }
        let (at, owed) = owed.unwrap_or_default();
        Err(format!("client {at} was not given {owed}"))
    }

    /// Lets a while pass in which nothing befalls anybody.
    pub(crate) fn pass_time(&mut self) -> Result<(), String> {
        self.now_ms += HEALED_STEP_MS;
        self.step()
    }

    fn step(&mut self) -> Result<(), String> {
        self.note_expiries();
        for client in &self.clients {
            let Some(number) = client.session else { continue };
            self.presence.note_asks(number, &client.asks, &self.settings);
        }
        self.commit()?;
        self.flush_presence()?;
        self.accept()?;
        for at in 0..self.workers.len() {
            if self.is_healed || self.rng.u8(..) < 200 {
                self.run_worker(at)?;
            }
        }
        for at in 0..self.clients.len() {
            let received = self.listen(at);
            received.map_err(|error| format!("client {at}: {error}"))?;
            self.come_back(at);
        }
        let attached: Vec<u64> = self.clients.iter().filter_map(|client| client.session).collect();
        self.sessions.retain(|number, session| !session.is_over() || attached.contains(number));
        self.engine.broker.check();
        self.workers.iter().for_each(|shift| shift.worker.lane.check());
        self.engine.check_memory(&self.history)
    }

    /// A worker thread's turn: its lane, then the tasks that were woken or have something to do.
    fn run_worker(&mut self, at: usize) -> Result<(), String> {
        let Self { workers, sessions, history, rng, tally, engine, now_ms, .. } = self;
        let Some(SimWorker { worker, alarm, has_due }) = workers.get_mut(at) else { return Ok(()) };
        let waker = Waker::from(Arc::clone(alarm));
        if alarm.take() {
            *has_due |= worker.lane.poll_news(&mut Context::from_waker(&waker)).is_ready();
        }
        let is_rung = self.is_healed || rng.u8(..4) == 0;
        if is_rung {
            worker.lane.fire_timers(*now_ms);
            *has_due = true;
        }
        if *has_due {
            *has_due = worker.lane.wake(if self.is_healed { 100 } else { rng.usize(1..10) });
        }
        let time = time(*now_ms);
        for (number, session) in sessions.iter_mut().filter(|(_, session)| session.worker == at) {
            let mut context = SessionContext { worker, engine, history, rng, tally, time };
            for _ in 0..TURNS_MAX {
                let has_run = session.drive(&mut context);
                if !has_run.map_err(|error| format!("session {number}: {error}"))? {
                    break;
                }
            }
            if is_rung
                && !*has_due
                && let Some(error) = session.overdue(worker, *now_ms, DEADLINE_SLACK_MS)
            {
                return Err(format!("session {number}: {error}"));
            }
        }
        Ok(())
    }

    /// A client reads what has arrived, and says what it has to say.
    fn listen(&mut self, at: usize) -> Result<(), String> {
        let now_ms = self.now_ms;
        let Some(client) = self.clients.get_mut(at) else { return Ok(()) };
        let Some(number) = client.session.filter(|_| client.deaf_until_ms <= now_ms) else {
            return Ok(());
        };
        let Some(session) = self.sessions.get_mut(&number) else {
            return Err(format!("session {number} is gone"));
        };
        let said = session.up.write(&client.output, now_ms, &mut self.rng);
        client.output.drain(..said);
        let is_slow = !self.is_healed && self.rng.u8(..) < 60;
        let bytes_max = if is_slow { self.rng.usize(1..50) } else { usize::MAX };
        let mut bytes = session.down.read(bytes_max, now_ms);
        let mut received = Vec::new();
        if !bytes.is_empty() {
            let head = self.engine.broker.position(self.engine.broker.head());
            let count = bytes.len();
            client.read_head(&mut bytes, head);
            if bytes.len() < count {
                client.received_ms = now_ms;
            }
            client
                .wire_reader
                .iter_mut()
                .try_for_each(|wire_reader| wire_reader.receive(&bytes, &mut received))?;
            client.note_life(&received, now_ms);
        }
        let is_over = session.down.is_at_end(now_ms)
            || client.wire_reader.as_ref().is_some_and(|wire_reader| wire_reader.is_over());
        if is_over && client.manner == Manner::Poll {
            received.extend(
                client.wire_reader.take().and_then(|wire_reader| wire_reader.into_answer()),
            );
        }
        let oracle = Oracle::new(&self.history, &self.engine, &self.settings, client.ears());
        let sends_away = self.settings.sends_away();
        let (rng, tally) = (&mut self.rng, &mut self.tally);
        let mut context = ReceiveContext { oracle, sends_away, grant: session.grant, rng, tally };
        for received in received {
            self.trace.note(now_ms, || format!("client {at} receives {}", cut_short(&received)));
            self.presence.note_received(number, &received);
            client.receive(received, &mut context)?;
        }
        let silence_ms_max = client.silence_ms_max(&self.settings.limits);
        let is_silent = client.received_ms + silence_ms_max < now_ms;
        let is_served = matches!(session.core, Core::Live(_)) && !client.is_done;
        if is_silent && !is_over && self.is_healed && is_served && !session.is_dead() {
            return Err(format!(
                "nothing was received on a good link since {}",
                client.received_ms
            ));
        }
        let dead_since_ms = session.down.swallows_since_ms;
        if is_over || is_silent {
            self.trace.note(now_ms, || format!("client {at} hangs up"));
            self.tally.dead += u64::from(dead_since_ms.is_some());
            // What has been idle too long may be a link of which the server learns nothing.
            session.up.is_ended |= is_over || self.is_healed || self.rng.bool();
            if self.is_healed && !session.is_websocket {
                session.up.surface();
            }
            client.disconnect(now_ms, &mut self.tally);
        }
        let is_overdue = dead_since_ms.is_some_and(|since_ms| since_ms + silence_ms_max < now_ms);
        if is_overdue && client.session.is_some() {
            return Err(format!("it believes in a link that is dead since {dead_since_ms:?}"));
        }
        Ok(())
    }

    fn come_back(&mut self, at: usize) {
        let Some(client) = self.clients.get(at) else { return };
        if client.session.is_none() && client.back_at_ms <= self.now_ms {
            self.connect(at);
        }
    }

    fn heal(&mut self) {
        self.trace.note(self.now_ms, || "all links are good from here on".to_owned());
        self.is_healed = true;
        self.prolong_grants();
        self.engine.heal();
        let attached: Vec<u64> = self.clients.iter().filter_map(|client| client.session).collect();
        for (number, session) in &mut self.sessions {
            session.down.heal();
            session.up.heal();
            // The machine finds out by itself, in the end, that a peer is there no longer.
            if !attached.contains(number) && !session.is_websocket {
                session.up.surface();
            }
        }
        for client in &mut self.clients {
            client.deaf_until_ms = 0;
            let session = client.session.and_then(|number| self.sessions.get(&number));
            if session.is_some_and(|session| session.down.swallows_since_ms.is_none()) {
                // What is on its way comes in its time.
                client.received_ms = self.now_ms + self.settings.delay_max_ms;
            }
        }
    }

    /// What a client has still to be given.
    fn owed(&self, at: usize) -> Option<String> {
        let client = self.clients.get(at)?;
        if let Some(ask) = client.asks.values().next() {
            return Some(format!("an answer to {ask:?}"));
        }
        let session = client.session.and_then(|number| self.sessions.get(&number));
        if session.is_some_and(Session::is_dead) {
            return Some("a link that is alive".to_owned());
        }
        let oracle = Oracle::new(&self.history, &self.engine, &self.settings, client.ears());
        let awaited = client.program.as_ref().and_then(Program::awaits);
        client.follower.owed(&oracle).or(awaited)
    }
}

pub(crate) fn open_workers(broker: &Broker, settings: &Settings) -> Result<Vec<SimWorker>, String> {
    let open = |_| {
        let lane = broker.lane().map_err(|error| error.to_string())?;
        let mut worker = Worker::new(broker.clone(), lane, settings.limits);
        let alarm = Arc::new(Alarm::default());
        let waker = Waker::from(Arc::clone(&alarm));
        // The first poll registers the waker with the lane.
        let has_due = worker.lane.poll_news(&mut Context::from_waker(&waker)).is_ready();
        Ok(SimWorker { worker, alarm, has_due })
    };
    (0..settings.workers).map(open).collect()
}

fn draw_client(settings: &Settings, rng: &mut Rng) -> Client {
    if rng.u8(..3) == 0 {
        let program = Some(Program::draw(settings, rng));
        let mut client = Client { program, ..Client::new(Manner::Poll, Vec::new()) };
        client.draw_manner(rng);
        client.back_at_ms = rng.u64(0..500);
        return client;
    }
    let from_earliest = rng.u8(..4) == 0;
    let mut follows: Vec<Follow> = Vec::new();
    for _ in 0..rng.usize(1..=4) {
        let pattern = settings.pattern(rng);
        if follows.iter().all(|follow| follow.pattern != pattern) {
            follows.push(Follow::new(pattern, None, from_earliest));
        }
    }
    let mut client = Client::new(settings::manner(rng), follows);
    client.choose_manner(rng);
    client.back_at_ms = rng.u64(0..500);
    client
}

fn cut_short(received: &impl std::fmt::Debug) -> String {
    let text = format!("{received:?}");
    text.chars().take(TRACE_CHARS_MAX).collect()
}

const HEALED_STEP_MS: u64 = 50;
/// Virtual minutes: longer than any deadline of any world.
const CATCH_UP_STEPS_MAX: usize = 2_000;
/// Longer than it takes to disconnect clients that are silent or stalled, and two rounds of presence.
const PRESENCE_STEPS_MAX: usize = 240;
/// Longer than a closing may take, after which its client comes back.
const SETTLING_STEPS: usize = 25;
/// A few turns of worker and client, for one who comes back in between too; less than most
/// heartbeats, which would cover up for a wake-up that is missing.
const LAST_WORD_STEPS_MAX: usize = 12;
/// Turns of one task before the clock moves on.
const TURNS_MAX: usize = 4;
/// How late a worker may run.
const DEADLINE_SLACK_MS: u64 = 20_000;
/// As many as there are channels, and some.
const SWEPT_AT_THE_END: usize = 20;
const PAGES_AT_THE_END: usize = 4;
const TRACE_CHARS_MAX: usize = 200;
