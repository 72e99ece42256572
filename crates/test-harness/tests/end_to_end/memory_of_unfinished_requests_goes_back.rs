//! What heads and bodies held goes back to the system, though messages came between them and stay.

use crate::common::within;
use anyhow::{Result, ensure};
use std::time::Duration;
use tidewire_test_harness::{load::anonymous_bytes, peers::http::publish, server::Server};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::sleep};

#[tokio::test]
async fn memory_of_unfinished_requests_goes_back() -> Result<()> {
    let head = |bytes| [b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", &*vec![b'x'; bytes]].concat();
    let body = |bytes| {
        let head = "POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8000000\r\n\r\n";
        [head.as_bytes(), &*vec![b' '; bytes]].concat()
    };
    for (input, connections) in
        [(head(30_000), 1_500), (head(120_000), 400), (body(120_000), 300), (body(900_000), 60)]
    {
        goes_back(&input, connections).await?;
    }
    Ok(())
}

async fn goes_back(input: &[u8], connections: usize) -> Result<()> {
    within(90, async {
        let server = Server::start(&["--workers", "2"]).await?;
        let process = server.id()?;
        let before = anonymous_bytes(process)?;
        let mut clients = Vec::new();
        for number in 0..connections {
            let mut client = TcpStream::connect(server.address()).await?;
            client.write_all(input).await?;
            clients.push(client);
            if number % 10 == 0 {
                publish(server.address(), "kept", &"x".repeat(2_000)).await?;
            }
        }
        // The server may still be reading; heads are given up after five seconds.
        let grown = || anyhow::Ok(anonymous_bytes(process)?.saturating_sub(before) >> 20);
        let held = u64::try_from(input.len() * connections)? >> 20;
        let (mut peak, mut patience) = (0, 200);
        while peak < held / 5 * 4 && patience > 0 {
            sleep(Duration::from_millis(20)).await;
            (peak, patience) = (peak.max(grown()?), patience - 1);
        }
        ensure!(peak > held / 4, "of {held} MB it held {peak} MB");
        drop(clients);
        patience = 400;
        let mut left = grown()?;
        while left > LEFT_MB_MAX && patience > 0 {
            sleep(Duration::from_millis(20)).await;
            (left, patience) = (grown()?, patience - 1);
        }
        ensure!(left <= LEFT_MB_MAX, "{connections} x {} bytes leave {left} MB", input.len());
        Ok(())
    })
    .await
}

/// Buffers of 1,500 connections, and messages.
const LEFT_MB_MAX: u64 = 32;
