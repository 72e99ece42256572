//! Thousands of long-polls behind nginx with a cache: for each message, the server answers two of them at most.

use crate::running::Proxy;
use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::Value;
use std::{env, sync::Arc, time::Duration};
use tidewire_test_harness::{
    peers::http::{get, publish},
    server::Server,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Barrier,
    time::timeout,
};

const PAGE: &str = include_str!("../../../../docs/cdn.md");

const MESSAGES: usize = 5;
const COUNT: &str = "tidewire_connections_opened_total{transport=\"poll\",dialect=\"json\"}";

#[tokio::test]
async fn a_message_costs_two_reads_however_many_poll() -> Result<()> {
    let pollers = env::var("TIDEWIRE_POLLERS").ok().map_or(Ok(1_000), |text| text.parse())?;
    timeout(Duration::from_secs(300), examine(pollers)).await.context("the test's time is over")?
}

async fn examine(pollers: usize) -> Result<()> {
    let server =
        Server::start(&["--allowed-hosts", "push.example.com", "--metrics", "open"]).await?;
    let block = PAGE.split("```text\n").nth(1).and_then(|rest| rest.split_once("```"));
    let block = block.context("no block")?.0;
    let block = block.replace("listen 443 ssl http2;", "listen LISTEN backlog=16384;");
    let block: String = block
        .lines()
        .filter(|line| !line.contains("ssl_"))
        .map(|line| format!("{line}\n"))
        .collect();
    let block =
        block.replace("127.0.0.1:8080", "SERVER").replace("/var/cache/nginx/tidewire", "cache");
    let proxy = Proxy::nginx(&block, server.address()).await?;

    let first = publish(server.address(), "news", "0").await?;
    let before = polls(&server).await?;
    // All ask before the next message is published, and again after each one.
    let together = Arc::new(Barrier::new(pollers + 1));
    let mut streams = Vec::with_capacity(pollers);
    while streams.len() < pollers {
        // Not more at once than wait for nginx to accept them.
        let some = (pollers - streams.len()).min(256);
        streams.extend(try_join_all((0..some).map(|_| TcpStream::connect(proxy.address))).await?);
    }
    let polling =
        streams.into_iter().map(|stream| poller(stream, first.clone(), Arc::clone(&together)));
    let publishing = async {
        let mut counts = Vec::new();
        for number in 1..=MESSAGES {
            together.wait().await;
            publish(server.address(), "news", &number.to_string()).await?;
            together.wait().await;
            counts.push(polls(&server).await? - before);
        }
        Ok::<_, anyhow::Error>(counts)
    };
    let (_, counts) = tokio::try_join!(try_join_all(polling), publishing)?;
    println!(
        "{pollers} pollers, {MESSAGES} messages: {counts:?} polls were answered by the server"
    );
    let total = *counts.last().context("no count")?;
    ensure!(total >= MESSAGES as u64, "{counts:?}: it is not the server that was asked");
    ensure!(total <= 2 * MESSAGES as u64, "{counts:?}: more than two for a message");
    Ok(())
}

/// Polls for each of the messages, which have to come in their order.
async fn poller(mut stream: TcpStream, mut position: String, together: Arc<Barrier>) -> Result<()> {
    stream.set_nodelay(true)?;
    for number in 1..=MESSAGES {
        let request = format!(
            "GET /poll?channel=news&since={position}&wait=50s HTTP/1.1\r\nHost: push.example.com\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        together.wait().await;
        let answer = answer(&mut stream).await?;
        let data = answer.pointer("/messages/0/data").and_then(|data| data.as_str());
        ensure!(data == Some(&*number.to_string()), "instead of {number} came {answer}");
        position = answer["position"].as_str().context("no position")?.to_owned();
        together.wait().await;
    }
    Ok(())
}

/// The JSON of an answer whose length is given.
async fn answer(stream: &mut TcpStream) -> Result<Value> {
    let mut input = Vec::new();
    loop {
        if let Some(end) = input.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = str::from_utf8(&input[..end])?.to_ascii_lowercase();
            ensure!(head.starts_with("http/1.1 200"), "{head}");
            let (_, rest) = head.split_once("content-length: ").context("no length")?;
            let length: usize = rest.lines().next().unwrap_or_default().parse()?;
            if input.len() >= end + 4 + length {
                return Ok(serde_json::from_slice(&input[end + 4..end + 4 + length])?);
            }
        }
        ensure!(stream.read_buf(&mut input).await? > 0, "the connection ended");
    }
}

/// How many polls the server has answered.
async fn polls(server: &Server) -> Result<u64> {
    let text = get(server.address(), "/metrics", &[]).await?.text().await?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut lines = lines.filter(|line| line.starts_with(COUNT));
    let line = lines.next().context("the metrics have no count of polls")?;
    Ok(line.trim_start_matches(COUNT).trim().parse()?)
}
