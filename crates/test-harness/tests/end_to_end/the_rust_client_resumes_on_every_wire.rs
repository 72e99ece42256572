//! The Rust client through a proxy that cuts it again and again: each message once, in order.

use crate::common::{numbered, publish_numbers, within};
use anyhow::{Context as _, Result, bail, ensure};
use futures_util::StreamExt as _;
use std::time::Duration;
use tidewire_client::{Backoff, Client, Delivery, Wire};
use tidewire_protocol::Since;
use tidewire_test_harness::{
    proxy::{Ending, Faults, Flow, Proxy},
    server::Server,
};
use tokio::time::interval;

const MESSAGES: usize = 4_000;

async fn follow(client: &Client, wire: Wire) -> Result<()> {
    let subscribe = client
        .subscribe_raw(["a"])
        .since(Since::Earliest)
        .wire(wire)
        .backoff(Backoff::new(Duration::from_millis(5), Duration::from_millis(20)));
    let mut deliveries = subscribe.stream();
    for number in 0..MESSAGES {
        match deliveries.next().await.context("it ended")?? {
            Delivery::Message(message) => {
                ensure!(message.text().as_deref() == Some(&numbered(number)), "{message:?}");
            }
            Delivery::Gap(gap) => bail!("{wire:?} after {number} messages: {gap:?}"),
        }
    }
    Ok(())
}

async fn resumes(wire: Wire) -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let proxy = Proxy::start(server.address()).await?;
        let pause = Duration::from_millis(1);
        let down = Flow::Trickling { bytes_max: 2_000, pause };
        proxy.set(Faults { down, ..Faults::default() });
        let client = Client::new(&format!("http://{}", proxy.address()))?;
        let cutting = async {
            let mut moments = interval(Duration::from_millis(100));
            loop {
                moments.tick().await;
                proxy.cut(Ending::Reset);
            }
        };
        let following = async {
            let publishing = publish_numbers(server.address(), "a", 0..MESSAGES);
            futures_util::try_join!(publishing, follow(&client, wire))
        };
        tokio::select! {
            () = cutting => bail!("cutting does not end"),
            followed = following => followed.with_context(|| format!("{wire:?}"))?,
        };
        ensure!(proxy.accepted() > 3, "{wire:?} was cut only {} times", proxy.accepted());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_rust_client_resumes_a_websocket() -> Result<()> {
    resumes(Wire::WebSocket).await
}

#[tokio::test]
async fn the_rust_client_resumes_an_event_stream() -> Result<()> {
    resumes(Wire::Sse).await
}

#[tokio::test]
async fn the_rust_client_resumes_a_stream() -> Result<()> {
    resumes(Wire::Stream).await
}

#[tokio::test]
async fn the_rust_client_resumes_polls() -> Result<()> {
    resumes(Wire::Poll).await
}
