//! `tidewire subscribe` through a proxy that cuts it, and across a restart of the server.

use crate::{
    common::{numbered, publish_numbers, within},
    reader::Reader,
};
use anyhow::{Result, ensure};
use tidewire_test_harness::{
    peers::http::publish,
    proxy::{Break, Ending, Faults, Proxy},
    server::Server,
};

#[tokio::test]
async fn what_is_subscribed_resumes_by_itself_after_every_cut() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        let proxy = Proxy::start(address).await?;
        let break_after = Some(Break { down_bytes: 60_013, ending: Ending::Reset });
        proxy.set(Faults { break_after, ..Faults::default() });
        publish_numbers(address, "logs.app", 0..1_000).await?;
        let mut reader = Reader::start(proxy.address(), &["logs.>", "--since", "10m"])?;
        for number in 0..1_000 {
            let line = reader.line().await?;
            ensure!(line.contains(&numbered(number)), "instead of {number}: {line}");
        }
        ensure!(proxy.accepted() > 1, "it was not cut");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_restarted_server_is_found_again() -> Result<()> {
    within(60, async {
        let mut server = Server::start(&[]).await?;
        let address = server.address();
        publish(address, "logs.app", "first life").await?;
        let mut reader = Reader::start(address, &["logs.>", "--since", "earliest"])?;
        ensure!(reader.line().await?.contains("first life"));
        server.kill().await?;
        let _server = Server::start_at(address, &[]).await?;
        publish(address, "logs.app", "second life").await?;
        loop {
            // A notice of the gap may come first.
            if reader.line().await?.contains("second life") {
                return Ok(());
            }
        }
    })
    .await
}
