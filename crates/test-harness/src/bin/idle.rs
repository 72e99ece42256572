//! Memory of an idle subscriber: what a fresh server's anonymous memory grows by, a connection.

use anyhow::{Result, ensure};
use clap::Parser;
use std::{net::SocketAddr, time::Duration};
use tidewire_test_harness::{
    load::{Wire, anonymous_bytes, open, raise_descriptor_limit},
    peers::http::publish,
    server::Server,
};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

/// Measure the anonymous resident memory of idle subscribers with one subscription each
#[derive(Debug, Parser)]
struct Arguments {
    /// Subscribers
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    connections: u64,
    /// Exit 1 above so many bytes a subscriber
    #[arg(long, default_value_t = 2_500)]
    bytes_max: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    raise_descriptor_limit()?;
    let mut most = 0;
    println!("{:<12} {:>14} {:>24}", "", "B/subscriber", "after one delivery each");
    for (name, wire) in
        [("websocket", Wire::Ws), ("tidewire.v1", Wire::Tidewire), ("sse", Wire::Sse)]
    {
        let (idle, delivered) = measure(arguments.connections, wire).await?;
        println!("{name:<12} {idle:>14} {delivered:>24}");
        most = most.max(idle).max(delivered);
    }
    ensure!(most <= arguments.bytes_max, "{most} B a subscriber, above {}", arguments.bytes_max);
    Ok(())
}

/// Bytes a subscriber, first when idle, then when a message has been delivered to each.
async fn measure(connections: u64, wire: Wire) -> Result<(u64, u64)> {
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
