//! Memory of an idle subscriber: what a fresh server's anonymous memory grows by, a connection.

use super::{Wire, anonymous_bytes, open_over};
use crate::{
    http2::Http2Tunnel,
    peers::http::publish,
    server::Server,
    tls::{Certificates, Tunnel},
};
use anyhow::{Context as _, Result, ensure};
use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite},
    net::TcpStream,
    time::{sleep, timeout},
};

/// Bytes a subscriber of one channel, first when idle, then when a message has been delivered to
/// each.
///
/// # Errors
///
/// A server could not be started, or let a subscriber go.
pub async fn idle_bytes(connections: u64, wire: Wire) -> Result<(u64, u64)> {
    let server = Server::start(ARGUMENTS).await?;
    let connect = async || {
        let socket = TcpStream::connect(server.address()).await?;
        socket.set_nodelay(true)?;
        Ok(socket)
    };
    measure(connections, wire, &server, server.address(), connect).await
}

/// The same over TLS 1.3.
///
/// # Errors
///
/// The same.
pub async fn idle_bytes_over_tls(connections: u64, wire: Wire) -> Result<(u64, u64)> {
    let certificates = Certificates::new()?;
    let server = certificates.serve(ARGUMENTS).await?;
    let client = certificates.client()?;
    let tunnel = Tunnel::start(server.address(), client.clone()).await?;
    let connect = async || client.connect(server.address()).await;
    measure(connections, wire, &server, tunnel.address(), connect).await
}

/// The same for streams of HTTP/2 connections, `streams` on each.
///
/// # Errors
///
/// The same.
pub async fn idle_bytes_over_http2(
    connections: u64,
    streams: u64,
    wire: Wire,
) -> Result<(u64, u64)> {
    let certificates = Certificates::new()?;
    let server = certificates.serve(ARGUMENTS).await?;
    let client = certificates.client()?;
    let publisher = Tunnel::start(server.address(), client.clone()).await?;
    let tunnels = RefCell::new(Vec::new());
    let opened = Cell::new(0_u64);
    let connect = async || {
        if opened.replace(opened.get() + 1).is_multiple_of(streams) {
            let tunnel = Http2Tunnel::start(server.address(), &client).await?;
            tunnels.borrow_mut().push(tunnel);
        }
        let address = tunnels.borrow().last().map(Http2Tunnel::address);
        Ok(TcpStream::connect(address.context("no tunnel")?).await?)
    };
    measure(connections, wire, &server, publisher.address(), connect).await
}

/// `publisher` is where the server is reached without TLS.
async fn measure<S: AsyncRead + AsyncWrite + Unpin>(
    connections: u64,
    wire: Wire,
    server: &Server,
    publisher: SocketAddr,
    connect: impl AsyncFn() -> Result<S>,
) -> Result<(u64, u64)> {
    let mut subscribers = Vec::new();
    // The first ones make the server allocate what it keeps however many follow, a publisher's connection too.
    publish(publisher, CHANNEL, "before").await?;
    for _ in 0..WARM_UP {
        subscribers.push(open_over(connect().await?, wire, CHANNEL).await?.0);
    }
    let before = settled_bytes(server).await?;
    for _ in 0..connections {
        subscribers.push(open_over(connect().await?, wire, CHANNEL).await?.0);
    }
    let idle = settled_bytes(server).await?;
    publish(publisher, CHANNEL, &"X".repeat(128)).await?;
    for subscriber in &mut subscribers {
        timeout(DELIVERY_WAIT, delivered(subscriber)).await??;
    }
    let after = settled_bytes(server).await?;
    let each = |bytes: u64| bytes.saturating_sub(before) / connections;
    Ok((each(idle), each(after)))
}

/// Waits for the message, whose capitals no opening words and no position hold.
async fn delivered(subscriber: &mut (impl AsyncRead + Unpin)) -> Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let read = subscriber.read(&mut buffer).await?;
        ensure!(read > 0, "a subscriber was let go");
        if buffer.iter().take(read).any(|byte| *byte == b'X') {
            return Ok(());
        }
    }
}

async fn settled_bytes(server: &Server) -> Result<u64> {
    sleep(SETTLE).await;
    anonymous_bytes(server.id()?)
}

/// No subscriber answers pings, and on a busy machine all of this may take longer than the server waits for them.
const ARGUMENTS: &[&str] = &["--workers", "1", "--heartbeat", "1h"];
const CHANNEL: &str = "idle";
const WARM_UP: u64 = 50;
const SETTLE: Duration = Duration::from_secs(1);
const DELIVERY_WAIT: Duration = Duration::from_secs(10);
