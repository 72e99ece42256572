//! Input whose end does not come: the server has to hold what it has.

use crate::hostile::attacker::{Aftermath, Target};
use anyhow::Result;
use tokio::net::TcpStream;

pub(in crate::hostile) async fn bodies(target: Target) -> Result<Aftermath> {
    let head = format!(
        "POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY_BYTES}\r\n\r\n"
    );
    let count = target.count_to_fill(200);
    unfinished(target, count, head.as_bytes(), BODY_BYTES - 1).await
}

pub(in crate::hostile) async fn messages(target: Target) -> Result<Aftermath> {
    let handshake = b"GET /ws?channel=idle HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
                      Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // The head of a masked text frame of 1,000,000 bytes, whose mask is zero.
    let head = b"\x81\xff\x00\x00\x00\x00\x00\x0f\x42\x40\x00\x00\x00\x00";
    let input = [&head[..], &vec![b'x'; MESSAGE_BYTES - 1]].concat();
    let mut opened = Vec::new();
    while opened.len() < target.count_to_fill(300) && !target.is_given_up() {
        opened.push(target.open(handshake).await?);
    }
    Ok(write_each(&target, opened, &input).await)
}

pub(in crate::hostile) async fn heads(target: Target) -> Result<Aftermath> {
    let count = target.count_to_fill(2_000);
    unfinished(target, count, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", HEAD_BYTES).await
}

/// On each of a number of connections, an opening and then a number of bytes, as far as the server reads them.
async fn unfinished(
    target: Target,
    connections: usize,
    opening: &[u8],
    bytes: usize,
) -> Result<Aftermath> {
    let input = [opening, &vec![b'x'; bytes]].concat();
    let mut opened = Vec::with_capacity(connections);
    while opened.len() < connections && !target.is_given_up() {
        opened.push(target.connect().await?);
    }
    Ok(write_each(&target, opened, &input).await)
}

/// Writes the same on each connection, as far as the server takes it.
async fn write_each(target: &Target, mut held: Vec<TcpStream>, input: &[u8]) -> Aftermath {
    let mut taken = 0;
    for socket in held.iter_mut().take_while(|_| !target.is_given_up()) {
        taken += target.write(socket, input).await;
    }
    let note = format!("{} x {} KB", held.len(), (taken / held.len().max(1)) >> 10);
    Aftermath { held, note, faults: Vec::new() }
}

const BODY_BYTES: usize = 8 << 20;
const MESSAGE_BYTES: usize = 1_000_000;
const HEAD_BYTES: usize = 120_000;
