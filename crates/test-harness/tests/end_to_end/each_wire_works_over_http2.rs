//! Every wire as streams of one HTTP/2 connection, and what one stream does to another: nothing.

use crate::common::{check_numbers, numbered, publish_numbers, within};
use anyhow::{Context as _, Result, ensure};
use tidewire_test_harness::{
    http2::{Http2, Http2Tunnel, Windows, read},
    peers::{
        Subscriber, Wire,
        websocket::{Frame, Socket},
    },
    tls::Certificates,
};

const MESSAGES: usize = 2_000;

/// A stream that is not read fills its window after some six hundred of them.
const NARROW: Windows = Windows { stream: 64 << 10, connection: 1 << 20 };

#[tokio::test]
async fn each_wire_works_over_http2() -> Result<()> {
    within(90, async {
        let certificates = Certificates::new()?;
        let server = certificates.serve(&[]).await?;
        let client = certificates.client()?;
        let tunnel = Http2Tunnel::start(server.address(), &client).await?;
        let address = tunnel.address();
        let unread = Http2::connect(server.address(), &client, NARROW).await?;
        let mut slow = unread.get("/events?channel=a", &[]).await?.into_body();
        let mut beside = unread.get("/events?channel=a", &[]).await?.into_body();

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
            let messages =
                subscriber.messages(MESSAGES).await.with_context(|| format!("{wire:?}"))?;
            check_numbers(&messages, 0..MESSAGES).with_context(|| format!("{wire:?}"))?;
        }
        // One stream of that connection is read, and then the other: nothing is missing.
        for body in [&mut beside, &mut slow] {
            let last = format!("data: {}\n\n", numbered(MESSAGES - 1));
            let mut text = String::new();
            while !text.ends_with(&last) {
                let bytes = read(body).await?.context("it has ended")?;
                text.push_str(std::str::from_utf8(&bytes)?);
            }
            let events = text.matches("data: ").count();
            ensure!(events == MESSAGES + 1, "{events} events");
        }
        raw.send(Frame::Close(None)).await?;
        while raw.frame().await?.is_some() {}
        Ok(())
    })
    .await
}
