//! Clients that vanish without a FIN: found out by a missing pong or by bytes nobody takes.

use crate::common::{sockets, within};
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};
use tidewire_test_harness::{
    peers::{Subscriber, Wire, http::publish},
    proxy::{Faults, Flow, Proxy},
    server::Server,
};
use tokio::time::sleep;

#[tokio::test]
async fn a_vanished_websocket_is_found_out_by_its_missing_pong() -> Result<()> {
    within(60, async {
        let arguments = ["--heartbeat", "500ms", "--pong-wait", "500ms", "--workers", "1"];
        let server = Server::start(&arguments).await?;
        let address = server.address();
        let proxy = Proxy::start(address).await?;
        let mut other = Subscriber::open(Wire::WebSocket, address, &["a"], None).await?;
        let before = sockets(&server)?;
        let mut vanished = Vec::new();
        for _ in 0..20 {
            vanished.push(Subscriber::open(Wire::WebSocket, proxy.address(), &["a"], None).await?);
        }
        ensure!(sockets(&server)? >= before + 20);
        // Half-open: what the server says arrives, what the clients say does not, their end neither.
        proxy.set(Faults { up: Flow::Swallowed, ..Faults::default() });
        drop(vanished);

        let start = Instant::now();
        while sockets(&server)? > before {
            ensure!(start.elapsed() < Duration::from_secs(15), "they are still held");
            publish(address, "a", "meanwhile").await?;
            ensure!(other.message().await?.data == "meanwhile");
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_quiet_client_that_answers_pings_stays() -> Result<()> {
    within(30, async {
        let arguments = ["--heartbeat", "200ms", "--pong-wait", "200ms"];
        let server = Server::start(&arguments).await?;
        for wire in [Wire::WebSocket, Wire::Sse, Wire::Stream] {
            let mut one = Subscriber::open(wire, server.address(), &["a"], None).await?;
            let address = server.address();
            let later = async {
                sleep(Duration::from_secs(2)).await;
                publish(address, "a", "hello").await
            };
            let (_, message) = futures_util::try_join!(later, one.message())?;
            ensure!(message.data == "hello", "{wire:?}");
        }
        Ok(())
    })
    .await
}
