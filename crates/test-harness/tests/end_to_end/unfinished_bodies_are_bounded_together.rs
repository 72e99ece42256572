//! Many large bodies that do not come to their end: the greediest are refused, and smaller ones are still published.

use crate::common::{check_problem, within};
use anyhow::{Context as _, Result, ensure};
use std::time::Duration;
use tidewire_test_harness::{
    load::anonymous_bytes,
    peers::http::{Answer, publish},
    server::Server,
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::timeout};

#[tokio::test]
async fn unfinished_bodies_are_bounded_together() -> Result<()> {
    within(90, async {
        let server = Server::start(&["--workers", "1", "--input-bytes-max", "32MiB"]).await?;
        let before = anonymous_bytes(server.id()?)?;
        let head =
            format!("POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY}\r\n\r\n");
        let input = [head.as_bytes(), &vec![b' '; BODY - 1]].concat();
        let mut clients = Vec::new();
        for _ in 0..30 {
            let mut client = TcpStream::connect(server.address()).await?;
            // A server that has refused it may close before all is sent.
            let _sent = timeout(Duration::from_secs(20), client.write_all(&input)).await?;
            clients.push(client);
        }
        publish(server.address(), "a", "small").await?;
        publish(server.address(), "a", &"x".repeat(1_000_000)).await?;
        let grown = anonymous_bytes(server.id()?)?.saturating_sub(before);
        ensure!(grown < 64 << 20, "{} KiB are held", grown >> 10);
        let (mut held, mut refused) = (0, 0);
        for client in clients {
            match timeout(Duration::from_millis(500), client.readable()).await {
                Ok(_) => {
                    let answer = Answer::read(client).await.context("a refusal is lost")?;
                    ensure!(answer.header("retry-after").is_some(), "{answer:?}");
                    let detail = check_problem(answer, 503, "unavailable").await?;
                    ensure!(detail.contains("input_bytes_max"), "{detail}");
                    refused += 1;
                }
                Err(_) => held += 1,
            }
        }
        ensure!(held > 0 && refused > 20, "{held} held, {refused} refused");
        Ok(())
    })
    .await
}

const BODY: usize = 8 << 20;
