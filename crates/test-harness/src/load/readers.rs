//! Many subscribers on one thread: each knows the next serial number it has to see.

use anyhow::{Context as _, Result, ensure};
use std::{cell::RefCell, io::ErrorKind, net::SocketAddr, rc::Rc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
};

/// How messages come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Wire {
    /// Raw WebSocket: a frame is a payload
    Ws,
    /// WebSocket that speaks `tidewire.v1`
    Tidewire,
    /// Server-Sent Events: a chunk is an event
    Sse,
    /// Bare WebSocket frames with no handshake before them: the floor
    #[value(skip)]
    Bare,
}

/// What all readers together have seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages delivered.
    pub delivered: u64,
    /// Messages that were not the next one: a loss, a repeat or a disorder.
    pub out_of_order: u64,
    /// Gap notices.
    pub gaps: u64,
    /// Reads they came in: where a server coalesces, or readers are late, fewer than messages.
    pub reads: u64,
}

/// Subscribers that count.
#[derive(Debug)]
pub struct Readers {
    tally: Rc<RefCell<Tally>>,
    tasks: Vec<JoinHandle<()>>,
}

/// The text of message `serial`: its number, then filling up to `bytes`.
pub fn payload(serial: u64, bytes: usize) -> String {
    format!("{serial:0SERIAL_DIGITS$}{}", "x".repeat(bytes.saturating_sub(SERIAL_DIGITS)))
}

impl Readers {
    /// Opens `count` subscribers to one channel; must run inside a `LocalSet`.
    ///
    /// # Errors
    ///
    /// A connection cannot be opened.
    pub async fn open(
        address: SocketAddr,
        count: usize,
        wire: Wire,
        channel: &str,
    ) -> Result<Self> {
        let tally = Rc::new(RefCell::new(Tally::default()));
        let buffer = Rc::new(RefCell::new(Vec::with_capacity(BUFFER_BYTES)));
        let mut tasks = Vec::with_capacity(count);
        for _ in 0..count {
            let (socket, early) = open(address, wire, channel).await?;
            let (tally, buffer) = (Rc::clone(&tally), Rc::clone(&buffer));
            tasks.push(tokio::task::spawn_local(run(socket, early, wire, tally, buffer)));
        }
        Ok(Self { tally, tasks })
    }

