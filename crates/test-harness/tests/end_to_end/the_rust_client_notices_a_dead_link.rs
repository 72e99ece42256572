//! The Rust client behind a proxy that swallows everything and closes nothing, on each transport.

use crate::common::{numbered, publish_numbers, within};
use anyhow::{Context as _, Result, bail, ensure};
use futures_util::StreamExt as _;
use std::{ops::Range, time::Duration};
use tidewire_client::{Backoff, Client, Delivery, Subscription, Wire};
use tidewire_protocol::Since;
use tidewire_test_harness::{
    proxy::{Faults, Flow, Proxy},
    server::Server,
};
use tokio::time::timeout;

const HEARTBEAT: Duration = Duration::from_millis(500);
const SWALLOWED: Faults =
    Faults { up: Flow::Swallowed, down: Flow::Swallowed, break_after: None, through: None };

async fn expect(deliveries: &mut Subscription, range: Range<usize>) -> Result<()> {
    for number in range {
        match deliveries.next().await.context("it ended")?? {
            Delivery::Message(message) => {
                ensure!(message.text().as_deref() == Some(&numbered(number)), "{message:?}");
            }
            Delivery::Gap(gap) => bail!("instead of {number} came {gap:?}"),
        }
    }
    Ok(())
}

/// Waits until it knows that there is no connection; whether there had been one.
async fn outage(deliveries: &mut Subscription) -> Result<bool> {
    loop {
        if let Some(outage) = deliveries.outage() {
            return Ok(outage.was_connected);
        }
        if let Ok(delivery) = timeout(Duration::from_millis(20), deliveries.next()).await {
            bail!("through a dead link came {delivery:?}");
        }
    }
}

async fn notices(wire: Wire) -> Result<()> {
    within(60, async {
        let server = Server::start(&["--heartbeat", "500ms"]).await?;
        let proxy = Proxy::start(server.address()).await?;
        let client = Client::new(&format!("http://{}", proxy.address()))?;
        let subscribe = client.subscribe_raw(["a"]).since(Since::Earliest).wire(wire);
        let backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(20));
        let mut deliveries = subscribe.heartbeat(HEARTBEAT).backoff(backoff).stream();

        // While it connects, and while it reads.
        for (round, had_connected) in [false, true].into_iter().enumerate() {
            proxy.set(SWALLOWED);
            publish_numbers(server.address(), "a", round * 10..round * 10 + 10).await?;
            let was_connected = outage(&mut deliveries).await?;
            ensure!(was_connected == had_connected, "{wire:?}: {was_connected}");
            proxy.set(Faults::default());
            expect(&mut deliveries, round * 10..round * 10 + 10).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_rust_client_notices_a_dead_websocket() -> Result<()> {
    notices(Wire::WebSocket).await
}

#[tokio::test]
async fn the_rust_client_notices_a_dead_event_stream() -> Result<()> {
    notices(Wire::Sse).await
}

#[tokio::test]
async fn the_rust_client_notices_a_dead_stream() -> Result<()> {
    notices(Wire::Stream).await
}

#[tokio::test]
async fn the_rust_client_notices_a_dead_link_of_polls() -> Result<()> {
    notices(Wire::Poll).await
}
