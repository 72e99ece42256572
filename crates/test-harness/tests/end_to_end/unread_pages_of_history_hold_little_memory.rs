//! A hundred connections, each with 96 KB of pipelined requests for history, and no answer read.

use crate::common::within;
use anyhow::{Result, ensure};
use std::time::Duration;
use tidewire_test_harness::{
    load::anonymous_bytes,
    peers::http::{get, publish_all},
    server::Server,
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::timeout};

#[tokio::test]
async fn unread_pages_of_history_hold_little_memory() -> Result<()> {
    within(90, async {
        let server = Server::start(&["--workers", "2"]).await?;
        publish_all(server.address(), (0..500).map(|_| ("h", "x".repeat(400)))).await?;
        let before = anonymous_bytes(server.id()?)?;
        let request = "GET /channels/h/messages?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let requests = request.repeat(REQUESTS_BYTES / request.len());
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut client = TcpStream::connect(server.address()).await?;
            let write = client.write_all(requests.as_bytes());
            let _stuck = timeout(Duration::from_millis(100), write).await;
            clients.push(client);
        }
        // Others are served, behind all that these have asked for.
        let answer =
            timeout(Duration::from_secs(30), get(server.address(), "/health/live", &[])).await??;
        ensure!(answer.status == 200, "answered with {}", answer.status);
        let grown = anonymous_bytes(server.id()?)?.saturating_sub(before);
        ensure!(grown < GROWTH_MAX, "{} KiB a connection", (grown >> 10) / CONNECTIONS);
        Ok(())
    })
    .await
}

const CONNECTIONS: u64 = 100;
const REQUESTS_BYTES: usize = 96 << 10;
/// An answer or two of 64 KiB for each connection.
const GROWTH_MAX: u64 = CONNECTIONS * (256 << 10);
