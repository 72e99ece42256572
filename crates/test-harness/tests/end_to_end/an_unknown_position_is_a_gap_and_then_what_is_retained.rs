//! A position of another server, or none at all: as a browser's word a gap, in a query a mistake.

use crate::common::{check_numbers, check_problem, publish_numbers, within};
use anyhow::{Context as _, Result};
use tidewire_test_harness::{
    peers::{Subscriber, Wire, http::get},
    server::Server,
};

#[tokio::test]
async fn a_foreign_position_is_a_gap_on_every_wire() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        publish_numbers(address, "a", 0..10).await?;
        // Of another epoch; and of this one, but from a future that never was.
        let here = Subscriber::open(Wire::Poll, address, &["a"], None).await?;
        let (epoch, _) = here.position().split_once('-').context("no epoch")?;
        for foreign in ["abc-7".to_owned(), format!("{epoch}-99999999")] {
            for wire in Wire::ALL {
                let mut one = Subscriber::open(wire, address, &["a"], Some(&foreign)).await?;
                let gap = one.gap().await.with_context(|| format!("{wire:?} at {foreign}"))?;
                assert_eq!(gap.from, foreign, "{wire:?}");
                check_numbers(&one.messages(10).await?, 0..10)?;
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_last_event_id_of_another_make_is_a_gap_too() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        publish_numbers(server.address(), "a", 0..10).await?;
        for id in ["42", "Tue, 01 Jan", "-", "a-b-c", &"9".repeat(2_000)] {
            let mut one = Subscriber::open(Wire::Sse, server.address(), &["a"], Some(id)).await?;
            let gap = one.gap().await?;
            assert!(id.starts_with(&gap.from), "{gap:?}");
            check_numbers(&one.messages(10).await?, 0..10)?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_since_that_says_nothing_is_a_mistake() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        for path in ["events?", "stream?", "poll?", "ws?", "channels/a/messages?"] {
            let channel = if path.starts_with("channels/") { "" } else { "channel=a&" };
            let path = format!("/{path}{channel}since=yesterday");
            let headers = [
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ];
            let headers = if path.starts_with("/ws") { &headers[..] } else { &[] };
            let answer = get(server.address(), &path, headers).await?;
            let detail = check_problem(answer, 400, "bad_position").await?;
            assert!(detail.contains("earliest"), "{detail}");
        }
        Ok(())
    })
    .await
}
