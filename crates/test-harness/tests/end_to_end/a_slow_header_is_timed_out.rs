//! A request head that arrives one byte at a time: its time runs out, others are served meanwhile.

use crate::common::within;
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};
use tidewire_test_harness::{
    peers::{Subscriber, Wire, http::publish},
    server::Server,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

#[tokio::test]
async fn a_slow_header_is_timed_out() -> Result<()> {
    within(60, async {
        let server = Server::start(&["--workers", "1"]).await?;
        let mut other = Subscriber::open(Wire::Sse, server.address(), &["a"], None).await?;
        let mut stream = TcpStream::connect(server.address()).await?;
        let start = Instant::now();
        let request =
            format!("GET /events HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(1_000));
        let mut answer = Vec::new();
        for byte in request.bytes() {
            if stream.write_all(&[byte]).await.is_err() {
                break;
            }
            publish(server.address(), "a", "meanwhile").await?;
            ensure!(other.message().await?.data == "meanwhile");
            let wait = Duration::from_millis(200);
            if let Ok(read) = timeout(wait, stream.read_buf(&mut answer)).await {
                let _reset = read;
                break;
            }
        }
        ensure!(start.elapsed() < Duration::from_secs(30), "it took {:?}", start.elapsed());
        let answer = String::from_utf8_lossy(&answer);
        ensure!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
        Ok(())
    })
    .await
}
