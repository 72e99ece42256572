//! Messages on the wire: how a connection is opened, and where in its bytes messages are.
//!
//! A reader only finds where each message ends and whether its serial number is the next one, so that
//! one processor can take in what another sends.

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use memchr::memmem;
use serde::{Deserialize, Serialize};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

/// How messages come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wire {
    /// WebSocket: a text frame is a payload
    Ws,
    /// Server-Sent Events
    Sse,
}

/// How messages are separated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// WebSocket frames.
    Frames,
    /// Events that are each a chunk of HTTP.
    Chunks,
    /// Events in a body that has no chunks.
    Events,
}

/// A connection that is subscribed, and what came after the head of its response.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) socket: TcpStream,
    pub(crate) framing: Framing,
    pub(crate) early: Vec<u8>,
}

/// What one reader has found in one read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) messages: u64,
    /// Messages that were not the next one: a loss, a repeat or a disorder.
    pub(crate) out_of_order: u64,
    /// Notices that messages are missing.
    pub(crate) gaps: u64,
}

impl Wire {
    /// What people call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ws => "WebSocket",
            Self::Sse => "SSE",
        }
    }
}

/// The text of message `serial`: its number, then filling up to `bytes`.
pub(crate) fn payload(serial: u64, bytes: usize) -> String {
    format!("{serial:0SERIAL_DIGITS$}{}", "x".repeat(bytes.saturating_sub(SERIAL_DIGITS)))
}

/// Sends a request and reads the head of its response.
///
/// # Errors
///
/// The connection fails, or the response is a refusal.
pub(crate) fn open(address: SocketAddr, wire: Wire, path: &str) -> Result<Opened> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(ANSWER_WAIT))?;
    let headers = match wire {
        Wire::Ws => UPGRADE,
        Wire::Sse => "Accept: text/event-stream\r\n",
    };
    socket
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").as_bytes())?;
    let (mut came, mut buffer) = (Vec::new(), [0; 4096]);
    let end = loop {
        if let Some(at) = memmem::find(&came, b"\r\n\r\n") {
            break at + 4;
        }
        let count = socket.read(&mut buffer).context("no response")?;
        ensure!(count > 0, "closed without a response to {path}");
        came.extend_from_slice(&buffer[..count]);
    };
    let early = came.split_off(end);
    let head = String::from_utf8_lossy(&came).to_ascii_lowercase();
    let status = head.get(9..12).unwrap_or_default();
    ensure!(status == if wire == Wire::Ws { "101" } else { "200" }, "{path} is refused: {head}");
    let framing = match wire {
        Wire::Ws => Framing::Frames,
        Wire::Sse if head.contains("transfer-encoding: chunked") => Framing::Chunks,
        Wire::Sse => Framing::Events,
    };
    Ok(Opened { socket, framing, early })
}

impl Framing {
    /// Looks at every whole message, of which `next` is the expected serial number; returns the rest.
    pub(crate) fn read<'a>(
        self,
        bytes: &'a [u8],
        next: &mut Option<u64>,
        found: &mut Found,
    ) -> &'a [u8] {
        match self {
            Self::Frames => each_frame(bytes, |text| found.see(text, next)),
            Self::Chunks => each_chunk(bytes, |chunk| found.see_event(chunk, next)),
            Self::Events => each_event(bytes, |event| found.see_event(event, next)),
        }
    }
}

impl Found {
    fn see_event(&mut self, event: &[u8], next: &mut Option<u64>) {
        if let Some(at) = memmem::find(event, b"data: ") {
            self.see(&event[at + 6..], next);
        }
    }

    fn see(&mut self, payload: &[u8], next: &mut Option<u64>) {
        if let Some(serial) = serial(payload) {
            self.messages += 1;
            self.out_of_order += u64::from(next.is_some_and(|next| next != serial));
            *next = Some(serial + 1);
        } else if memmem::find(payload, br#""type":"gap""#).is_some() {
            self.gaps += 1;
        }
    }
}

fn serial(payload: &[u8]) -> Option<u64> {
    payload.get(..SERIAL_DIGITS)?.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0'))
    })
}

