//! A reader comes back too late: first the gap, then everything that is still there.

use crate::common::{check_numbers, publish_numbers, within};
use anyhow::{Context as _, Result};
use tidewire_test_harness::{
    peers::{Gap, Subscriber, Wire, websocket::Frame, websocket::Socket},
    server::Server,
};

#[tokio::test]
async fn a_gap_notice_comes_before_what_is_retained() -> Result<()> {
    within(60, async {
        let server = Server::start(&["--retention-messages", "100"]).await?;
        let address = server.address();
        for wire in Wire::ALL {
            let channel = format!("{wire:?}");
            let mut early = Subscriber::open(wire, address, &[&channel], None).await?;
            publish_numbers(address, &channel, 0..10).await?;
            check_numbers(&early.messages(10).await?, 0..10)?;
            let left_at = early.position().to_owned();
            drop(early);
            publish_numbers(address, &channel, 10..150).await?;

            let mut late = Subscriber::open(wire, address, &[&channel], Some(&left_at)).await?;
            let gap = late.gap().await.with_context(|| format!("{wire:?}"))?;
            assert_eq!((&gap.channel, &gap.from), (&channel, &left_at), "{wire:?}");
            let messages = late.messages(100).await?;
            check_numbers(&messages, 50..150)?;
            // Where the gap ends, the rest begins.
            let mut there = Subscriber::open(wire, address, &[&channel], Some(&gap.to)).await?;
            assert_eq!(there.messages(100).await?, messages, "{wire:?}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn nothing_is_reported_while_nothing_is_lost() -> Result<()> {
    within(60, async {
        let server = Server::start(&["--retention-messages", "100"]).await?;
        let address = server.address();
        for wire in Wire::ALL {
            let quiet = format!("{wire:?}.quiet");
            let busy = format!("{wire:?}.busy");
            let early = Subscriber::open(wire, address, &[&quiet], None).await?;
            let left_at = early.position().to_owned();
            drop(early);
            publish_numbers(address, &quiet, 0..100).await?;
            // Others lose theirs meanwhile, which is no concern of this one.
            publish_numbers(address, &busy, 0..500).await?;
            let mut late = Subscriber::open(wire, address, &[&quiet], Some(&left_at)).await?;
            check_numbers(&late.messages(100).await?, 0..100)?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_raw_websocket_gets_it_in_a_frame_of_its_own() -> Result<()> {
    within(30, async {
        let server = Server::start(&["--retention-messages", "1"]).await?;
        let address = server.address();
        let early = Subscriber::open(Wire::Poll, address, &["a"], None).await?;
        publish_numbers(address, "a", 0..3).await?;
        let path = format!("/ws?channel=a&since={}", early.position());
        let mut raw = Socket::open(address, &path).await?;
        let gap = raw.json().await?.context("it closed")?;
        assert_eq!(gap["type"], "gap", "{gap}");
        let gap = Gap { channel: "a".into(), from: early.position().into(), ..gap_of(&gap)? };
        let mut there = Subscriber::open(Wire::Sse, address, &["a"], Some(&gap.to)).await?;
        check_numbers(&there.messages(1).await?, 2..3)?;
        assert_eq!(raw.frame().await?, Some(Frame::text(crate::common::numbered(2))));
        Ok(())
    })
    .await
}

fn gap_of(gap: &serde_json::Value) -> Result<Gap> {
    let text = |member| tidewire_test_harness::peers::text(gap, member);
    Ok(Gap { channel: text("channel")?, from: text("from")?, to: text("to")? })
}
