//! `/health/ready` goes through the engine: a disk that fails is noticed, and a crowd of probes costs one message.

use crate::{
    common::{check_problem, within},
    scrape::{scrape, value},
};
use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use std::time::Duration;
use tidewire_test_harness::{
    peers::http::{get, publish},
    server::{Server, binary},
};
use tokio::{process::Command, time::sleep};

#[tokio::test]
async fn a_crowd_of_probes_shares_a_message() -> Result<()> {
    within(30, async {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let server = Server::start(&["--data", data.to_str().context("its name")?]).await?;
        let probes = (0..50).map(|_| get(server.address(), "/health/ready", &[]));
        for answer in try_join_all(probes).await? {
            ensure!(answer.json().await?["status"] == "ready");
        }
        let series = scrape(server.address()).await?;
        let appended = value(&series, "tidewire_appended_messages_total")?;
        // One a second, on a slow machine.
        ensure!((1.0..=10.0).contains(&appended), "{appended} messages");
        ensure!(value(&series, "tidewire_publishes_total{result=\"published\"}")? == 0.0);
        ensure!(value(&series, "tidewire_log_writable")? == 1.0);
        ensure!(value(&series, "tidewire_log_commit_seconds_count")? >= 1.0);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_disk_that_cannot_sync_makes_it_not_ready() -> Result<()> {
    within(120, async {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new("strace");
        // Each thread's syncs are counted on their own: those of the start are few.
        command.args(["-D", "-f", "-o", "/dev/null", "-e", "trace=fdatasync"]);
        command.args(["-e", "inject=fdatasync:error=EIO:when=60+"]).arg(binary()?);
        command.args(["serve", "--listen", "127.0.0.1:0", "--workers", "1", "--data"]);
        command.arg(folder.path().join("data"));
        let server = Server::run(command).await.context("strace is needed: cargo xtask install")?;
        let address = server.address();
        ensure!(get(address, "/health/ready", &[]).await?.status == 200);
        for number in 0..80 {
            // From some number on it fails.
            let _ = publish(address, "a", &number.to_string()).await;
        }
        ensure!(publish(address, "a", "x").await.is_err(), "the disk goes on");
        // What was found out before counts for a second.
        let answer = loop {
            let answer = get(address, "/health/ready", &[]).await?;
            if answer.status != 200 {
                break answer;
            }
            sleep(Duration::from_millis(50)).await;
        };
        let detail = check_problem(answer, 503, "unavailable").await?;
        ensure!(detail.contains("the engine did not store a test message"), "{detail}");
        let series = scrape(address).await?;
        ensure!(value(&series, "tidewire_log_writable")? == 0.0);
        ensure!(value(&series, "tidewire_log_failures_total{operation=\"commit\"}")? >= 1.0);
        Ok(())
    })
    .await
}