/// Calls `each` with the payload of every whole unmasked text frame; returns the rest.
fn each_frame(mut bytes: &[u8], mut each: impl FnMut(&[u8])) -> &[u8] {
    loop {
        let (first, len, rest) = match bytes {
            [first, 126, high, low, rest @ ..] => {
                (*first, usize::from(u16::from_be_bytes([*high, *low])), rest)
            }
            [first, len @ 0..=125, rest @ ..] => (*first, usize::from(*len), rest),
            _ => return bytes,
        };
        let Some((payload, rest)) = rest.split_at_checked(len) else { return bytes };
        if first == FINAL_TEXT {
            each(payload);
        }
        bytes = rest;
    }
}

/// Calls `each` with the content of every whole chunk; returns the rest.
fn each_chunk(mut bytes: &[u8], mut each: impl FnMut(&[u8])) -> &[u8] {
    loop {
        let line = &bytes[..bytes.len().min(SIZE_LINE_BYTES_MAX)];
        let Some(end) = memchr::memchr(b'\n', line) else { return bytes };
        let digits = line[..end].iter().map_while(|digit| char::from(*digit).to_digit(16));
        let size = digits.fold(0, |size, digit| size * 16 + digit as usize);
        let start = end + 1;
        // A line end follows the content.
        if bytes.len() < start + size + 2 {
            return bytes;
        }
        each(&bytes[start..start + size]);
        bytes = &bytes[start + size + 2..];
    }
}

/// Calls `each` with every event that an empty line ends; returns the rest.
fn each_event(mut bytes: &[u8], mut each: impl FnMut(&[u8])) -> &[u8] {
    while let Some(end) = memmem::find(bytes, b"\n\n") {
        each(&bytes[..end]);
        bytes = &bytes[end + 2..];
    }
    bytes
}

/// How long a server may take to answer a request.
const ANSWER_WAIT: std::time::Duration = std::time::Duration::from_secs(20);
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const FINAL_TEXT: u8 = 0x81;
pub(crate) const SERIAL_DIGITS: usize = 12;
/// A size of 16 digits and its line end.
const SIZE_LINE_BYTES_MAX: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: &[u8] =
        b"\x81\x0e000000000007hi\x89\x00\x81\x0c000000000008\x81\x7e\x00\x0c000000000009";
    const CHUNKS: &[u8] =
        b"15\r\nretry: 2000\nid: a-1\n\n\r\n1a\r\nid: 7\ndata: 000000000007\n\n\r\n\
        1A\r\nid: 8\ndata: 000000000008\n\n\r\n19\r\nevent: a\ndata: 0000000009\r\n";
    const EVENTS: &[u8] = b": hi\n\nid: 7\ndata: 000000000007\n\nid: 8\ndata: 000000000008\n\n";

    #[test]
    fn messages_are_found_at_every_cut_and_the_rest_is_left() {
        for (framing, wire, messages) in [
            (Framing::Frames, FRAMES, 3),
            (Framing::Chunks, CHUNKS, 2),
            (Framing::Events, EVENTS, 2),
        ] {
            for cut in 0..=wire.len() {
                let (mut next, mut found) = (None, Found::default());
                let (first, second) = wire.split_at(cut);
                let mut rest = framing.read(first, &mut next, &mut found).to_vec();
                rest.extend_from_slice(second);
                assert_eq!(framing.read(&rest, &mut next, &mut found), b"", "{framing:?} {cut}");
                let expected = Found { messages, out_of_order: 0, gaps: 0 };
                assert_eq!(found, expected, "{framing:?} {cut}");
            }
        }
    }

    #[test]
    fn a_serial_that_is_not_the_next_and_a_gap_are_counted() {
        let (mut next, mut found) = (None, Found::default());
        for serial in [5, 6, 8, 8] {
            found.see(payload(serial, 20).as_bytes(), &mut next);
        }
        found.see_event(br#"data: {"type":"gap","channel":"fan"}"#, &mut next);
        assert_eq!(found, Found { messages: 4, out_of_order: 2, gaps: 1 });
    }
}
