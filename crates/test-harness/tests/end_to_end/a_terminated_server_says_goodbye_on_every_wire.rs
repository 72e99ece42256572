//! SIGTERM: the same goodbye on every wire, with a position and a time to come back, and the wire's proper end; exit 0.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tidewire_test_harness::{
    peers::{
        http::{Body, get, publish},
        websocket::Socket,
    },
    server::Server,
};
use tokio::time::sleep;

#[tokio::test]
async fn a_terminated_server_says_goodbye_on_every_wire() -> Result<()> {
    within(30, async {
        let mut server = Server::start(&["--drain-delay", "2s"]).await?;
        let address = server.address();
        let mut events = get(address, "/events?channel=a", &[]).await?.body;
        let mut stream = get(address, "/stream?channel=a", &[]).await?.body;
        let mut raw = Socket::open(address, "/ws?channel=a").await?;
        let (mut spoken, _) = Socket::speak(address).await?;
        let poll = tokio::spawn(async move {
            let answer = get(address, "/poll?channel=polled&wait=20s", &[]).await?;
            let retry_after = answer.header("retry-after").map(str::to_owned);
            anyhow::Ok((retry_after, answer.json().await?))
        });
        while !follows(address, "polled").await? {
            sleep(Duration::from_millis(10)).await;
        }
        let (start, output) = (Instant::now(), server.output().clone());
        let status = tokio::spawn(async move { server.terminate().await });

        // At once it is not ready, and goes on all the same.
        while get(address, "/health/ready", &[]).await?.status == 200 {
            sleep(Duration::from_millis(10)).await;
        }
        ensure!(start.elapsed() < Duration::from_secs(2), "not before the drain");
        ensure!(get(address, "/health/live", &[]).await?.status == 200);
        publish(address, "a", "still here").await?;
        ensure!(get(address, "/stream?channel=late", &[]).await?.status == 200);

        let text = to_the_end(&mut events).await.context("an event stream's proper end")?;
        let last = text.trim_end().rsplit("\n\n").next().context("nothing")?;
        let data = last.lines().find_map(|line| line.strip_prefix("data: "));
        let goodbye = check_goodbye(data.with_context(|| text.clone())?)?;
        let (position, retry_ms) = (&goodbye["position"], &goodbye["retry_ms"]);
        let position = position.as_str().with_context(|| goodbye.to_string())?;
        let head = format!("retry: {retry_ms}\nid: {position}\nevent: $goodbye\n");
        ensure!(last.starts_with(&head), "{text:?}");
        let text = to_the_end(&mut stream).await.context("a stream's proper end")?;
        check_goodbye(text.lines().last().context("no line")?)?;
        ensure!(text.contains("still here") && start.elapsed() >= Duration::from_secs(2), "{text}");
        let (code, reason) = raw.close().await?;
        ensure!(code == 1012, "{code}");
        check_goodbye(&reason)?;
        let goodbye = spoken.json().await?.context("it closed without a goodbye")?;
        check_goodbye(&goodbye.to_string())?;
        ensure!(spoken.close_code().await? == 1012);
        let (retry_after, answer) = poll.await??;
        ensure!(answer["messages"] == json!([]) && answer["position"].is_string(), "{answer}");
        let retry_ms = answer["retry_ms"].as_u64().with_context(|| answer.to_string())?;
        let seconds: u64 = retry_after.context("no Retry-After")?.parse()?;
        ensure!(seconds.abs_diff(retry_ms / 1_000) <= 1, "{seconds} s, {retry_ms} ms");

        ensure!(status.await??.success());
        ensure!(start.elapsed() < Duration::from_secs(8), "it took {:?}", start.elapsed());
        ensure!(publish(address, "a", "too late").await.is_err());
        let log = output.text();
        ensure!(log.contains("INFO tidewire::serve: ending"), "as nobody looks on, plain: {log:?}");
        Ok(())
    })
    .await
}

/// Checks the object that every wire carries at the end.
fn check_goodbye(text: &str) -> Result<Value> {
    let goodbye: Value = serde_json::from_str(text).with_context(|| text.to_owned())?;
    ensure!(goodbye["type"] == "goodbye" && goodbye["code"] == 1012, "{goodbye}");
    ensure!(goodbye["position"].is_string() && goodbye["retry_ms"].is_u64(), "{goodbye}");
    Ok(goodbye)
}

async fn to_the_end(body: &mut Body) -> Result<String> {
    let mut text = String::new();
    while let Some(piece) = body.next().await? {
        text += &String::from_utf8(piece)?;
    }
    Ok(text)
}

/// Whether somebody follows a channel in which nothing was ever published.
async fn follows(address: SocketAddr, channel: &str) -> Result<bool> {
    let listing = get(address, "/channels", &[]).await?.json().await?;
    let channels = listing["channels"].as_array().context("no list")?;
    Ok(channels.iter().any(|row| row["channel"] == channel))
}

#[tokio::test]
async fn connections_end_one_after_another_and_are_asked_to_reconnect_at_different_times()
-> Result<()> {
    within(30, async {
        let mut server = Server::start(&["--workers", "2"]).await?;
        let mut streams = Vec::new();
        for _ in 0..30 {
            let mut body = get(server.address(), "/events", &[]).await?.body;
            // The opening block: from here on the stream has begun.
            body.next().await?.context("no opening block")?;
            streams.push(body);
        }
        let ended = tokio::spawn(async move { server.terminate().await });
        let (mut waits, mut ends) = (BTreeSet::new(), Vec::new());
        let streams = streams.into_iter().map(|mut stream| async move {
            anyhow::Ok((to_the_end(&mut stream).await?, Instant::now()))
        });
        for stream in futures_util::future::join_all(streams).await {
            let (text, end) = stream?;
            let (_, wait) = text.rsplit_once("retry: ").context("no retry")?;
            waits.insert(wait.split('\n').next().unwrap_or_default().parse::<u64>()?);
            ends.push(end);
        }
        let first = *ends.iter().min().context("no end")?;
        let spread = ends.iter().max().context("no end")?.duration_since(first);
        // At 50 ms from one to the next of each of two workers.
        ensure!(spread >= Duration::from_millis(500), "all ended within {spread:?}");
        ensure!(waits.len() > 10, "all at once they would come: {waits:?}");
        ensure!(ended.await??.success());
        Ok(())
    })
    .await
}
