//! Many long request heads that do not come to their end: the greediest are refused, and others are served.

use crate::common::{check_problem, within};
use anyhow::{Context as _, Result, ensure};
use std::time::Duration;
use tidewire_test_harness::{
    peers::http::{Answer, publish},
    server::Server,
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::timeout};

#[tokio::test]
async fn unfinished_heads_are_bounded_together() -> Result<()> {
    within(90, async {
        let arguments = ["--workers", "1", "--input-bytes-max", "1MiB"];
        let limits = ["--message-bytes-max", "128KiB", "--batch-bytes-max", "256KiB"];
        let server = Server::start(&[arguments, limits].concat()).await?;
        let opening = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ";
        let input = [&opening[..], &vec![b'x'; 120_000]].concat();
        let mut clients = Vec::new();
        for _ in 0..30 {
            let mut client = TcpStream::connect(server.address()).await?;
            // One that is refused may be closed before all is sent.
            let _sent = timeout(Duration::from_secs(20), client.write_all(&input)).await?;
            clients.push(client);
        }
        publish(server.address(), "a", "served").await?;
        let mut refused = 0;
        for client in clients {
            let answer = timeout(Duration::from_secs(20), Answer::read(client)).await?;
            let answer = answer.context("a refusal is lost")?;
            // The others have room, and are too slow.
            if answer.status != 408 {
                ensure!(answer.header("retry-after").is_some(), "{answer:?}");
                let detail = check_problem(answer, 503, "unavailable").await?;
                ensure!(detail.contains("input_bytes_max"), "{detail}");
                refused += 1;
            }
        }
        ensure!((20..30).contains(&refused), "{refused} of 30 are refused, and some have room");
        Ok(())
    })
    .await
}
