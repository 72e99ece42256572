//! What attackers have in common: an address of their own, and connections that write without reading.

use super::scale::Scale;
use crate::tls::Client;
use anyhow::{Context as _, Result, ensure};
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// The server under attack, and for how long it is.
pub(super) struct Target {
    pub(super) address: SocketAddr,
    /// Where the attacker comes from; the healthy come from 127.0.0.1.
    pub(super) source: Ipv4Addr,
    pub(super) until: Instant,
    pub(super) phase: Duration,
    pub(super) random: fastrand::Rng,
    /// How large the attack is.
    pub(super) scale: Scale,
    /// Where it speaks TLS, if it does, and a client that trusts it.
    pub(super) tls: Option<(SocketAddr, Client)>,
}

/// What an attack leaves behind.
#[derive(Default)]
pub(super) struct Aftermath {
    /// Connections that stay open while the attacker is idle.
    pub(super) held: Vec<TcpStream>,
    /// What it came to, for the table.
    pub(super) note: String,
    /// What should not have been.
    pub(super) faults: Vec<String>,
}

impl Target {
    /// `full`, or fewer in a short run.
    pub(super) fn count(&self, full: usize) -> usize {
        (full / self.scale.divisor()).max(1)
    }

    /// The same for connections that fill an account.
    pub(super) fn count_to_fill(&self, full: usize) -> usize {
        (full / self.scale.divisor_of_accounts()).max(1)
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Gives the attack its whole time from now on: what it needs for that is open.
    pub(super) fn begin(&mut self) {
        self.until = Instant::now() + self.phase;
    }

    /// Whether an attack that is bounded by its count has taken too long.
    pub(super) fn is_given_up(&self) -> bool {
        Instant::now() >= self.until + COUNT_SPARE
    }

    pub(super) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// A connection from the attackers' address.
    pub(super) async fn connect(&self) -> Result<TcpStream> {
        connect(self.address, self.source).await
    }

    /// Sends a request, and returns once the head of a good answer has come.
    pub(super) async fn open(&self, request: &[u8]) -> Result<TcpStream> {
        let mut socket = self.connect().await?;
        socket.write_all(request).await?;
        let mut head = [0; 12];
        socket.read_exact(&mut head).await.context("the connection ended without an answer")?;
        let status = head.get(9..).unwrap_or_default();
        ensure!(status == b"200" || status == b"101", "{}", String::from_utf8_lossy(&head));
        Ok(socket)
    }

    /// A number of connections, each after `request` was sent on it.
    pub(super) async fn connect_each(
        &self,
        count: usize,
        request: &[u8],
    ) -> Result<Vec<TcpStream>> {
        let mut sockets = Vec::with_capacity(count);
        for _ in 0..count {
            let mut socket = self.connect().await?;
            socket.write_all(request).await?;
            sockets.push(socket);
        }
        Ok(sockets)
    }

    /// Writes until the server reads no more for a while; returns how many bytes it has read.
    pub(super) async fn write(&self, socket: &mut TcpStream, bytes: &[u8]) -> usize {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match timeout(STUCK_AFTER, socket.write(rest)).await {
                Ok(Ok(more)) if more > 0 => written += more,
                _ => break,
            }
        }
        written
    }
}

pub(super) async fn connect(address: SocketAddr, source: Ipv4Addr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_nodelay(true)?;
    socket.bind((source, 0).into())?;
    socket.connect(address).await.context("an attacker cannot connect")
}

/// Sends a request over a connection that is kept, and returns the answer's status and body.
pub(super) async fn ask(socket: &mut TcpStream, request: &[u8]) -> Result<(u16, Vec<u8>)> {
    socket.write_all(request).await?;
    let mut came = Vec::new();
    let (head_end, length) = loop {
        ensure!(socket.read_buf(&mut came).await? > 0, "the connection ended without an answer");
        if let Some(at) = came.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(came.get(..at).unwrap_or_default()).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            break (at + 4, length.map_or(Ok(0), str::parse::<usize>)?);
        }
    };
    while came.len() < head_end + length {
        ensure!(socket.read_buf(&mut came).await? > 0, "the connection ended inside an answer");
    }
    let status = std::str::from_utf8(came.get(9..12).unwrap_or_default())?.parse()?;
    Ok((status, came.split_off(head_end)))
}

/// A `GET`, of HTTP/1.1.
pub(super) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

/// A batch: each message is given as the JSON of its fields.
pub(super) fn batch(messages: impl IntoIterator<Item = String>) -> Vec<u8> {
    let messages: Vec<String> = messages.into_iter().collect();
    let body = format!("{{\"messages\":[{}]}}", messages.join(","));
    format!(
        "POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Publishes batches one after the other, all of whose messages have to be taken.
pub(super) async fn publish_all(
    address: SocketAddr,
    batches: impl IntoIterator<Item = Vec<u8>>,
) -> Result<()> {
    let mut socket = TcpStream::connect(address).await?;
    for batch in batches {
        let (status, body) = ask(&mut socket, &batch).await?;
        let body = String::from_utf8_lossy(&body);
        let is_refused = status != 200 || body.contains("\"error\"");
        ensure!(!is_refused, "answered with {status}: {}", body.get(..400).unwrap_or(&body));
    }
    Ok(())
}

/// What a count may take beyond the time of an attack.
const COUNT_SPARE: Duration = Duration::from_secs(15);
/// After so long a server that takes nothing is taken to have stopped reading.
const STUCK_AFTER: Duration = Duration::from_millis(200);
