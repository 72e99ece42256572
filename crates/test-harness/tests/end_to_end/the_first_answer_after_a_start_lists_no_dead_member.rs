//! A log that outlives its server lists members whose connections ended with the process. They have
//! left before the new process answers its first request.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::{fs, net::SocketAddr, time::Duration};
use tidewire_test_harness::{peers::http::get, server::Server};
use tokio::time::sleep;

const MEMBERS: usize = 200;

async fn members(address: SocketAddr) -> Result<Value> {
    let path = "/channels/room.a/presence?limit=1000";
    let mut page = get(address, path, &[]).await?.json().await?;
    Ok(page["members"].take())
}

/// The answer to the first request that a server at `address` takes.
async fn first_members(address: SocketAddr) -> Result<Value> {
    loop {
        match members(address).await {
            Ok(members) => return Ok(members),
            // Nobody listens yet.
            Err(_) => sleep(Duration::from_millis(1)).await,
        }
    }
}

#[tokio::test]
async fn the_first_answer_after_a_start_lists_no_dead_member() -> Result<()> {
    within(60, async {
        let folder = tempfile::tempdir()?;
        let (data, config) = (folder.path().join("data"), folder.path().join("tidewire.toml"));
        fs::write(&config, "presence_interval = \"20ms\"\n[channels.\"room.>\"]\npresence = true")?;
        let text = |path: &std::path::Path| path.to_str().map(str::to_owned);
        let (data, config) = (text(&data).context("UTF-8")?, text(&config).context("UTF-8")?);
        let arguments = ["--config", &config, "--data", &data];
        let mut server = Server::start(&arguments).await?;
        let address = server.address();
        let mut there = Vec::new();
        for _ in 0..MEMBERS {
            there.push(get(address, "/events?channel=room.a", &[]).await?);
        }
        while members(address).await?.as_array().map(Vec::len) != Some(MEMBERS) {
            sleep(Duration::from_millis(20)).await;
        }
        server.kill().await?;
        drop(there);

        let first = tokio::spawn(first_members(address));
        let _server = Server::start_at(address, &arguments).await?;
        let first = first.await??;
        let count = first.as_array().map(Vec::len);
        ensure!(first == json!([]), "{count:?} dead members are listed");
        Ok(())
    })
    .await
}
