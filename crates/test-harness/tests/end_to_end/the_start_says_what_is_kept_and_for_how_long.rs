//! A server that starts with `--data` logs what it stores, for how long, and which settings decide that.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use std::time::Duration;
use tidewire_test_harness::server::Server;
use tokio::time::sleep;

/// What the server prints up to its last line.
async fn greeting(arguments: &[&str]) -> Result<String> {
    let server = Server::start(arguments).await?;
    while !server.output().text().contains("development mode") {
        sleep(Duration::from_millis(10)).await;
    }
    Ok(server.output().text())
}

#[tokio::test]
async fn the_start_says_what_is_kept_and_for_how_long() -> Result<()> {
    within(30, async {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let data = data.to_str().context("the folder's name is not UTF-8")?;
        let said = greeting(&["--data", data]).await?;
        ensure!(said.contains("(data_bytes_max; by default a quarter of this disk)"), "{said}");
        ensure!(!said.contains("retention_age"), "{said}");

        let stated = ["--data", data, "--data-bytes-max", "1GiB", "--retention-age", "15m"];
        let said = greeting(&stated).await?;
        ensure!(
            said.contains("together store at most 1GiB (data_bytes_max); beyond it, the oldest"),
            "{said}"
        );
        ensure!(said.contains("each channel stores at most 15m (retention_age)"), "{said}");
        Ok(())
    })
    .await
}
