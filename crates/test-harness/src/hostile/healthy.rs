//! Subscribers and a publisher that do nothing wrong, and measure what they get.
//!
//! They have a thread of their own. The publisher does not wait for its answers, so a server that stands still does
//! not make it send less.

use crate::load::{self, Wire};
use anyhow::{Context as _, Result, bail, ensure};
use hdrhistogram::Histogram;
use std::{
    cell::RefCell,
    net::SocketAddr,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::{LocalSet, spawn_local},
    time::{MissedTickBehavior, interval, sleep, timeout},
};

/// Which part of a row a message belongs to, by the moment at which it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Before,
    During,
}

/// What was measured in one phase; times in microseconds.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub(super) deliveries: Histogram<u64>,
    pub(super) publishes: Histogram<u64>,
    /// By how much the publisher itself was late.
    pub(super) lateness: Histogram<u64>,
    pub(super) expected: u64,
    /// Publishes that were not answered with 200, and what became of the first of them.
    pub(super) failed: u64,
    pub(super) failure: Option<String>,
}

/// The running thread; it ends with this.
pub(super) struct Healthy {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<Result<()>>>,
}

struct Shared {
    state: Mutex<State>,
    start: Instant,
}

struct State {
    before: Measured,
    during: Measured,
    /// In which phase messages are sent now, if any are.
    phase: Option<Phase>,
    /// Requests without an answer so far.
    waiting: usize,
    is_open: bool,
    is_over: bool,
    /// Subscribers whose connection ended.
    lost: usize,
}

impl Healthy {
    /// Opens the subscribers; nothing is published before the first phase.
    ///
    /// # Errors
    ///
    /// A subscriber cannot be opened.
    pub(super) async fn start(address: SocketAddr) -> Result<Self> {
        let state = State {
            before: Measured::new()?,
            during: Measured::new()?,
            phase: None,
            waiting: 0,
            is_open: false,
            is_over: false,
            lost: 0,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), start: Instant::now() });
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                LocalSet::new().block_on(&runtime, run(address, shared))
            }
        });
        let mut healthy = Self { shared, thread: Some(thread) };
        while !healthy.shared.lock().is_open {
            if healthy.thread.as_ref().is_some_and(thread::JoinHandle::is_finished) {
                healthy.join()?;
                bail!("the healthy subscribers ended before they were open");
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(healthy)
    }

    pub(super) fn enter(&self, phase: Option<Phase>) {
        self.shared.lock().phase = phase;
    }

    /// Waits until everything that was published is answered and delivered, or the time is over.
    pub(super) async fn wait_until_quiet(&self, time_max: Duration) {
        let start = Instant::now();
        while start.elapsed() < time_max && !self.shared.lock().is_settled() {
            sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) fn measured(&self, phase: Phase) -> Measured {
        let mut state = self.shared.lock();
        state.of(phase).clone()
    }

    /// Ends the thread; returns how many subscribers had lost their connection.
    ///
    /// # Errors
    ///
    /// The thread failed.
    pub(super) fn end(mut self) -> Result<usize> {
        self.join()?;
        Ok(self.shared.lock().lost)
    }

    fn join(&mut self) -> Result<()> {
        self.shared.lock().is_over = true;
        match self.thread.take().map(thread::JoinHandle::join) {
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) => bail!("the thread of the healthy subscribers has panicked"),
            None => Ok(()),
        }
    }
}

impl Drop for Healthy {
    fn drop(&mut self) {
        // On the way out after another error, which is the one to report.
        let _ended = self.join();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_us(&self) -> u64 {
        microseconds(self.start.elapsed())
    }
}

impl State {
    fn of(&mut self, phase: Phase) -> &mut Measured {
        match phase {
            Phase::Before => &mut self.before,
            Phase::During => &mut self.during,
        }
    }

    fn is_settled(&self) -> bool {
        let is_delivered = |measured: &Measured| measured.deliveries.len() >= measured.expected;
        self.waiting == 0 && is_delivered(&self.before) && is_delivered(&self.during)
    }
}

impl Measured {
    fn new() -> Result<Self> {
        Ok(Self {
            deliveries: histogram()?,
            publishes: histogram()?,
            lateness: histogram()?,
            expected: 0,
            failed: 0,
            failure: None,
        })
    }

