//! The floor: the least cost of sending the same bytes over the same sockets.
//!
//! A plain loop of `send`, without a runtime, a log or a list of anything but sockets. It is fed by the same
//! publisher as all others. What one read of that brings is put on the wire once, and written to each
//! socket by one call, so that it coalesces where its publisher is faster than it: one definition for every load.

use anyhow::{Context as _, Result, ensure};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use ws_frame::{Decoder, Event, Limits, Role};

/// Accepts subscribers until the publisher comes, then serves until that ends.
///
/// # Errors
///
/// A connection fails.
pub(crate) fn serve(listener: &TcpListener) -> Result<()> {
    let (mut subscribers, mut is_ws) = (Vec::new(), true);
    loop {
        let (mut socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        let head = read_head(&mut socket)?;
        let is_publisher = head.starts_with("GET /publish");
        let wants_ws = head.contains("Upgrade: websocket");
        socket.write_all(if wants_ws { SWITCHED.as_bytes() } else { STREAM.as_bytes() })?;
        if is_publisher {
            return broadcast(socket, &mut subscribers, is_ws);
        }
        is_ws = wants_ws;
        subscribers.push(socket);
    }
}

fn broadcast(mut publisher: TcpStream, subscribers: &mut [TcpStream], is_ws: bool) -> Result<()> {
    let mut decoder = Decoder::new(Role::Server);
    // Nothing is handed out in pieces: what is not whole yet waits for the next read.
    let limits = Limits::new().whole_bytes_max(FRAME_BYTES_MAX);
    let (mut input, mut filled, mut serial) = (vec![0; READ_BYTES], 0, 0);
    let mut bytes = Vec::new();
    loop {
        let count = publisher.read(&mut input[filled..])?;
        if count == 0 {
            return Ok(());
        }
        filled += count;
        bytes.clear();
        let mut rest = &mut input[..filled];
        while let Some(event) = decoder.decode(&mut rest, &limits)? {
            let Event::Text(text) = event else { continue };
            serial += 1;
            encode(text, serial, is_ws, &mut bytes);
        }
        let left = rest.len();
        input.copy_within(filled - left..filled, 0);
        filled = left;
        for socket in &mut *subscribers {
            socket.write_all(&bytes)?;
        }
    }
}

/// The bytes that Tidewire sends for the same message.
fn encode(text: &str, serial: u64, is_ws: bool, bytes: &mut Vec<u8>) {
    if is_ws {
        ws_frame::encode_text(text, None, bytes);
        return;
    }
    let mut event = String::new();
    let _written = write!(event, "id: mws2fei1-{serial}\ndata: {text}\n\n");
    bytes.extend_from_slice(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes());
}

fn read_head(socket: &mut TcpStream) -> Result<String> {
    let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
    while !head.ends_with(b"\r\n\r\n") {
        let count = socket.read(&mut buffer)?;
        ensure!(count > 0 && head.len() < HEAD_BYTES_MAX, "a request without an end");
        head.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8(head).context("a request that is not text")
}

/// What Tidewire reads at once.
const READ_BYTES: usize = 64 << 10;
/// More than the longest message, and less than a read.
const FRAME_BYTES_MAX: u64 = 32 << 10;
const HEAD_BYTES_MAX: usize = 8 << 10;
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const STREAM: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Found, Framing, Wire, open, payload};
    use std::thread;

    #[test]
    fn the_floor_sends_everything_it_is_given_to_everybody_on_either_wire() {
        for (wire, framing) in [(Wire::Ws, Framing::Frames), (Wire::Sse, Framing::Chunks)] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = thread::spawn(move || serve(&listener).unwrap());
            let mut subscribers = [(); 3].map(|()| open(address, wire, "/x").unwrap());
            let mut publisher = open(address, Wire::Ws, "/publish").unwrap().socket;
            for serial in 0..2_000 {
                let mut frame = Vec::new();
                ws_frame::encode_text(&payload(serial, 128), Some([9, 8, 7, 6]), &mut frame);
                publisher.write_all(&frame).unwrap();
            }
            publisher.shutdown(std::net::Shutdown::Write).unwrap();
            server.join().unwrap();
            for subscriber in &mut subscribers {
                assert_eq!(subscriber.framing, framing);
                let mut bytes = Vec::new();
                subscriber.socket.read_to_end(&mut bytes).unwrap();
                let mut found = Found::default();
                assert_eq!(framing.read(&bytes, &mut None, &mut found), b"");
                assert_eq!(found, Found { messages: 2_000, out_of_order: 0, gaps: 0 });
            }
        }
    }
}
