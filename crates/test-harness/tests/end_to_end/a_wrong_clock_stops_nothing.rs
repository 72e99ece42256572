//! A clock that is set to before 1970 while the server runs, and one that is there at its start.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use std::time::Duration;
use tidewire_test_harness::{
    peers::http::{get, publish},
    server::{Server, command},
};
use tokio::{process::Command, time::sleep};

/// The library by which a program sees another clock.
async fn library() -> Result<String> {
    let output = Command::new("faketime").args(["-f", "+0", "printenv", "LD_PRELOAD"]).output();
    let output = output.await.context("faketime is needed: cargo xtask install")?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[tokio::test]
async fn a_clock_set_to_before_1970_and_back_stops_nothing() -> Result<()> {
    within(60, async {
        let folder = tempfile::tempdir()?;
        let time = folder.path().join("time");
        std::fs::write(&time, "+0")?;
        let mut command = command()?;
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--workers", "1"])
            .env("LD_PRELOAD", library().await?)
            .env("FAKETIME_TIMESTAMP_FILE", &time)
            .envs([("FAKETIME_NO_CACHE", "1"), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")]);
        let server = Server::run(command).await?;
        // The worker has begun, which is what the start looks at the clock for.
        ensure!(get(server.address(), "/health/live", &[]).await?.status == 200);
        for (set, begins) in [
            ("@1960-01-01 00:00:00", "Thu, 01 Jan 1970 00:00:00"),
            ("@1994-11-06 08:00:00", "Sun, 06 Nov 1994 08:"),
            ("@2030-06-01 08:00:00", "Sat, 01 Jun 2030 08:"),
        ] {
            // Renamed, so that no half of it is ever read.
            let next = folder.path().join("next");
            std::fs::write(&next, set)?;
            std::fs::rename(&next, &time)?;
            loop {
                publish(server.address(), "a", "x").await?;
                let answer = get(server.address(), "/health/live", &[]).await?;
                if answer.header("date").context("no date")?.starts_with(begins) {
                    break;
                }
            }
            // Whatever looks at the clock every so often has seen it by then.
            sleep(Duration::from_secs(2)).await;
        }
        // Longer than a request head may take: a timer that stands still would be over by now.
        sleep(Duration::from_secs(5)).await;
        ensure!(get(server.address(), "/health/live", &[]).await?.status == 200);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_start_before_1970_is_refused_with_the_reason() -> Result<()> {
    within(30, async {
        let output = command()?
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("LD_PRELOAD", library().await?)
            .env("FAKETIME", "@1960-01-01 00:00:00")
            .kill_on_drop(true)
            .output()
            .await?;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(!output.status.success() && stderr.contains("before 1970"), "{stderr}");
        Ok(())
    })
    .await
}
