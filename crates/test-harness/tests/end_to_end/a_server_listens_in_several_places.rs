//! `--listen` with several addresses: one server behind all of them, and each is said at the start.

use crate::common::within;
use anyhow::{Result, ensure};
use std::{net::SocketAddr, time::Duration};
use tidewire_test_harness::{
    peers::{Subscriber, Wire, http},
    server::Server,
};
use tokio::time::sleep;

#[tokio::test]
async fn one_server_is_behind_every_address() -> Result<()> {
    within(60, async {
        // More workers than lanes there are for two applications each.
        let places = ["--listen", "127.0.0.2:0,localhost:0", "--workers", "33"];
        let server = Server::start(&places).await?;
        let addresses = listening(&server, 3).await?;
        assert_eq!(addresses[0], server.address());
        assert_eq!(addresses[1].ip().to_string(), "127.0.0.2");
        assert!(addresses[2].ip().is_loopback());
        for (number, publisher) in addresses.iter().enumerate() {
            let channel = format!("a{number}");
            for reader in &addresses {
                let mut reader =
                    Subscriber::open(Wire::Stream, *reader, &[&channel], Some("earliest")).await?;
                let payload = format!("{number}");
                http::publish(*publisher, &channel, &payload).await?;
                ensure!(reader.message().await?.data == payload);
            }
        }
        Ok(())
    })
    .await
}

/// The addresses that the server says it listens on, once there are `count`.
async fn listening(server: &Server, count: usize) -> Result<Vec<SocketAddr>> {
    loop {
        let text = server.output().text();
        let said = text.lines().filter_map(|line| line.strip_prefix("listening on http://"));
        let addresses: Vec<_> = said.map(str::parse).collect::<Result<_, _>>()?;
        if addresses.len() >= count {
            return Ok(addresses);
        }
        sleep(Duration::from_millis(20)).await;
    }
}
