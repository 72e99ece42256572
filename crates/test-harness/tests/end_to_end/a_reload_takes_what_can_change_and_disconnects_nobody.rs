//! A reload: by SIGHUP and by `tidewire reload`, what can change changes, nobody is disconnected, and a bad file changes
//! nothing.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use std::{path::Path, time::Duration};
use tidewire_test_harness::{
    peers::{
        Subscriber, Wire,
        http::{exchange, get, post, publish},
        websocket::Socket,
    },
    server::{Server, command},
};
use tokio::{fs, time::sleep};

const BEFORE: &str =
    "heartbeat = \"20s\"\nallowed_hosts = [\"a.example\"]\nretention_messages = 100\n";

const AFTER: &str = "heartbeat = \"100ms\"\nallowed_hosts = [\"b.example\"]\nretention_messages = 100\nworkers = 3\n\
    [anonymous]\nsubscribe = [\">\"]\npublish = [\"open.>\"]\nhistory = true\n\
    [channels.\"open.>\"]\nretention_messages = 2\nmessage_bytes_max = \"4B\"\n\
    [tokens]\nsecret = \"a-secret-of-at-least-32-bytes-for-a-test\"\n";

#[tokio::test]
async fn a_reload_takes_what_can_change_and_disconnects_nobody() -> Result<()> {
    within(60, async {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("tidewire.toml");
        fs::write(&file, BEFORE).await?;
        let path = file.to_str().context("a path")?;
        let mut server = Server::start(&["--config", path]).await?;
        let address = server.address();
        let mut follower = Subscriber::open(Wire::Sse, address, &["open.a"], None).await?;
        let (mut socket, _) = Socket::speak(address).await?;
        for text in ["1", "2", "3"] {
            publish(address, "open.a", text).await?;
            ensure!(follower.message().await?.data == text);
        }
        ensure!(status(&server, "a.example").await? == 200);
        ensure!(status(&server, "b.example").await? == 421);

        // One bad value, and everything stays as it was.
        let (is_done, said) = reload(&server, &file, &AFTER.replace("100ms", "soon")).await?;
        ensure!(
            !is_done && said.contains("nothing was reloaded") && said.contains("heartbeat"),
            "{said}"
        );
        ensure!(said.contains("soon"), "{said}");
        ensure!(status(&server, "a.example").await? == 200);
        publish(address, "closed", "still open").await?;

        let (is_done, said) = reload(&server, &file, AFTER).await?;
        ensure!(is_done, "{said}");
        for part in [
            "reloaded       heartbeat: 20s -> 100ms",
            "needs restart  workers: default -> 3",
            "[channels.\"open.>\"]: none -> retention_messages = 2, message_bytes_max = 4",
            "tokens_secret: default -> (not shown)",
        ] {
            ensure!(said.contains(part), "{part} is not in {said}");
        }
        // Hosts, who may publish, and options, also of channels that exist.
        ensure!(status(&server, "a.example").await? == 421);
        ensure!(status(&server, "b.example").await? == 200);
        ensure!(post(address, "/publish/closed", &[], b"no").await?.status == 403);
        let answer = post(address, "/publish/open.a", &[], b"too long").await?;
        ensure!(answer.status == 413, "{}", answer.status);
        publish(address, "open.a", "4").await?;
        let page = get(address, "/channels/open.a/messages", &[]).await?.json().await?;
        ensure!(page["messages"].as_array().is_some_and(|messages| messages.len() == 2), "{page}");
        // Connections have gone on, with the new heartbeat.
        ensure!(follower.message().await?.data == "4");
        let frame = socket.json().await?.context("the WebSocket has ended")?;
        ensure!(frame["type"] == "position", "{frame}");

        // Without its keys the server would be open. That has to be said.
        let (is_done, said) = reload(&server, &file, BEFORE).await?;
        ensure!(!is_done && said.contains("no keys are configured any more"), "{said}");
        ensure!(post(address, "/publish/closed", &[], b"no").await?.status == 403);
        fs::write(&file, format!("{BEFORE}anonymous = true\n")).await?;
        server.signal(Signal::HUP)?;
        while !server.output().text().contains("reloaded heartbeat: 100ms -> 20s") {
            sleep(Duration::from_millis(10)).await;
        }
        publish(address, "closed", "open again").await?;
        let log = server.output().text();
        ensure!(!log.contains("a-secret-of"), "a secret is in the log");
        ensure!(log.contains("nothing was reloaded"), "{log}");
        ensure!(server.terminate().await?.success());
        Ok(())
    })
    .await
}

/// The status of a request for a host.
async fn status(server: &Server, host: &str) -> Result<u16> {
    let request = format!("GET /version HTTP/1.1\r\nHost: {host}\r\n\r\n");
    Ok(exchange(server.address(), request.as_bytes()).await?.status)
}

/// Writes the file and runs `tidewire reload`; says whether it succeeded, and what it printed.
async fn reload(server: &Server, file: &Path, text: &str) -> Result<(bool, String)> {
    fs::write(file, text).await?;
    let output = command()?.args(["reload", "--url", &server.url()]).output().await?;
    let text = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8(text)?))
}
