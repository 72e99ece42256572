//! A server that has no time to accept keeps its clients waiting, where a short backlog would lose their requests to
//! connect.

use crate::common::within;
use anyhow::{Context as _, Result};
use rustix::process::Signal;
use std::time::Duration;
use tidewire_test_harness::{load::raise_descriptor_limit, peers::http::get, server::Server};
use tokio::{net::TcpStream, time::timeout};

#[tokio::test]
async fn a_thousand_clients_wait_to_be_accepted() -> Result<()> {
    within(60, async {
        raise_descriptor_limit()?;
        let server = Server::start(&["--workers", "1"]).await?;
        server.signal(Signal::STOP)?;
        let mut clients = Vec::new();
        for number in 0..1_000 {
            // The system accepts connections as long as there is room, whether or not the server runs.
            let client =
                timeout(Duration::from_secs(2), TcpStream::connect(server.address())).await;
            clients.push(client.with_context(|| format!("client {number} finds no room"))??);
        }
        server.signal(Signal::CONT)?;
        get(server.address(), "/health/live", &[]).await?;
        Ok(())
    })
    .await
}
