//! `curl` works for everything: publish with `-d`, follow with `-N`.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::process::Stdio;
use tidewire_test_harness::server::Server;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

async fn curl(arguments: &[&str]) -> Result<String> {
    let output = Command::new("curl").args(["-sS"]).args(arguments).output().await;
    let output = output.context("curl is needed: apt-get install curl")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

#[tokio::test]
async fn curl_publishes_and_follows() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let url = |path: &str| format!("http://{}{path}", server.address());
        for (path, expected) in [("/events", "data"), ("/stream", "\"data\":\"hello\"")] {
            let mut follower = Command::new("curl")
                .args(["-sSN", &url(path)])
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()?;
            let output = follower.stdout.take().context("no standard output")?;
            let mut lines = BufReader::new(output).lines();
            // Its opening words, after which it is there.
            lines.next_line().await?.context("it ended")?;
            let answer = curl(&["-d", "hello", &url("/publish/lobby")]).await?;
            let answer: Value = serde_json::from_str(&answer)?;
            ensure!(answer["position"].is_string(), "{answer}");
            loop {
                let line = lines.next_line().await?.context("it ended")?;
                if line.contains(expected) {
                    ensure!(line.contains("hello"), "{line}");
                    break;
                }
            }
        }

        let json = ["-H", "Content-Type: application/json", "-d", r#"{"n":1}"#];
        curl(&[&json[..], &[&url("/publish/lobby?event=counted")]].concat()).await?;
        let poll = curl(&[&url("/poll?channel=lobby&since=earliest")]).await?;
        let poll: Value = serde_json::from_str(&poll)?;
        ensure!(poll["messages"][2]["data"]["n"] == 1, "{poll}");
        ensure!(poll["messages"][2]["event"] == "counted", "{poll}");
        let batch = r#"{"messages":[{"channel":"a","data":1},{"channel":"a b","data":2}]}"#;
        let batch = curl(&["--json", batch, &url("/publish")]).await?;
        let batch: Value = serde_json::from_str(&batch)?;
        ensure!(batch["results"][0]["position"].is_string(), "{batch}");
        ensure!(batch["results"][1]["error"]["code"] == "bad_channel", "{batch}");
        let history = curl(&[&url("/channels/lobby/messages?limit=1")]).await?;
        let history: Value = serde_json::from_str(&history)?;
        ensure!(history["messages"].as_array().is_some_and(|page| page.len() == 1), "{history}");
        ensure!(curl(&[&url("/channels")]).await?.contains("lobby"));
        ensure!(curl(&["-i", &url("/nothing")]).await?.contains("application/problem+json"));
        Ok(())
    })
    .await
}
