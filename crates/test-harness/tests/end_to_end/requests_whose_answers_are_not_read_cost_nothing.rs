//! Ten thousand pipelined requests on one connection, and no answer read: no processor time, then the end.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use std::{io::ErrorKind, time::Duration};
use tidewire_test_harness::{load::thread_times, server::Server};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{sleep, timeout},
};

#[tokio::test]
async fn requests_whose_answers_are_not_read_cost_nothing() -> Result<()> {
    within(200, async {
        let server = Server::start(&["--workers", "1"]).await?;
        for first in [
            "",
            "POST /publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi",
            "POST /publish/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\
             2\r\nhi\r\n0\r\n\r\n",
        ] {
            let _client = flood(&server, &format!("{first}{ASSET}")).await?;
            ensure!(comes_to_rest(&server).await?, "the server spins after {first}{ASSET}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn requests_behind_one_that_waits_cost_nothing() -> Result<()> {
    within(200, async {
        let server = Server::start(&["--workers", "1"]).await?;
        for body in ["", "Transfer-Encoding: chunked\r\n", "Upgrade: websocket\r\n"] {
            let mut poll =
                format!("GET /poll?channel=a&since=now HTTP/1.1\r\nHost: localhost\r\n{body}\r\n");
            if body.starts_with("Transfer") {
                poll.push_str("0\r\n\r\n");
            }
            let _client = flood(&server, &poll).await?;
            ensure!(comes_to_rest(&server).await?, "the server spins after {poll}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_client_that_takes_no_answer_is_disconnected() -> Result<()> {
    within(90, async {
        let server = Server::start(&["--workers", "1", "--stall", "1s"]).await?;
        let client = flood(&server, ASSET).await?;
        let ended = async {
            loop {
                client.writable().await?;
                match client.try_write(b"G") {
                    Err(error) if error.kind() != ErrorKind::WouldBlock => return Ok(()),
                    _ => {}
                }
            }
        };
        timeout(Duration::from_secs(30), ended).await.context("the connection goes on")?
    })
    .await
}

/// A connection on which the server has read all that it will.
async fn flood(server: &Server, request: &str) -> Result<TcpStream> {
    let mut client = TcpStream::connect(server.address()).await?;
    let requests = request.repeat(10_000);
    let _stuck = timeout(Duration::from_secs(1), client.write_all(requests.as_bytes())).await;
    Ok(client)
}

/// Whether the server is idle once it has done what it was asked for, long before the connection has to end.
async fn comes_to_rest(server: &Server) -> Result<bool> {
    for _ in 0..PATIENCE {
        if busy(server).await? < BUSY_MAX {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The share of a processor that the busiest thread took or waited for.
async fn busy(server: &Server) -> Result<f64> {
    let before = thread_times(server.id()?)?;
    sleep(WINDOW).await;
    let after = thread_times(server.id()?)?;
    let busiest = after.into_iter().map(|(thread, now)| {
        let then = before.get(&thread).copied().unwrap_or_default();
        (now.ran + now.waited).saturating_sub(then.ran + then.waited)
    });
    Ok(busiest.max().unwrap_or_default().as_secs_f64() / WINDOW.as_secs_f64())
}

/// Long answers, since the system takes short ones by the thousand.
const ASSET: &str = "GET /assets/style.css HTTP/1.1\r\nHost: localhost\r\n\r\n";
const WINDOW: Duration = Duration::from_secs(1);
/// Windows: it answers as much as the sockets take, on a machine that has other work; and fewer than the seconds for
/// which a client may take nothing, or a poll wait.
const PATIENCE: usize = 40;
/// Far above what an idle server takes on a busy machine, and half of what one that spins does.
const BUSY_MAX: f64 = 0.5;
