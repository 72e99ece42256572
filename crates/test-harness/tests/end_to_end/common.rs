//! What most tests need: a bound in time, numbered messages, and a look at what came of them.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::{
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tidewire_test_harness::{
    peers::{
        Message, Subscriber, Wire,
        http::{self, Answer},
        websocket::{Frame, Socket},
    },
    server::Server,
};
use tokio::time::{sleep, timeout};

/// Bounds a test in time.
pub(crate) async fn within<T>(seconds: u64, test: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(Duration::from_secs(seconds), test).await.context("the test's time is over")?
}

/// How many sockets the server holds.
pub(crate) fn sockets(server: &Server) -> Result<usize> {
    let files = fs::read_dir(format!("/proc/{}/fd", server.id()?))?;
    let targets = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
    Ok(targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count())
}

/// Waits until the server holds no more than `most` sockets.
pub(crate) async fn let_go_of(server: &Server, most: usize, within: Duration) -> Result<()> {
    let start = Instant::now();
    loop {
        let held = sockets(server)?;
        if held <= most {
            return Ok(());
        }
        ensure!(start.elapsed() < within, "after {within:?} {held} sockets are held, not {most}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Checks that one message of a raw WebSocket and `count` others reach a subscriber on each wire, once and in order.
/// Returns the WebSocket, which is still open.
pub(crate) async fn each_wire_receives(address: SocketAddr, count: usize) -> Result<Socket> {
    let mut raw = Socket::open(address, "/ws?channel=a").await?;
    let mut subscribers = Vec::new();
    for wire in Wire::ALL {
        subscribers.push((wire, Subscriber::open(wire, address, &["a"], None).await?));
    }
    raw.send(Frame::text("from a raw WebSocket")).await?;
    ensure!(raw.frame().await? == Some(Frame::text("from a raw WebSocket")));
    publish_numbers(address, "a", 0..count).await?;
    for (wire, subscriber) in &mut subscribers {
        ensure!(subscriber.message().await?.data == "from a raw WebSocket", "{wire:?}");
        let messages = subscriber.messages(count).await.with_context(|| format!("{wire:?}"))?;
        check_numbers(&messages, 0..count).with_context(|| format!("{wire:?}"))?;
    }
    Ok(raw)
}

/// Publishes the numbers of `range` into `channel`, so fast that a reader is often behind.
pub(crate) async fn publish_numbers(
    address: SocketAddr,
    channel: &str,
    range: std::ops::Range<usize>,
) -> Result<()> {
    let numbers: Vec<usize> = range.collect();
    for batch in numbers.chunks(BATCH) {
        let messages = batch.iter().map(|number| (channel, numbered(*number)));
        http::publish_all(address, messages).await?;
        sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// A payload of some length that begins with its number.
pub(crate) fn numbered(number: usize) -> String {
    format!("{number} {}", "x".repeat(number % 97))
}

/// Checks that `messages` are those of `range`: none lost, none twice, none out of order.
pub(crate) fn check_numbers(messages: &[Message], range: std::ops::Range<usize>) -> Result<()> {
    ensure!(messages.len() == range.len(), "{} messages for {range:?}", messages.len());
    for (message, number) in messages.iter().zip(range) {
        ensure!(message.data == numbered(number), "instead of {number} came {message:?}");
    }
    Ok(())
}

/// Checks that an answer is a problem document of this status and code, and returns its detail.
pub(crate) async fn check_problem(answer: Answer, status: u16, code: &str) -> Result<String> {
    let content_type = answer.header("content-type").unwrap_or_default().to_owned();
    let kept = answer.header("cache-control").unwrap_or_default().to_owned();
    let sniffed = answer.header("x-content-type-options").unwrap_or_default().to_owned();
    let answered = answer.status;
    // An answer that goes well may have no end.
    ensure!(answered == status || answered >= 400, "answered with {answered}");
    let text = answer.text().await?;
    ensure!(answered == status, "answered with {answered}: {text}");
    ensure!(content_type == "application/problem+json", "it is {content_type}: {text}");
    // A refusal is for this moment and this client, and no page for a browser to show.
    ensure!(kept == "no-store" && sniffed == "nosniff", "{kept}, {sniffed}: {text}");
    let problem: Value = serde_json::from_str(&text)?;
    ensure!(problem["type"] == format!("urn:tidewire:problem:{code}"), "{problem}");
    ensure!(problem["status"] == status, "{problem}");
    ensure!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
    Ok(problem["detail"].as_str().context("no detail")?.to_owned())
}

const BATCH: usize = 100;
