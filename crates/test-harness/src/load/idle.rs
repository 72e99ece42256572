//! Memory of an idle subscriber: what a fresh server's anonymous memory grows by, a connection.

use super::{Wire, anonymous_bytes, open};
use crate::{peers::http::publish, server::Server};
use anyhow::Result;
use std::{net::SocketAddr, time::Duration};
use tokio::{
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
    let server = Server::start(&["--workers", "1"]).await?;
    // The first ones make the server allocate what it keeps however many follow.
    let mut subscribers = subscribe(server.address(), WARM_UP, wire).await?;
    let before = settled_bytes(&server).await?;
    subscribers.extend(subscribe(server.address(), connections, wire).await?);
    let idle = settled_bytes(&server).await?;
    publish(server.address(), CHANNEL, &"X".repeat(128)).await?;
    for subscriber in &subscribers {
        timeout(DELIVERY_WAIT, delivered(subscriber)).await??;
    }
    let after = settled_bytes(&server).await?;
    let each = |bytes: u64| bytes.saturating_sub(before) / connections;
    Ok((each(idle), each(after)))
}

async fn subscribe(address: SocketAddr, count: u64, wire: Wire) -> Result<Vec<TcpStream>> {
    let mut subscribers = Vec::new();
    for _ in 0..count {
        subscribers.push(open(address, wire, CHANNEL).await?.0);
    }
    Ok(subscribers)
}

/// Waits for the message, whose capitals no opening words and no position hold.
async fn delivered(subscriber: &TcpStream) -> Result<()> {
    let mut buffer = [0; 1024];
    loop {
        subscriber.readable().await?;
        match subscriber.try_read(&mut buffer) {
            Ok(0) => anyhow::bail!("a subscriber was let go"),
            Ok(read) if buffer.iter().take(read).any(|byte| *byte == b'X') => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
}

async fn settled_bytes(server: &Server) -> Result<u64> {
    sleep(SETTLE).await;
    anonymous_bytes(server.id()?)
}

const CHANNEL: &str = "idle";
const WARM_UP: u64 = 50;
const SETTLE: Duration = Duration::from_secs(1);
const DELIVERY_WAIT: Duration = Duration::from_secs(10);
