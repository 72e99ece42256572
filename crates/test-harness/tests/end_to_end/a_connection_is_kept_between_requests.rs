//! How long a connection may be idle: `keep_alive`, by default longer than a balancer keeps it.

use crate::common::within;
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};
use tidewire_test_harness::server::Server;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::sleep,
};

const REQUEST: &[u8] = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn ask(stream: &mut TcpStream) -> Result<()> {
    stream.write_all(REQUEST).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        ensure!(stream.read_buf(&mut answer).await? > 0, "it closed");
    }
    Ok(())
}

#[tokio::test]
async fn by_default_a_connection_outlasts_more_than_five_seconds() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let mut stream = TcpStream::connect(server.address()).await?;
        ask(&mut stream).await?;
        // What actix alone would allow, and some.
        sleep(Duration::from_secs(8)).await;
        ask(&mut stream).await
    })
    .await
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_the_time_that_was_set() -> Result<()> {
    within(60, async {
        let server = Server::start(&["--keep-alive", "1s"]).await?;
        let mut stream = TcpStream::connect(server.address()).await?;
        ask(&mut stream).await?;
        let start = Instant::now();
        ensure!(stream.read(&mut [0]).await? == 0);
        // Not at once, and long before the default.
        ensure!(start.elapsed() > Duration::from_millis(500), "{:?}", start.elapsed());
        ensure!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
        Ok(())
    })
    .await
}

/// The limit for a whole answer begins with the answer before: the time without a request counts too.
#[tokio::test]
async fn a_request_after_a_long_silence_has_its_whole_time() -> Result<()> {
    within(60, async {
        let times = ["--keep-alive", "12s", "--body-wait", "0s", "--poll-wait-max", "2s"];
        let server = Server::start(&times).await?;
        let mut stream = TcpStream::connect(server.address()).await?;
        ask(&mut stream).await?;
        sleep(Duration::from_secs(8)).await;
        ask(&mut stream).await
    })
    .await
}
