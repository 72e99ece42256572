//! SIGTERM: a close 1001, an event stream's `retry:` and proper end, a poll's answer; exit 0.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tidewire_test_harness::{
    peers::{
        Subscriber, Wire,
        http::{get, publish},
        websocket::Socket,
    },
    server::Server,
};
use tokio::time::sleep;

#[tokio::test]
async fn a_terminated_server_says_goodbye_on_every_wire() -> Result<()> {
    within(30, async {
        let mut server = Server::start(&[]).await?;
        let address = server.address();
        let mut events = get(address, "/events?channel=a", &[]).await?.body;
        let mut stream = Subscriber::open(Wire::Stream, address, &["a"], None).await?;
        let mut raw = Socket::open(address, "/ws?channel=a").await?;
        let (mut spoken, _) = Socket::speak(address).await?;
        let poll = tokio::spawn(async move {
            get(address, "/poll?channel=polled&wait=20s", &[]).await?.json().await
        });
        while !follows(address, "polled").await? {
            sleep(Duration::from_millis(10)).await;
        }
        let (start, output) = (Instant::now(), server.output().clone());
        let status = tokio::spawn(async move { server.terminate().await });

        let mut text = String::new();
        while let Some(piece) = events.next().await.context("an event stream's proper end")? {
            text += &String::from_utf8(piece)?;
        }
        let last = text.trim_end().rsplit("\n\n").next().context("nothing")?;
        ensure!(last.starts_with("retry:"), "{text:?}");
        ensure!(stream.next().await.context("a stream's proper end")?.is_none());
        ensure!(raw.close_code().await? == 1001);
        let goodbye = spoken.json().await?.context("it closed without a goodbye")?;
        ensure!(goodbye["type"] == "goodbye" && goodbye["code"] == 1001, "{goodbye}");
        ensure!(goodbye["retry_ms"].is_u64(), "{goodbye}");
        ensure!(spoken.close_code().await? == 1001);
        let answer = poll.await??;
        ensure!(answer["messages"] == serde_json::json!([]), "{answer}");
        ensure!(answer["position"].is_string(), "{answer}");

        ensure!(status.await??.success());
        ensure!(start.elapsed() < Duration::from_secs(8), "it took {:?}", start.elapsed());
        ensure!(publish(address, "a", "too late").await.is_err());
        let log = output.text();
        ensure!(log.contains("INFO tidewire::serve: ending"), "as nobody looks on, plain: {log:?}");
        Ok(())
    })
    .await
}

/// Whether somebody follows a channel in which nothing was ever published.
async fn follows(address: SocketAddr, channel: &str) -> Result<bool> {
    let listing = get(address, "/channels", &[]).await?.json().await?;
    let channels = listing["channels"].as_array().context("no list")?;
    Ok(channels.iter().any(|row| row["channel"] == channel))
}

#[tokio::test]
async fn browsers_are_asked_to_reconnect_at_different_times() -> Result<()> {
    within(30, async {
        let mut server = Server::start(&[]).await?;
        let mut streams = Vec::new();
        for _ in 0..30 {
            let mut body = get(server.address(), "/events", &[]).await?.body;
            // The opening block: from here on the stream has begun.
            body.next().await?.context("no opening block")?;
            streams.push(body);
        }
        let ended = tokio::spawn(async move { server.terminate().await });
        let mut waits = std::collections::BTreeSet::new();
        for mut stream in streams {
            let mut text = String::new();
            while let Some(piece) = stream.next().await? {
                text += &String::from_utf8(piece)?;
            }
            let (_, wait) = text.trim_end().rsplit_once("retry:").context("no retry")?;
            waits.insert(wait.trim().parse::<u64>()?);
        }
        ensure!(waits.len() > 10, "all at once they would come: {waits:?}");
        ensure!(ended.await??.success());
        Ok(())
    })
    .await
}
