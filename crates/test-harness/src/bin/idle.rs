//! Memory of an idle subscriber: what a fresh server's anonymous memory grows by, a connection.

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tidewire_test_harness::load::{Wire, open};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::sleep};

/// Measure the anonymous resident memory of idle subscribers with one subscription each.
#[derive(Debug, Parser)]
struct Arguments {
    /// Subscribers
    #[arg(long, default_value_t = 5_000)]
    connections: usize,
    /// Exit 1 above so many bytes a subscriber
    #[arg(long, default_value_t = 2_500)]
    bytes_max: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut most = 0;
    println!("{:<10} {:>16} {:>22}", "", "B/subscriber", "after one delivery each");
    for (name, wire, path) in
        [("websocket", Wire::Ws, "/ws?channel=idle"), ("sse", Wire::Sse, "/events?channel=idle")]
    {
        let (idle, delivered) = measure(&arguments, wire, path).await?;
        println!("{name:<10} {idle:>16} {delivered:>22}");
        most = most.max(idle).max(delivered);
    }
    ensure!(most <= arguments.bytes_max, "{most} B a subscriber, above {}", arguments.bytes_max);
    Ok(())
}

async fn measure(arguments: &Arguments, wire: Wire, path: &str) -> Result<(u64, u64)> {
    let server = Server::start()?;
    // The first ones make the server allocate what it keeps however many follow.
    let mut subscribers = Vec::new();
    subscribe(&server, WARM_UP, wire, path, &mut subscribers).await?;
    sleep(SETTLE).await;
    let before = server.anonymous_bytes()?;
    subscribe(&server, arguments.connections, wire, path, &mut subscribers).await?;
    sleep(SETTLE).await;
    let idle = server.anonymous_bytes()?;
    publish(server.address).await?;
    for subscriber in &subscribers {
        subscriber.readable().await?;
    }
    sleep(SETTLE).await;
    let delivered = server.anonymous_bytes()?;
    let each = |after: u64| after.saturating_sub(before) / arguments.connections as u64;
    Ok((each(idle), each(delivered)))
}

async fn subscribe(
    server: &Server,
    count: usize,
    wire: Wire,
    path: &str,
    subscribers: &mut Vec<TcpStream>,
) -> Result<()> {
    for _ in 0..count {
        let (mut subscriber, early) = open(server.address, wire, path).await?;
        if wire == Wire::Sse && early.is_empty() {
            // The opening block may come behind the head.
            let _ = tokio::io::AsyncReadExt::read(&mut subscriber, &mut [0; 256]).await?;
        }
        subscribers.push(subscriber);
    }
    Ok(())
}

async fn publish(address: SocketAddr) -> Result<()> {
    let mut socket = TcpStream::connect(address).await?;
    let body = "x".repeat(128);
    let request = format!(
        "POST /publish/idle HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 128\r\n\r\n{body}"
    );
    socket.write_all(request.as_bytes()).await?;
    socket.readable().await?;
    Ok(())
}

/// A fresh server with one worker, ended with this value.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start() -> Result<Self> {
        let binary = env::var("TIDEWIRE_BIN").unwrap_or_else(|_| "target/release/tidewire".into());
        let mut child = Command::new(&binary)
            .args(["--listen", "127.0.0.1:0", "--workers", "1"])
            .env_remove("TIDEWIRE_BIN")
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{binary} cannot be started"))?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no standard output")?).read_line(&mut line)?;
        let address = line.trim().rsplit('/').next().unwrap_or_default().parse()?;
        Ok(Self { child, address })
    }

    fn anonymous_bytes(&self) -> Result<u64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let line = rollup.lines().find(|line| line.starts_with("Anonymous:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)).context("no such line")?;
        Ok(kib.parse::<u64>()? << 10)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const WARM_UP: usize = 50;
const SETTLE: Duration = Duration::from_secs(1);
