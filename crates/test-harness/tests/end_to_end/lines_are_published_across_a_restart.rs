//! `tidewire publish --lines` while the server goes away and comes back: no line is lost.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use std::{collections::BTreeSet, process::Stdio, time::Duration};
use tidewire_test_harness::{
    peers::{Subscriber, Wire},
    server::{Server, command},
};
use tokio::{
    io::AsyncWriteExt as _,
    time::{sleep, timeout},
};

const LINES: usize = 3_000;

#[tokio::test]
async fn lines_are_published_across_a_restart() -> Result<()> {
    within(60, async {
        let mut server = Server::start(&[]).await?;
        let address = server.address();
        let mut publisher = command()?
            .args(["publish", "logs.app", "--lines", "--url", &format!("http://{address}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut input = publisher.stdin.take().context("no standard input")?;
        let writing = tokio::spawn(async move {
            for line in 0..LINES {
                input.write_all(format!("line {line}\n").as_bytes()).await?;
                sleep(Duration::from_millis(1)).await;
            }
            anyhow::Ok(())
        });

        // What the first life has taken is read from it before it ends, for it takes it along.
        let mut first =
            Subscriber::open(Wire::Stream, address, &["logs.>"], Some("earliest")).await?;
        let mut received: Vec<String> = Vec::new();
        for message in first.messages(500).await? {
            received.push(message.data);
        }
        server.signal(rustix::process::Signal::TERM)?;
        while let Ok(Some(tidewire_test_harness::peers::Received::Message(message))) =
            first.next().await
        {
            received.push(message.data);
        }
        server.ended().await?;
        ensure!(received.len() < LINES, "all was published before the restart");
        sleep(Duration::from_millis(500)).await;

        let _server = Server::start_at(address, &[]).await?;
        let mut second =
            Subscriber::open(Wire::Stream, address, &["logs.app"], Some("earliest")).await?;
        while received.last().is_none_or(|line| *line != format!("line {}", LINES - 1)) {
            received.push(second.message().await?.data);
        }
        writing.await??;
        let ended = timeout(Duration::from_secs(10), publisher.wait_with_output()).await??;
        ensure!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));

        let missing: Vec<usize> = {
            let distinct: BTreeSet<&String> = received.iter().collect();
            (0..LINES).filter(|line| !distinct.contains(&format!("line {line}"))).collect()
        };
        ensure!(missing.is_empty(), "lost: {missing:?}");
        Ok(())
    })
    .await
}
