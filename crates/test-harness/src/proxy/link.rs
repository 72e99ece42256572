//! One proxied connection: two pumps, and an end that may be ordered.

use super::{
    Break, Ending, Faults, Flow, Intermediary, Orders,
    intermediary::{Course as Reception, asks_for_stream},
};
use std::{
    future, io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    time::{sleep, timeout},
};

/// Carries a connection until both sides have ended it, or it is broken.
pub(super) async fn run(
    mut client: TcpStream,
    target: SocketAddr,
    number: u64,
    orders: watch::Receiver<Orders>,
    passed_down: Arc<AtomicU64>,
) {
    match receive(&mut client, number, orders.clone()).await {
        Reception::On => {}
        Reception::Answered => return drop(end(&mut client).await),
        Reception::Silent => future::pending().await,
    }
    let Ok(mut server) = TcpStream::connect(target).await else {
        return drop(client.set_zero_linger());
    };
    // Without it the kernel would mend what is split into tiny writes.
    if client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).is_err() {
        return;
    }
    match carry(&mut client, &mut server, number, orders, &passed_down).await {
        Ending::Silence => future::pending().await,
        Ending::Reset => {
            let _gone_already = client.set_zero_linger().and_then(|()| server.set_zero_linger());
        }
        Ending::End => {
            let _gone_already = tokio::join!(end(&mut client), end(&mut server));
        }
    }
}

/// Lets what stands between have the connection first. One that breaks meanwhile is passed on, and breaks there.
async fn receive(
    client: &mut TcpStream,
    number: u64,
    orders: watch::Receiver<Orders>,
) -> Reception {
    let Some(through) = orders.borrow().faults(number).through else { return Reception::On };
    tokio::select! {
        biased;
        _ = ordered_end(orders) => Reception::On,
        course = through.receive(client) => course.unwrap_or(Reception::On),
    }
}

async fn carry(
    client: &mut TcpStream,
    server: &mut TcpStream,
    number: u64,
    orders: watch::Receiver<Orders>,
    passed_down: &AtomicU64,
) -> Ending {
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let is_streaming = AtomicBool::new(false);
    let is_streaming = &is_streaming;
    let pump = |from, to, way, counted| Pump {
        from,
        to,
        way,
        number,
        orders: orders.clone(),
        counted,
        is_streaming,
    };
    let up = pump(from_client, to_server, Way::Up, None);
    let down = pump(from_server, to_client, Way::Down, Some(passed_down));
    tokio::select! {
        biased;
        ending = ordered_end(orders) => ending,
        ended = async { tokio::try_join!(up.run(), down.run()) } => match ended {
            Ok(_) => Ending::End,
            Err(ending) => ending,
        },
    }
}

/// Waits for a cut; a proxy that is gone is one.
async fn ordered_end(mut orders: watch::Receiver<Orders>) -> Ending {
    let cuts = orders.borrow().cuts;
    match orders.wait_for(|orders| orders.cuts != cuts).await {
        Ok(orders) => orders.ending,
        Err(_) => Ending::Reset,
    }
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Up,
    Down,
}

/// What holds for one direction.
struct Course {
    flow: Flow,
    /// The other direction's.
    back: Flow,
    break_after: Option<Break>,
}

struct Pump<'a> {
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    way: Way,
    number: u64,
    orders: watch::Receiver<Orders>,
    /// Counts the bytes that were passed on.
    counted: Option<&'a AtomicU64>,
    /// Whether the client has asked for a stream.
    is_streaming: &'a AtomicBool,
}

