//! The examples of the Rust client as processes: a chat of two, a follower that begins again, a bridge that does, too.

use crate::{
    common::{numbered, publish_numbers, within},
    reader::Reader,
};
use anyhow::{Context as _, Result, ensure};
use std::{env, net::SocketAddr, path::Path, process::Stdio, time::Duration};
use tidewire_test_harness::{peers::http::publish, server::Server};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::sleep,
};

/// An example that runs, and ends with this.
struct Example {
    process: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Example {
    /// Runs an example, which `cargo xtask e2e` has built beside the tests.
    fn start(name: &str, arguments: &[&str]) -> Result<Self> {
        let tests = env::current_exe()?;
        let folder = tests.ancestors().nth(2).context("tests are two folders down")?;
        let mut process = Command::new(folder.join("examples").join(name))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cargo build -p tidewire-client --example {name}"))?;
        let input = process.stdin.take().context("no standard input")?;
        let output = process.stdout.take().context("no standard output")?;
        Ok(Self { process, input, lines: BufReader::new(output).lines() })
    }

    async fn line(&mut self) -> Result<String> {
        self.lines.next_line().await?.context("it ended")
    }

    async fn kill(mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// Waits until the file has another position than before.
async fn position(file: &Path, before: &str) -> Result<String> {
    loop {
        match std::fs::read_to_string(file) {
            Ok(position) if position != before => return Ok(position),
            _ => sleep(Duration::from_millis(10)).await,
        }
    }
}

#[tokio::test]
async fn what_one_types_in_a_chat_the_other_reads() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let url = url(server.address());
        let mut ada = Example::start("chat", &[&url, "room1", "ada"])?;
        let mut bob = Example::start("chat", &[&url, "room1", "bob"])?;
        ada.input.write_all(b"hi\nare you there?\n").await?;
        for text in ["ada: hi", "ada: are you there?"] {
            ensure!(bob.line().await? == text && ada.line().await? == text);
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_follower_goes_on_exactly_where_it_was() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("position");
        let url = url(server.address());
        let arguments = [&*url, file.to_str().context("a path of UTF-8")?, "logs.>"];
        let mut before = String::new();
        for round in 0..3 {
            let numbers = round * 5..round * 5 + 5;
            publish_numbers(server.address(), "logs.a", numbers.clone()).await?;
            let mut follow = Example::start("follow", &arguments)?;
            for number in numbers {
                let line = follow.line().await?;
                ensure!(line == format!("logs.a\t{}", numbered(number)), "{line} for {number}");
            }
            // The position of the last message, which the file has a moment after the line.
            let last = format!("-{}", round * 5 + 5);
            while !before.ends_with(&last) {
                before = position(&file, &before).await?;
            }
            follow.kill().await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_bridge_that_is_killed_copies_each_message_once() -> Result<()> {
    within(90, async {
        let (one, other) = (Server::start(&[]).await?, Server::start(&[]).await?);
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("position");
        let (from, to) = (url(one.address()), url(other.address()));
        let arguments = [&*from, &*to, file.to_str().context("a path of UTF-8")?, "orders"];
        let mut copies = Reader::start(other.address(), &["orders", "--since", "earliest"])?;
        let mut before = String::new();
        for round in 0..3 {
            let bridge = Example::start("bridge", &arguments)?;
            publish_numbers(one.address(), "orders", round * 50..round * 50 + 50).await?;
            // While most of them are under way.
            before = position(&file, &before).await?;
            bridge.kill().await?;
        }
        let _bridge = Example::start("bridge", &arguments)?;
        publish(one.address(), "orders", "end").await?;
        for number in 0..150 {
            let copy = copies.line().await?;
            ensure!(copy == numbered(number), "{copy} for {number}");
        }
        let last = copies.line().await?;
        ensure!(last == "end", "{last} at the end");
        Ok(())
    })
    .await
}
