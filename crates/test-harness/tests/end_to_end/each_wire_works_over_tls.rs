//! Every wire over TLS 1.3 and 1.2: the tests' subscribers through a tunnel that speaks TLS for them.

use crate::common::{check_numbers, publish_numbers, within};
use anyhow::{Context as _, Result, ensure};
use tidewire_test_harness::{
    peers::{
        Subscriber, Wire,
        websocket::{Frame, Socket},
    },
    tls::{
        Certificates, Client, Tunnel,
        rustls::version::{TLS12, TLS13},
    },
};

const MESSAGES: usize = 1_000;

async fn works(certificates: &Certificates, client: Client) -> Result<()> {
    let server = certificates.serve(&[]).await?;
    ensure!(server.output().text().starts_with("listening on https://127.0.0.1:"));
    let tunnel = Tunnel::start(server.address(), client).await?;
    let address = tunnel.address();
    let mut raw = Socket::open(address, "/ws?channel=a").await?;
    let mut subscribers = Vec::new();
    for wire in Wire::ALL {
        subscribers.push((wire, Subscriber::open(wire, address, &["a"], None).await?));
    }
    raw.send(Frame::text("from a raw WebSocket")).await?;
    ensure!(raw.frame().await? == Some(Frame::text("from a raw WebSocket")));
    publish_numbers(address, "a", 0..MESSAGES).await?;
    for (wire, subscriber) in &mut subscribers {
        ensure!(subscriber.message().await?.data == "from a raw WebSocket", "{wire:?}");
        let messages = subscriber.messages(MESSAGES).await.with_context(|| format!("{wire:?}"))?;
        check_numbers(&messages, 0..MESSAGES).with_context(|| format!("{wire:?}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn each_wire_works_over_tls_1_3_and_1_2() -> Result<()> {
    within(120, async {
        let certificates = Certificates::new()?;
        for version in [&TLS13, &TLS12] {
            let client = certificates.client_of(&[version])?;
            works(&certificates, client).await.with_context(|| format!("{version:?}"))?;
        }
        Ok(())
    })
    .await
}
