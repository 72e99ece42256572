//! Through each proxy: `tidewire doctor` finds nothing, every transport resumes through a restart of the proxy without a
//! gap, and an event arrives over HTTP/2.

use crate::running::{Kind, Proxy};
use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use std::{process::Stdio, time::Duration};
use tidewire_test_harness::{
    peers::http::publish,
    server::{self, Server},
    tls::Certificates,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

#[tokio::test]
async fn nginx() -> Result<()> {
    within(examine(Kind::Nginx)).await
}

#[tokio::test]
async fn haproxy() -> Result<()> {
    within(examine(Kind::Haproxy)).await
}

#[tokio::test]
async fn caddy() -> Result<()> {
    within(examine(Kind::Caddy)).await
}

#[tokio::test]
async fn traefik() -> Result<()> {
    within(examine(Kind::Traefik)).await
}

#[tokio::test]
async fn envoy() -> Result<()> {
    within(examine(Kind::Envoy)).await
}

async fn within(test: impl Future<Output = Result<()>>) -> Result<()> {
    timeout(Duration::from_secs(120), test).await.context("the test's time is over")?
}

async fn examine(kind: Kind) -> Result<()> {
    let tls = Certificates::new()?;
    let server = Server::start(&["--heartbeat", "2s", "--allowed-hosts", "localhost"]).await?;
    let mut proxy = Proxy::start(kind, server.address(), &tls).await?;
    ready(&proxy, &tls).await?;

    let doctor = command(&tls)?.args(["doctor", &proxy.url()]).output().await?;
    let said = String::from_utf8_lossy(&doctor.stdout);
    ensure!(doctor.status.success() && said.contains("Nothing is wrong"), "{kind:?}: {said}");

    an_event_arrives_over_http_2(&proxy, &tls, &server).await.context("HTTP/2")?;

    let url = proxy.url();
    let wires = ["ws", "sse", "stream", "poll"].map(|wire| Subscriber::start(wire, &url, &tls));
    let mut wires = try_join_all(wires).await?;
    for number in 0..5 {
        publish(server.address(), "resumed", &number.to_string()).await?;
    }
    for wire in &mut wires {
        wire.expect(0..5).await.with_context(|| format!("before the restart, {}", wire.name))?;
    }
    proxy.restart().await?;
    for number in 5..10 {
        publish(server.address(), "resumed", &number.to_string()).await?;
    }
    for wire in &mut wires {
        wire.expect(5..10).await.with_context(|| format!("after the restart, {}", wire.name))?;
    }
    Ok(())
}

/// Waits until the proxy passes requests on: it may look first whether the server is well.
async fn ready(proxy: &Proxy, tls: &Certificates) -> Result<()> {
    let url = proxy.url();
    while !command(tls)?.args(["health", "--quiet", "--url", &url]).output().await?.status.success()
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn an_event_arrives_over_http_2(
    proxy: &Proxy,
    tls: &Certificates,
    server: &Server,
) -> Result<()> {
    let mut curl = Command::new("curl")
        .args(["-sNi", "--http2", "--cacert"])
        .arg(tls.root())
        .arg(format!("{}/events?channel=browser", proxy.url()))
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(curl.stdout.take().context("no output")?).lines();
    let status = lines.next_line().await?.unwrap_or_default();
    ensure!(status.starts_with("HTTP/2 200"), "it is {status}");
    // The subscription stands once its position has come.
    while !lines.next_line().await?.context("it ended")?.starts_with("id:") {}
    publish(server.address(), "browser", "hello").await?;
    let arrived = async {
        while lines.next_line().await?.context("it ended")? != "data: hello" {}
        Ok::<_, anyhow::Error>(())
    };
    timeout(Duration::from_secs(2), arrived).await.context("the event is late")?
}

/// `tidewire subscribe` on one wire.
struct Subscriber {
    name: &'static str,
    lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Subscriber {
    async fn start(name: &'static str, url: &str, tls: &Certificates) -> Result<Self> {
        let mut command = command(tls)?;
        command.args(["subscribe", "resumed", "--since", "earliest", "--wire", name, "--url", url]);
        command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        Ok(Self { name, lines, _child: child })
    }

    /// Takes the messages of these numbers, which have to be the next ones: none is missing, none comes twice.
    async fn expect(&mut self, numbers: std::ops::Range<usize>) -> Result<()> {
        for number in numbers {
            let line = timeout(Duration::from_secs(30), self.lines.next_line()).await;
            let line = line.context("no message came")??.context("it ended")?;
            ensure!(line == number.to_string(), "{line} came instead of {number}");
        }
        Ok(())
    }
}

/// A command of the binary, which trusts the certificate of the proxy.
fn command(tls: &Certificates) -> Result<Command> {
    let mut command = server::command()?;
    command.env("SSL_CERT_FILE", tls.root());
    Ok(command)
}