    /// What has been seen so far.
    pub fn tally(&self) -> Tally {
        *self.tally.borrow()
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Subscribes to a channel, and returns what came behind the response's head.
///
/// # Errors
///
/// The connection fails, or the response is a refusal.
pub async fn open(address: SocketAddr, wire: Wire, channel: &str) -> Result<(TcpStream, Vec<u8>)> {
    let mut socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let (path, headers) = match wire {
        Wire::Bare => return Ok((socket, Vec::new())),
        Wire::Sse => (format!("/events?channel={channel}"), ""),
        Wire::Ws => (format!("/ws?channel={channel}"), UPGRADE),
        Wire::Tidewire => ("/ws".to_owned(), UPGRADE_TO_TIDEWIRE),
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    socket.write_all(request.as_bytes()).await?;
    if wire == Wire::Tidewire {
        let subscribe = format!(r#"{{"type":"subscribe","id":1,"channel":"{channel}"}}"#);
        let mut frame = Vec::new();
        ws_frame::encode_text(&subscribe, Some([1, 2, 3, 4]), &mut frame);
        socket.write_all(&frame).await?;
    }
    let mut came = Vec::new();
    let head_end = read_past(&mut socket, b"\r\n\r\n", &mut came).await?;
    let status = came.get(9..12).context("a response without a status")?;
    ensure!(status == b"101" || status == b"200", "{}", String::from_utf8_lossy(&came));
    match wire {
        Wire::Tidewire => read_past(&mut socket, br#""type":"subscribed""#, &mut came).await?,
        // The opening block: from then on it follows.
        Wire::Sse => read_past(&mut socket, b"id:", &mut came).await?,
        Wire::Ws | Wire::Bare => head_end,
    };
    Ok((socket, came.split_off(head_end)))
}

/// Reads until `mark` has come, and returns where it ends.
async fn read_past(socket: &mut TcpStream, mark: &[u8], came: &mut Vec<u8>) -> Result<usize> {
    loop {
        if let Some(at) = find(came, mark) {
            return Ok(at + mark.len());
        }
        ensure!(socket.read_buf(came).await? > 0, "closed too early");
    }
}

async fn run(
    socket: TcpStream,
    mut left: Vec<u8>,
    wire: Wire,
    tally: Rc<RefCell<Tally>>,
    buffer: Rc<RefCell<Vec<u8>>>,
) {
    let mut next = None;
    loop {
        if socket.readable().await.is_err() {
            return;
        }
        let mut buffer = buffer.borrow_mut();
        // What is unfinished goes in front of what comes.
        buffer.clear();
        buffer.append(&mut left);
        let mut tally = tally.borrow_mut();
        match socket.try_read_buf(&mut *buffer) {
            Ok(0) => return,
            Ok(_) => tally.reads += 1,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        let each = |content: &[u8]| tally.see(wire, content, &mut next);
        let rest = match wire {
            Wire::Sse => each_chunk(&buffer, each),
            Wire::Ws | Wire::Tidewire | Wire::Bare => each_frame(&buffer, each),
        };
        left.extend_from_slice(rest);
    }
}

impl Tally {
    fn see(&mut self, wire: Wire, content: &[u8], next: &mut Option<u64>) {
        let mark: &[u8] = match wire {
            Wire::Ws | Wire::Bare => b"",
            Wire::Tidewire => br#""data":""#,
            Wire::Sse => b"data: ",
        };
        let payload = find(content, mark).and_then(|at| content.get(at + mark.len()..));
        if let Some(serial) = payload.and_then(serial) {
            self.delivered += 1;
            self.out_of_order += u64::from(next.is_some_and(|next| next != serial));
            *next = Some(serial + 1);
        } else if find(content, br#""type":"gap""#).is_some() {
            self.gaps += 1;
        }
    }
}

fn serial(payload: &[u8]) -> Option<u64> {
    let digits = payload.get(..SERIAL_DIGITS)?;
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0'))
    })
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    if mark.is_empty() {
        return Some(0);
    }
    bytes.windows(mark.len()).position(|window| window == mark)
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
    let split = |bytes: &'_ [u8]| -> Option<(usize, usize)> {
        let line_end = bytes.iter().take(SIZE_LINE_BYTES_MAX).position(|byte| *byte == b'\n')? + 1;
        let line = str::from_utf8(bytes.get(..line_end)?).ok()?;
        Some((line_end, usize::from_str_radix(line.trim_end(), 16).ok()?))
    };
    loop {
        let Some((line_end, size)) = split(bytes) else { return bytes };
        let Some((chunk, rest)) = bytes.split_at_checked(line_end + size + 2) else { return bytes };
        each(chunk.get(line_end..line_end + size).unwrap_or_default());
        bytes = rest;
    }
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const UPGRADE_TO_TIDEWIRE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: tidewire.v1\r\n";

const FINAL_TEXT: u8 = 0x81;
const SERIAL_DIGITS: usize = 12;
/// A size of 16 digits and its line end.
const SIZE_LINE_BYTES_MAX: usize = 18;
/// More than a server gathers for one write.
const BUFFER_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_chunks_are_found_and_the_rest_is_left() {
        let mut seen = Vec::new();
        let rest = each_frame(b"\x81\x02hi\x89\x00\x81\x05he", |text| seen.push(text.to_vec()));
        assert_eq!((seen, rest), (vec![b"hi".to_vec()], &b"\x81\x05he"[..]));
        let mut seen = Vec::new();
        let rest = each_chunk(b"3\r\nabc\r\n10\r\nabc", |chunk| seen.push(chunk.to_vec()));
        assert_eq!((seen, rest), (vec![b"abc".to_vec()], &b"10\r\nabc"[..]));
    }

    #[test]
    fn a_serial_that_is_not_the_next_is_told() {
        for (wire, before, after) in [
            (Wire::Ws, "", ""),
            (Wire::Sse, "id: a-1\ndata: ", "\n\n"),
            (Wire::Tidewire, r#"{"type":"message","data":""#, r#""}"#),
        ] {
            let (mut next, mut tally) = (None, Tally::default());
            for serial in [5, 6, 8, 8] {
                let text = format!("{before}{}{after}", payload(serial, 20));
                tally.see(wire, text.as_bytes(), &mut next);
            }
            tally.see(wire, b"data: {\"type\":\"gap\",", &mut next);
            tally.see(wire, b"id: a-9\n\n", &mut next);
            assert_eq!(
                tally,
                Tally { delivered: 4, out_of_order: 2, gaps: 1, reads: 0 },
                "{wire:?}"
            );
        }
    }
}
