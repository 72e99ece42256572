//! The one publisher: a WebSocket whose text frames are published, on a thread of its own.
//!
//! On the readers' thread it would be late whenever they are busy, and then publish in bursts, which are cheaper
//! to deliver.

use crate::plan::{Load, WINDOW};
use crate::readers::Counters;
use crate::wire::payload;
use anyhow::{Result, anyhow};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What to publish, and until when.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) load: Load,
    pub(crate) bytes: usize,
    pub(crate) connections: u64,
    pub(crate) time: Duration,
    pub(crate) counters: Arc<Counters>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Published {
    pub(crate) messages: u64,
    /// By how much a message was late, at the 99th percentile.
    pub(crate) late_p99: Duration,
    /// For how long the server's socket took nothing.
    pub(crate) held_back: Duration,
}

/// The running thread.
#[derive(Debug)]
pub(crate) struct Publisher {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Published>>,
}

impl Publisher {
    pub(crate) fn start(socket: TcpStream, task: Task) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                socket.set_nonblocking(true)?;
                let frames = Vec::new();
                let outbox = Outbox { socket, stop, frames, held_back: Duration::ZERO };
                match task.load {
                    Load::Rate(rate) => at_a_rate(outbox, rate, &task),
                    Load::Saturation => in_a_window(outbox, &task),
                }
            }
        });
        Self { stop, thread }
    }

    /// Waits until it has published everything, or stops it at once.
    ///
    /// # Errors
    ///
    /// The connection ended.
    pub(crate) fn end(self) -> Result<Published> {
        self.stop.store(true, Relaxed);
        self.thread.join().map_err(|_| anyhow!("the publisher's thread has panicked"))?
    }
}

fn at_a_rate(mut outbox: Outbox, rate: u64, task: &Task) -> Result<Published> {
    let messages = task.load.messages(task.time).unwrap_or_default();
    let (start, mut late, mut sent) = (Instant::now(), Vec::new(), 0);
    while sent < messages && !outbox.is_stopped() {
        let due = start + Duration::from_nanos(sent * 1_000_000_000 / rate);
        if let Some(early) = due.checked_duration_since(Instant::now()) {
            thread::sleep(early);
        }
        late.push(due.elapsed());
        outbox.add(&payload(sent, task.bytes));
        if !outbox.send()? {
            break;
        }
        sent += 1;
    }
    late.sort_unstable();
    let late_p99 = late.get(late.len() * 99 / 100).copied().unwrap_or_default();
    outbox.drain_until_stopped();
    Ok(Published { messages: sent, late_p99, held_back: outbox.held_back })
}

/// Publishes whatever keeps [`WINDOW`] messages under way, in steps of a quarter of that.
fn in_a_window(mut outbox: Outbox, task: &Task) -> Result<Published> {
    let (start, mut sent) = (Instant::now(), 0);
    while start.elapsed() < task.time && !outbox.is_stopped() {
        let delivered = task.counters.delivered.load(Relaxed) / task.connections;
        let room = (delivered + WINDOW).saturating_sub(sent);
        if room < WINDOW / 4 {
            outbox.drain();
            thread::sleep(NAP);
            continue;
        }
        for serial in sent..sent + room {
            outbox.add(&payload(serial, task.bytes));
        }
        if !outbox.send()? {
            break;
        }
        sent += room;
    }
    Ok(Published { messages: sent, late_p99: Duration::ZERO, held_back: outbox.held_back })
}

/// Frames on their way to the server. What it answers is of no interest, and is thrown away.
struct Outbox {
    socket: TcpStream,
    stop: Arc<AtomicBool>,
    frames: Vec<u8>,
    held_back: Duration,
}

impl Outbox {
    fn is_stopped(&self) -> bool {
        self.stop.load(Relaxed)
    }

    fn add(&mut self, text: &str) {
        ws_frame::encode_text(text, Some([1, 2, 3, 4]), &mut self.frames);
    }

    /// Sends everything, or stops in the middle: false.
    fn send(&mut self) -> Result<bool> {
        let (mut sent, mut waits_since) = (0, None);
        while sent < self.frames.len() {
            match self.socket.write(&self.frames[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    waits_since.get_or_insert_with(Instant::now);
                    if self.is_stopped() {
                        return Ok(false);
                    }
                    self.drain();
                    thread::sleep(NAP);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.held_back += waits_since.map_or(Duration::ZERO, |since| since.elapsed());
        self.frames.clear();
        self.drain();
        Ok(true)
    }

    /// Reads what has come.
    fn drain(&mut self) -> bool {
        let mut buffer = [0; 1 << 16];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) => return is_passing(&error),
            }
        }
    }

    fn drain_until_stopped(&mut self) {
        while !self.is_stopped() && self.drain() {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Between two looks at what only time changes.
const NAP: Duration = Duration::from_micros(200);