impl Pump<'_> {
    /// Passes bytes on until their end has been passed on too.
    async fn run(mut self) -> Result<(), Ending> {
        let mut buffer = vec![0; PIECE_BYTES_MAX];
        let mut passed = 0;
        let mut is_received = true;
        loop {
            let Course { flow, back, break_after } = self.course();
            let bytes_max = match flow {
                Flow::Stalled => {
                    self.news().await;
                    continue;
                }
                Flow::Trickling { bytes_max, .. } => bytes_max.clamp(1, PIECE_BYTES_MAX),
                Flow::Free | Flow::Delayed(_) | Flow::Swallowed => PIECE_BYTES_MAX,
            };
            if !is_received && back != Flow::Swallowed {
                return Err(Ending::Reset);
            }
            let room = buffer.get_mut(..bytes_max).unwrap_or_default();
            let read = tokio::select! {
                biased;
                () = Self::changed(&mut self.orders) => continue,
                read = self.from.read(room) => read,
            };
            if flow == Flow::Swallowed || !is_received {
                if !matches!(read, Ok(1..)) {
                    self.news().await;
                }
                continue;
            }
            let read = read.map_err(|_| Ending::Reset)?;
            if read == 0 {
                return self.to.shutdown().await.map_err(|_| Ending::Reset);
            }
            let bytes = buffer.get(..read).unwrap_or_default();
            if matches!(self.way, Way::Up) && asks_for_stream(bytes) {
                self.is_streaming.store(true, Ordering::Relaxed);
            }
            while self.course().flow == Flow::Stalled {
                self.news().await;
            }
            let (pass, ending) = up_to_the_break(passed, read, break_after);
            match self.pass(buffer.get(..pass).unwrap_or_default(), flow).await {
                Ok(()) => {
                    let pass = u64::try_from(pass).unwrap_or(u64::MAX);
                    passed += pass;
                    if let Some(counted) = self.counted {
                        counted.fetch_add(pass, Ordering::Relaxed);
                    }
                }
                // Its listener is gone, which nobody may learn while the way back is swallowed.
                Err(_) if back == Flow::Swallowed => is_received = false,
                Err(_) => return Err(Ending::Reset),
            }
            if let Some(ending) = ending {
                return Err(ending);
            }
        }
    }

    fn course(&mut self) -> Course {
        let faults = self.orders.borrow_and_update().faults(self.number);
        let Faults { up, down, break_after, through } = faults;
        let is_held_back =
            through == Some(Intermediary::Buffering) && self.is_streaming.load(Ordering::Relaxed);
        match self.way {
            Way::Up => Course { flow: up, back: down, break_after: None },
            Way::Down if is_held_back => Course { flow: Flow::Stalled, back: up, break_after },
            Way::Down => Course { flow: down, back: up, break_after },
        }
    }

    async fn pass(&mut self, bytes: &[u8], flow: Flow) -> io::Result<()> {
        if let Flow::Delayed(delay) = flow {
            sleep(delay).await;
        }
        self.to.write_all(bytes).await?;
        if let Flow::Trickling { pause, .. } = flow
            && pause > Duration::ZERO
        {
            sleep(pause).await;
        }
        Ok(())
    }

    async fn news(&mut self) {
        Self::changed(&mut self.orders).await;
    }

    /// Waits for orders. A proxy that is gone gives none; its link ends elsewhere.
    async fn changed(orders: &mut watch::Receiver<Orders>) {
        if orders.changed().await.is_err() {
            future::pending::<()>().await;
        }
    }
}

/// How many of the bytes read may pass, and whether the connection breaks after them.
fn up_to_the_break(passed: u64, read: usize, after: Option<Break>) -> (usize, Option<Ending>) {
    let left = after.map(|after| (after.down_bytes.saturating_sub(passed), after.ending));
    match left.map(|(left, ending)| (usize::try_from(left).unwrap_or(usize::MAX), ending)) {
        Some((left, ending)) if left <= read => (left, Some(ending)),
        _ => (read, None),
    }
}

/// Sends a FIN and reads what still comes: to close with bytes unread would send an RST instead.
async fn end(stream: &mut TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut rest = [0; 4096];
    let drain = async {
        while stream.read(&mut rest).await? > 0 {}
        Ok(())
    };
    timeout(END_WAIT, drain).await.unwrap_or(Ok(()))
}

const PIECE_BYTES_MAX: usize = 64 << 10;
/// Longer than any peer takes to answer a FIN, short enough to leave no task behind for long.
const END_WAIT: Duration = Duration::from_secs(2);
