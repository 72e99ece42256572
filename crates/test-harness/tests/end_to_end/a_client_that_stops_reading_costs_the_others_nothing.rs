//! Clients that read nothing, on every transport: others are not delayed, memory does not grow, and they are
//! disconnected.

use crate::common::{check_numbers, let_go_of, publish_numbers, sockets, within};
use anyhow::{Context as _, Result, ensure};
use std::time::Duration;
use tidewire_test_harness::{
    load::anonymous_bytes,
    peers::{
        Subscriber, Wire,
        http::{post, publish},
    },
    proxy::{Faults, Flow, Proxy},
    server::Server,
};

#[tokio::test]
async fn a_client_that_stops_reading_costs_the_others_nothing() -> Result<()> {
    within(90, async {
        let arguments =
            ["--workers", "1", "--retention-bytes", "4MiB", "--stall", "4s", "--heartbeat", "1s"];
        let server = Server::start(&arguments).await?;
        let address = server.address();
        let proxy = Proxy::start(address).await?;
        let before_any = sockets(&server)?;
        let mut stopped = Vec::new();
        for wire in [Wire::Sse, Wire::WebSocket, Wire::Stream] {
            for _ in 0..10 {
                stopped.push(Subscriber::open(wire, proxy.address(), &["a"], None).await?);
            }
        }
        proxy.set(Faults { down: Flow::Stalled, ..Faults::default() });
        let mut others = Vec::new();
        for wire in Wire::ALL {
            others.push(Subscriber::open(wire, address, &["a"], None).await?);
        }

        // Far more than sockets and retention hold, and the others see every message at once.
        let before = anonymous_bytes(server.id()?)?;
        for round in 0..150 {
            let text = format!("{round} {}", "x".repeat(100_000));
            post(address, "/publish/a", &[], text.as_bytes()).await?.json().await?;
            for other in &mut others {
                ensure!(other.message().await?.data == text, "round {round}");
            }
        }
        let grown = anonymous_bytes(server.id()?)?.saturating_sub(before);
        // Retention, its encodings for four wires, and what writes and allocators hold besides.
        ensure!(grown < 64 << 20, "15 MB for 30 stopped readers made it grow by {grown} bytes");

        // They are disconnected while nobody reads: the proxy's own ends stay until it reads on.
        let_go_of(&server, before_any + others.len(), Duration::from_secs(30)).await?;
        proxy.set(Faults::default());
        // They resume what they had not read, or get a gap notice.
        for mut one in stopped {
            while let Ok(Some(_)) = one.next().await {}
        }
        publish(address, "a", "still here").await?;
        for other in &mut others {
            ensure!(other.message().await?.data == "still here");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_slow_reader_gets_everything_at_its_own_pace() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        let proxy = Proxy::start(address).await?;
        let pause = Duration::from_millis(1);
        let slow = Faults { down: Flow::Trickling { bytes_max: 500, pause }, ..Faults::default() };
        proxy.set(slow);
        for wire in Wire::ALL {
            let channel = format!("{wire:?}");
            let mut one = Subscriber::open(wire, proxy.address(), &[&channel], None).await?;
            publish_numbers(address, &channel, 0..2_000).await?;
            let messages = one.messages(2_000).await;
            check_numbers(&messages?, 0..2_000).with_context(|| format!("{wire:?}"))?;
        }
        Ok(())
    })
    .await
}
