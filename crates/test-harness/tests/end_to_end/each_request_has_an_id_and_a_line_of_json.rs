//! The log for programs: each line is a JSON object, each request has an id and on request a line, and what changes how much
//! is logged needs no restart.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;
use std::time::Duration;
use tidewire_test_harness::{
    peers::http::{get, post},
    server::Server,
};
use tokio::{fs, time::sleep};

#[tokio::test]
async fn each_request_has_an_id_and_a_line_of_json() -> Result<()> {
    within(30, async {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("tidewire.toml");
        fs::write(&file, "log_format = \"json\"\naccess_log = true\n").await?;
        let path = file.to_str().context("a path")?;
        let server = Server::start(&["--config", path]).await?;
        let address = server.address();

        let answer = get(address, "/version", &[("X-Request-Id", "abc-1")]).await?;
        ensure!(answer.header("x-request-id") == Some("abc-1"));
        let answer = get(address, "/version", &[("X-Request-Id", "a b\"")]).await?;
        let made = answer.header("x-request-id").context("no id")?;
        ensure!(made.len() == 16, "{made}");
        let headers = [("X-Request-Id", "abc-2"), ("User-Agent", "a \"test\"")];
        let problem = get(address, "/channels/a..b/messages", &headers).await?;
        ensure!(problem.header("x-request-id") == Some("abc-2"));
        let problem: Value = serde_json::from_str(&problem.text().await?)?;
        ensure!(problem["request_id"] == "abc-2", "{problem}");
        let posted =
            post(address, "/publish/room.a", &[("X-Request-Id", "abc-3")], b"a payload").await?;
        ensure!(posted.status == 200);

        let published = line(&server, "abc-3").await?;
        ensure!(
            published["target"] == "tidewire::access" && published["level"] == "INFO",
            "{published}"
        );
        ensure!(
            published["method"] == "POST" && published["path"] == "/publish/room.a",
            "{published}"
        );
        ensure!(published["status"] == 200 && published["address"] == "127.0.0.1", "{published}");
        ensure!(published["took_ms"].is_u64() && published["bytes"].is_u64(), "{published}");
        ensure!(!published.to_string().contains("payload"), "{published}");
        let refused = line(&server, "abc-2").await?;
        ensure!(refused["agent"] == "a \"test\"" && refused["status"] == 400, "{refused}");

        // The life of a connection is a line at its end.
        let mut stream = get(address, "/events?channel=room.a&channel=other.>", &[]).await?.body;
        stream.next().await?.context("no opening block")?;
        drop(stream);
        let ended = line(&server, "tidewire::connection").await?;
        ensure!(ended["transport"] == "sse" && ended["reason"] == "left", "{ended}");
        ensure!(ended["channels"] == "room.a,other.>" && ended["subscriptions"] == 2, "{ended}");
        ensure!(ended["address"] == "127.0.0.1" && ended["lasted_s"].is_u64(), "{ended}");

        // Without a restart: no more lines of requests, and those of warnings only.
        fs::write(&file, "log_format = \"json\"\nlog_level = \"warn,tidewire::reload=info\"\n")
            .await?;
        server.signal(Signal::HUP)?;
        while !server.output().text().contains("reloaded access_log") {
            sleep(Duration::from_millis(10)).await;
        }
        ensure!(get(address, "/version", &[("X-Request-Id", "abc-4")]).await?.status == 200);
        ensure!(!server.output().text().contains("abc-4"), "{}", server.output());
        Ok(())
    })
    .await
}

/// The first line of the log that has this.
async fn line(server: &Server, id: &str) -> Result<Value> {
    loop {
        let log = server.output().text();
        let mut lines = log.lines().filter(|line| line.starts_with('{') && line.ends_with('}'));
        if let Some(line) = lines.find(|line| line.contains(id)) {
            return Ok(serde_json::from_str(line)?);
        }
        sleep(Duration::from_millis(10)).await;
    }
}
