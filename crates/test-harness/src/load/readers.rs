//! Many subscribers on one thread: each knows the next serial number it has to see.

use anyhow::{Context as _, Result, ensure};
use std::{cell::RefCell, net::SocketAddr, rc::Rc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
};

/// How the bytes are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Wire {
    /// Raw WebSocket: a frame is a payload.
    Ws,
    /// Server-Sent Events: a chunk is an event.
    Sse,
    /// Bare WebSocket frames with no handshake before them: the floor.
    Bare,
}

/// What all readers together have seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Messages delivered.
    pub delivered: u64,
    /// Messages that were not the next one: a loss, a repeat or a disorder.
    pub out_of_order: u64,
    /// Gap notices.
    pub gaps: u64,
}

/// Subscribers that count.
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
    pub async fn open(address: SocketAddr, count: usize, wire: Wire, path: &str) -> Result<Self> {
        let tally = Rc::new(RefCell::new(Tally::default()));
        let buffer = Rc::new(RefCell::new(vec![0_u8; BUFFER_BYTES]));
        let mut tasks = Vec::with_capacity(count);
        for _ in 0..count {
            let (socket, early) = open(address, wire, path).await?;
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

/// Connects, shakes hands, and returns what came behind the response's head.
///
/// # Errors
///
/// The connection fails, or the response is a refusal.
pub async fn open(address: SocketAddr, wire: Wire, path: &str) -> Result<(TcpStream, Vec<u8>)> {
    let mut socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let upgrade = match wire {
        Wire::Bare => return Ok((socket, Vec::new())),
        Wire::Sse => "",
        Wire::Ws => {
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        }
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    let end = loop {
        ensure!(socket.read_buf(&mut head).await? > 0, "closed before its response");
        if let Some(at) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let status = head.get(9..12).context("a response without a status")?;
    ensure!(status == b"101" || status == b"200", "{}", String::from_utf8_lossy(&head));
    Ok((socket, head.split_off(end)))
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
        buffer[..left.len()].copy_from_slice(&left);
        let read = match socket.try_read(&mut buffer[left.len()..]) {
            Ok(0) => return,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        };
        let filled = &buffer[..left.len() + read];
        let mut tally = tally.borrow_mut();
        let rest = match wire {
            Wire::Ws | Wire::Bare => each_frame(filled, |text| see(text, &mut next, &mut tally)),
            Wire::Sse => each_chunk(filled, |chunk| {
                let data = chunk.windows(6).position(|six| six == b"data: ");
                if let Some(at) = data {
                    see(&chunk[at + 6..], &mut next, &mut tally);
                }
            }),
        };
        left.clear();
        left.extend_from_slice(rest);
    }
}

fn see(text: &[u8], next: &mut Option<u64>, tally: &mut Tally) {
    let serial = text.get(..SERIAL_DIGITS).and_then(|digits| {
        digits.iter().try_fold(0, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0'))
        })
    });
    let Some(serial) = serial else {
        tally.gaps += 1;
        return;
    };
    tally.delivered += 1;
    tally.out_of_order += u64::from(next.is_some_and(|next| next != serial));
    *next = Some(serial + 1);
}

/// Calls `each` with the payload of every whole unmasked text frame; returns the rest.
fn each_frame(mut bytes: &[u8], mut each: impl FnMut(&[u8])) -> &[u8] {
    loop {
        let (head, len) = match bytes {
            [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([*high, *low]))),
            [_, len @ 0..=125, ..] => (2, usize::from(*len)),
            _ => return bytes,
        };
        let Some(payload) = bytes.get(head..head + len) else { return bytes };
        if bytes[0] == 0x81 {
            each(payload);
        }
        bytes = &bytes[head + len..];
    }
}

/// Calls `each` with the content of every whole chunk; returns the rest.
fn each_chunk(mut bytes: &[u8], mut each: impl FnMut(&[u8])) -> &[u8] {
    loop {
        let Some(line) = bytes.iter().take(18).position(|byte| *byte == b'\n') else {
            return bytes;
        };
        let digits = std::str::from_utf8(&bytes[..line - 1]).unwrap_or_default();
        let Ok(len) = usize::from_str_radix(digits, 16) else { return bytes };
        let (from, to) = (line + 1, line + 1 + len);
        let Some(content) = bytes.get(from..to).filter(|_| bytes.len() >= to + 2) else {
            return bytes;
        };
        each(content);
        bytes = &bytes[to + 2..];
    }
}

const SERIAL_DIGITS: usize = 12;
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
        let (mut next, mut tally) = (None, Tally::default());
        for serial in [5, 6, 8, 8] {
            see(payload(serial, 20).as_bytes(), &mut next, &mut tally);
        }
        see(b"{\"type\":\"gap\"}", &mut next, &mut tally);
        assert_eq!((tally.delivered, tally.out_of_order, tally.gaps), (4, 2, 1));
    }
}
