//! Ten thousand pipelined requests on one connection, and no answer read: no processor time, then the end.

use crate::common::{let_go_of, sockets, within};
use anyhow::{Result, ensure};
use std::time::Duration;
use tidewire_test_harness::{load::thread_times, peers::http::get, server::Server};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{sleep, timeout},
};

#[tokio::test]
async fn requests_whose_answers_are_not_read_cost_nothing() -> Result<()> {
    within(120, async {
        for first in [
            "",
            "POST /publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi",
            "POST /publish/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\
             2\r\nhi\r\n0\r\n\r\n",
        ] {
            // Long answers, since the system takes short ones by the thousand.
            let request =
                format!("{first}GET /assets/style.css HTTP/1.1\r\nHost: localhost\r\n\r\n");
            let server = Server::start(&["--workers", "1", "--stall", "5s"]).await?;
            // A worker that has answered has opened all that it needs.
            get(server.address(), "/health/live", &[]).await?.text().await?;
            let before = sockets(&server)?;
            let client = flood(&server, &request).await?;
            ensure!(busy(&server).await? < BUSY_MAX, "the server spins after {request}");
            let_go_of(&server, before, Duration::from_secs(30)).await?;
            drop(client);
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn requests_behind_one_that_waits_cost_nothing() -> Result<()> {
    within(60, async {
        let server = Server::start(&["--workers", "1"]).await?;
        for body in ["", "Transfer-Encoding: chunked\r\n", "Upgrade: websocket\r\n"] {
            let mut poll =
                format!("GET /poll?channel=a&since=now HTTP/1.1\r\nHost: localhost\r\n{body}\r\n");
            if body.starts_with("Transfer") {
                poll.push_str("0\r\n\r\n");
            }
            let _client = flood(&server, &poll).await?;
            ensure!(busy(&server).await? < BUSY_MAX, "the server spins after {poll}");
        }
        Ok(())
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

const WINDOW: Duration = Duration::from_secs(2);
/// Far above what an idle server takes on a busy machine, and half of what one that spins does.
const BUSY_MAX: f64 = 0.5;