    /// Messages that had not arrived when the time was over.
    pub(super) fn undelivered(&self) -> u64 {
        self.expected.saturating_sub(self.deliveries.len())
    }
}

async fn run(address: SocketAddr, shared: Arc<Shared>) -> Result<()> {
    let buffer = Rc::new(RefCell::new(Vec::with_capacity(READ_BYTES)));
    let mut readers = Vec::with_capacity(SUBSCRIBERS);
    for _ in 0..SUBSCRIBERS {
        let (socket, early) = load::open(address, Wire::Sse, CHANNEL).await?;
        let (shared, buffer) = (Arc::clone(&shared), Rc::clone(&buffer));
        readers.push(spawn_local(async move {
            read(socket, early, &shared, &buffer).await;
            shared.lock().lost += 1;
        }));
    }
    shared.lock().is_open = true;
    publish(address, &shared).await;
    readers.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(())
}

/// Notes when each message arrives, until the connection ends.
async fn read(socket: TcpStream, mut rest: Vec<u8>, shared: &Shared, buffer: &RefCell<Vec<u8>>) {
    loop {
        if socket.readable().await.is_err() {
            return;
        }
        let mut buffer = buffer.borrow_mut();
        buffer.clear();
        buffer.append(&mut rest);
        match socket.try_read_buf(&mut *buffer) {
            Ok(0) => return,
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return,
            _ => {}
        }
        let now_us = shared.now_us();
        let left = each_stamp(&buffer, |phase, sent_us| {
            let mut state = shared.lock();
            // A time that is too long for the histogram counts as its longest.
            state.of(phase).deliveries.saturating_record(now_us.saturating_sub(sent_us));
        });
        rest.extend_from_slice(left);
    }
}

/// Publishes at its rate, each message on a connection that waits for no other's answer.
async fn publish(address: SocketAddr, shared: &Arc<Shared>) {
    let idle = Rc::new(RefCell::new(Vec::new()));
    let mut ticks = interval(Duration::from_secs(1) / RATE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut serial: u64 = 0;
    loop {
        let due = ticks.tick().await;
        let mut state = shared.lock();
        if state.is_over {
            return;
        }
        let Some(phase) = state.phase else { continue };
        let measured = state.of(phase);
        measured.lateness.saturating_record(microseconds(due.elapsed()));
        measured.expected += u64::try_from(SUBSCRIBERS).unwrap_or(u64::MAX);
        state.waiting += 1;
        drop(state);
        serial += 1;
        let (idle, shared) = (Rc::clone(&idle), Arc::clone(shared));
        spawn_local(async move {
            let sent_us = shared.now_us();
            let socket = idle.borrow_mut().pop();
            let answered =
                timeout(ANSWER_MAX, publish_one(address, socket, phase, sent_us, serial));
            let answered = answered.await.context("no answer in time").and_then(|answer| answer);
            let took_us = shared.now_us().saturating_sub(sent_us);
            let mut state = shared.lock();
            state.waiting -= 1;
            let measured = state.of(phase);
            measured.publishes.saturating_record(took_us);
            match answered {
                Ok(socket) => idle.borrow_mut().push(socket),
                Err(error) => {
                    measured.failed += 1;
                    measured.expected -= u64::try_from(SUBSCRIBERS).unwrap_or(0);
                    measured.failure.get_or_insert_with(|| format!("{error:#}"));
                }
            }
        });
    }
}

/// Publishes one message that says when it was sent, and returns the connection for the next.
async fn publish_one(
    address: SocketAddr,
    socket: Option<TcpStream>,
    phase: Phase,
    sent_us: u64,
    serial: u64,
) -> Result<TcpStream> {
    let mut socket = match socket {
        Some(socket) => socket,
        None => TcpStream::connect(address).await?,
    };
    socket.set_nodelay(true)?;
    let letter = if phase == Phase::Before { 'b' } else { 'd' };
    let payload = format!("{letter}{sent_us:0DIGITS$}");
    let request = format!(
        "POST /publish/{CHANNEL} HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: healthy-{serial}\r\n\
         Content-Length: {}\r\n\r\n{payload}",
        payload.len()
    );
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        ensure!(socket.read_buf(&mut answer).await? > 0, "the connection ended without an answer");
    }
    let status = answer.get(9..12).unwrap_or_default();
    ensure!(status == b"200", "{}", String::from_utf8_lossy(&answer).replace("\r\n", " "));
    Ok(socket)
}

/// Calls `each` with what every whole message says of its sending; returns the rest.
fn each_stamp(mut bytes: &[u8], mut each: impl FnMut(Phase, u64)) -> &[u8] {
    while let Some(at) = bytes.windows(MARK.len()).position(|window| window == MARK) {
        let Some(line) = bytes.get(at + MARK.len()..).filter(|line| line.len() > DIGITS) else {
            return bytes.get(at..).unwrap_or_default();
        };
        let (stamp, rest) = line.split_at(DIGITS + 1);
        let digits = std::str::from_utf8(stamp.get(1..).unwrap_or_default());
        match (stamp.first(), digits.ok().and_then(|digits| digits.parse().ok())) {
            (Some(b'b'), Some(sent_us)) => each(Phase::Before, sent_us),
            (Some(b'd'), Some(sent_us)) => each(Phase::During, sent_us),
            _ => {}
        }
        bytes = rest;
    }
    // A mark may have come in part.
    bytes.get(bytes.len().saturating_sub(MARK.len() - 1)..).unwrap_or_default()
}

fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, microseconds(LATENCY_MAX), 3)?)
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

pub(super) const SUBSCRIBERS: usize = 200;
/// Publishes a second.
pub(super) const RATE: u32 = 20;
const CHANNEL: &str = "healthy";
const ANSWER_MAX: Duration = Duration::from_secs(15);
const LATENCY_MAX: Duration = Duration::from_secs(60);
const MARK: &[u8] = b"data: ";
/// Of a time in microseconds.
const DIGITS: usize = 16;
const READ_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_found_at_every_cut() {
        let wire = b"1f\r\nid: a-1\ndata: b0000000000000007\n\n\r\n1f\r\nid: a-2\ndata: d0000000000000009\n\n\r\n";
        for cut in 0..=wire.len() {
            let mut seen = Vec::new();
            let (first, second) = wire.split_at(cut);
            let mut rest = each_stamp(first, |phase, us| seen.push((phase, us))).to_vec();
            rest.extend_from_slice(second);
            each_stamp(&rest, |phase, us| seen.push((phase, us)));
            assert_eq!(seen, [(Phase::Before, 7), (Phase::During, 9)], "cut at {cut}");
        }
    }
}
