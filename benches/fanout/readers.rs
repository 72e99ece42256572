//! The subscribers of a measurement, all on one thread, which count what they are sent.

use crate::wire::{Found, Framing, Opened};
use anyhow::{Result, anyhow};
use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use tokio::net::TcpStream as AsyncTcpStream;
use tokio::sync::oneshot;
use tokio::task::{LocalSet, spawn_local};

/// What all readers together have seen so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) delivered: AtomicU64,
    pub(crate) out_of_order: AtomicU64,
    pub(crate) gaps: AtomicU64,
    /// Connections that have ended.
    pub(crate) ended: AtomicU64,
    /// Reads they came in: where a server coalesces, or readers are late, fewer than messages.
    pub(crate) reads: AtomicU64,
}

impl Counters {
    /// All of them, in the order above.
    pub(crate) fn now(&self) -> [u64; 5] {
        let Self { delivered, out_of_order, gaps, ended, reads } = self;
        [delivered, out_of_order, gaps, ended, reads].map(|counter| counter.load(Relaxed))
    }
}

/// The running thread. Dropped, its connections are closed.
#[derive(Debug)]
pub(crate) struct Readers {
    pub(crate) counters: Arc<Counters>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Readers {
    /// Reads from all of `connections` until dropped.
    pub(crate) fn start(connections: Vec<Opened>) -> Self {
        let counters = Arc::new(Counters::default());
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn({
            let counters = Arc::clone(&counters);
            move || run(connections, &counters, stopped)
        });
        Self { counters, stop: Some(stop), thread: Some(thread) }
    }

    /// Whether the thread has failed.
    ///
    /// # Errors
    ///
    /// The error it ended with.
    pub(crate) fn check(&mut self) -> Result<()> {
        if self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
            let outcome = self.thread.take().map(JoinHandle::join);
            outcome
                .unwrap_or(Ok(Ok(())))
                .map_err(|_| anyhow!("the readers' thread has panicked"))??;
        }
        Ok(())
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.stop.take().map(|stop| stop.send(()));
        self.thread.take().map(JoinHandle::join);
    }
}

fn run(
    connections: Vec<Opened>,
    counters: &Arc<Counters>,
    stop: oneshot::Receiver<()>,
) -> Result<()> {
    // Readers may be late, the publisher, which shares the processor with them, may not.
    rustix::process::nice(NICE)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, async {
        let buffer = Rc::new(RefCell::new(Vec::with_capacity(BUFFER_BYTES)));
        for Opened { socket, framing, early } in connections {
            let socket = nonblocking(socket)?;
            let (counters, buffer) = (Arc::clone(counters), Rc::clone(&buffer));
            spawn_local(async move {
                read(&socket, framing, early, &counters, &buffer).await;
                counters.ended.fetch_add(1, Relaxed);
            });
        }
        let _stopped = stop.await;
        Ok(())
    })
}

fn nonblocking(socket: TcpStream) -> Result<AsyncTcpStream> {
    socket.set_nonblocking(true)?;
    Ok(AsyncTcpStream::from_std(socket)?)
}

/// Reads until the connection ends.
async fn read(
    socket: &AsyncTcpStream,
    framing: Framing,
    mut rest: Vec<u8>,
    counters: &Counters,
    buffer: &RefCell<Vec<u8>>,
) {
    // It is here before the first message.
    let mut next = Some(0);
    while socket.readable().await.is_ok() {
        let mut buffer = buffer.borrow_mut();
        // What is unfinished goes in front of what comes.
        buffer.clear();
        buffer.append(&mut rest);
        match socket.try_read_buf(&mut *buffer) {
            Ok(1..) => add(&counters.reads, 1),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => return,
        }
        let mut found = Found::default();
        rest.extend_from_slice(framing.read(&buffer, &mut next, &mut found));
        add(&counters.delivered, found.messages);
        add(&counters.out_of_order, found.out_of_order);
        add(&counters.gaps, found.gaps);
    }
}

/// Adds to what only this thread writes.
fn add(counter: &AtomicU64, count: u64) {
    if count > 0 {
        counter.store(counter.load(Relaxed) + count, Relaxed);
    }
}

const NICE: i32 = 10;
/// More than a server writes at once.
const BUFFER_BYTES: usize = 1 << 20;
