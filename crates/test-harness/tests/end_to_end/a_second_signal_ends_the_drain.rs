//! A second SIGTERM or Ctrl-C: the server waits for no client any more, and closes the log on disk properly.

use crate::{common::within, stuck_reader::stuck_reader};
use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use std::time::Duration;
use tidewire_test_harness::{
    peers::http::{get, publish},
    server::Server,
};
use tokio::time::sleep;

#[tokio::test]
async fn a_second_signal_ends_the_drain() -> Result<()> {
    within(120, async {
        for (first, second) in
            [(Signal::TERM, Signal::TERM), (Signal::INT, Signal::TERM), (Signal::TERM, Signal::INT)]
        {
            let folder = tempfile::tempdir()?;
            let data = folder.path().to_str().context("a path")?;
            let settings = ["--data", data, "--drain", "10m"];
            let mut server = Server::start(&settings).await?;
            let reader = stuck_reader(server.address()).await?;
            let position = publish(server.address(), "a", "kept").await?;
            server.signal(first)?;
            while !server.output().text().contains("ending") {
                sleep(Duration::from_millis(10)).await;
            }
            ensure!(server.id().is_ok());
            server.signal(second)?;
            ensure!(server.ended().await?.success(), "{}", server.output());
            let said = server.output().text();
            ensure!(said.contains("cut off by a second signal"), "{said}");
            drop(reader);

            let server = Server::start(&settings).await?;
            let page = get(server.address(), "/channels/a/messages", &[]).await?.json().await?;
            ensure!(page["messages"][0]["position"] == *position, "{page}");
            ensure!(!server.output().text().contains("WARN"), "{}", server.output());
        }
        Ok(())
    })
    .await
}
