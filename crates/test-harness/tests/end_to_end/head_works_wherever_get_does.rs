//! `HEAD`: the head that `GET` has and nothing after it; for a stream, without a subscription.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use tidewire_test_harness::{
    peers::{
        Subscriber, Wire,
        http::{Answer, exchange, get},
    },
    server::Server,
};
use tokio::{io::AsyncReadExt as _, io::AsyncWriteExt as _, net::TcpStream};

const PATHS: [&str; 10] = [
    "/",
    "/health/live",
    "/health/ready",
    "/events?channel=a",
    "/stream?channel=a",
    "/poll?channel=a&wait=0",
    "/channels",
    "/channels/a/messages",
    "/channels/a/presence",
    "/assets/tidewire.js",
];

async fn head(server: &Server, path: &str) -> Result<Answer> {
    let host = server.address();
    exchange(host, format!("HEAD {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await
}

#[tokio::test]
async fn head_has_the_status_and_headers_of_get() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        for path in PATHS {
            let (head, get) = (head(&server, path).await?, get(server.address(), path, &[]).await?);
            ensure!(head.status == get.status && get.status != 405, "{path}: {}", head.status);
            for name in ["content-type", "cache-control", "x-accel-buffering", "vary", "etag"] {
                ensure!(head.header(name) == get.header(name), "{path}: {name}");
            }
        }
        ensure!(head(&server, "/ws").await?.status == 426);
        ensure!(head(&server, "/events?chanel=a").await?.status == 400);
        ensure!(head(&server, "/nothing").await?.status == 404);
        ensure!(head(&server, "/publish/a").await?.status == 405);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn head_sends_no_byte_of_a_body() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        for path in PATHS {
            let mut stream = TcpStream::connect(server.address()).await?;
            // The close comes after the answer and all that follows it, so this waits for no timeout.
            let request = format!("HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            stream.write_all(request.replace("Host: a", "Host: 127.0.0.1").as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.context(path)?;
            ensure!(answer.find("\r\n\r\n") == Some(answer.len() - 4), "{path}: {answer}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn head_of_a_stream_takes_no_place() -> Result<()> {
    within(30, async {
        let server = Server::start(&["--connections-max", "1"]).await?;
        let _only = Subscriber::open(Wire::Sse, server.address(), &["a"], None).await?;
        for path in ["/events", "/stream", "/poll"] {
            ensure!(head(&server, path).await?.status == 200, "{path}");
        }
        let page = get(server.address(), "/channels", &[]).await?.json().await?;
        ensure!(page["channels"].as_array().context("no list")?.len() == 1, "{page}");
        Ok(())
    })
    .await
}
