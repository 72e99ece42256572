//! The floor: what the kernel alone takes to send the same bytes over as many sockets.

use anyhow::Result;
use std::{
    io::Write as _,
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// Accepts `connections`, then writes each of `messages` to each of them in a plain loop, `rate`
/// messages a second, and waits to be ended, so that its cost can still be read.
///
/// # Errors
///
/// A socket fails before that.
pub fn serve_floor(
    listener: &TcpListener,
    connections: usize,
    rate: u64,
    messages: u64,
    frame: impl Fn(u64) -> Vec<u8>,
) -> Result<()> {
    let mut sockets: Vec<TcpStream> = Vec::with_capacity(connections);
    for _ in 0..connections {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        sockets.push(socket);
    }
    let beginning = Instant::now();
    for serial in 0..messages {
        let due = beginning + Duration::from_nanos(serial * 1_000_000_000 / rate);
        if let Some(early) = due.checked_duration_since(Instant::now()) {
            thread::sleep(early);
        }
        let bytes = frame(serial);
        for socket in &mut sockets {
            socket.write_all(&bytes)?;
        }
    }
    loop {
        thread::park();
    }
}
