//! In a drain: idle connections end at once, and a new one is refused by the system, not queued.

use crate::{common::within, stuck_reader::stuck_reader};
use anyhow::{Result, ensure};
use rustix::process::Signal;
use std::io::ErrorKind;
use tidewire_test_harness::server::Server;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[tokio::test]
async fn a_server_that_ends_lets_nobody_wait() -> Result<()> {
    within(60, async {
        let mut server = Server::start(&["--drain", "10m"]).await?;
        let address = server.address();
        let mut kept_alive = TcpStream::connect(address).await?;
        let request = format!("GET /health/live HTTP/1.1\r\nHost: {address}\r\n\r\n");
        kept_alive.write_all(request.as_bytes()).await?;
        kept_alive.read_u8().await?;
        let mut silent = TcpStream::connect(address).await?;
        let reader = stuck_reader(address).await?;

        server.signal(Signal::TERM)?;
        kept_alive.read_to_end(&mut Vec::new()).await?;
        ensure!(silent.read(&mut [0]).await? == 0);
        let refused = loop {
            match TcpStream::connect(address).await {
                // It came before the listening socket was closed, and is disconnected, too.
                Ok(mut early) => drop(early.read(&mut [0]).await),
                Err(error) => break error,
            }
        };
        ensure!(refused.kind() == ErrorKind::ConnectionRefused, "{refused}");
        ensure!(server.id().is_ok());
        let said = server.output().text();
        ensure!(!said.contains("cut off") && !said.contains("ERROR"), "{said}");
        drop(reader);
        ensure!(server.ended().await?.success());
        Ok(())
    })
    .await
}
