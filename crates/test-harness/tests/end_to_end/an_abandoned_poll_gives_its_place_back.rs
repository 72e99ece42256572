//! A long-poll whose client has gone is over: its place is another one's at once.

use crate::common::within;
use anyhow::{Result, ensure};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tidewire_test_harness::{
    peers::http::{Answer, get},
    server::Server,
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::sleep};

#[tokio::test]
async fn an_abandoned_poll_gives_its_place_back() -> Result<()> {
    within(55, async {
        let server = Server::start(&["--connections-max", "1"]).await?;
        let address = server.address();
        let poll = format!("GET /poll?channel=a&wait=1m HTTP/1.1\r\nHost: {address}\r\n\r\n");
        for _ in 0..3 {
            let mut client = TcpStream::connect(address).await?;
            client.write_all(poll.as_bytes()).await?;
            until_followed(address, true).await?;
            ensure!(get(address, "/poll?wait=0s", &[]).await?.status == 503);
            drop(client);
            until_followed(address, false).await?;
        }
        // One that has only ended its own side is still there to be answered.
        let mut client = TcpStream::connect(address).await?;
        client.write_all(poll.as_bytes()).await?;
        until_followed(address, true).await?;
        client.shutdown().await?;
        let answer = Answer::read(client).await?.json().await?;
        ensure!(answer["messages"] == serde_json::json!([]), "{answer}");
        Ok(())
    })
    .await
}

/// Waits until the channel is followed, or is not any more.
async fn until_followed(address: SocketAddr, is_followed: bool) -> Result<()> {
    let start = Instant::now();
    loop {
        let list = get(address, "/channels", &[]).await?.json().await?;
        let channels = list["channels"].as_array().map_or(0, Vec::len);
        if (channels > 0) == is_followed {
            return Ok(());
        }
        ensure!(start.elapsed() < Duration::from_secs(20), "not followed: {}", !is_followed);
        sleep(Duration::from_millis(10)).await;
    }
}
