//! SIGHUP: one line in the log, and everything goes on.

use crate::common::within;
use anyhow::{Result, ensure};
use rustix::process::Signal;
use std::time::Duration;
use tidewire_test_harness::{
    peers::{Subscriber, Wire, http::publish},
    server::Server,
};
use tokio::time::sleep;

#[tokio::test]
async fn a_hangup_ends_nothing() -> Result<()> {
    within(30, async {
        let mut server = Server::start(&[]).await?;
        let address = server.address();
        let mut subscriber = Subscriber::open(Wire::Sse, address, &["a"], None).await?;
        server.signal(Signal::HUP)?;
        while !server.output().text().contains("SIGHUP is ignored") {
            sleep(Duration::from_millis(10)).await;
        }
        publish(address, "a", "still here").await?;
        ensure!(subscriber.message().await?.data == "still here");
        ensure!(server.output().text().matches("SIGHUP").count() == 1, "{}", server.output());
        ensure!(server.terminate().await?.success());
        Ok(())
    })
    .await
}
