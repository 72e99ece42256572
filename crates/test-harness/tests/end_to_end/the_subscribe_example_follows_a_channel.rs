//! `ws-frame`'s example `subscribe`, as it stands, on a channel of the real server.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use std::io;
use tidewire_test_harness::{peers::http::publish, server::Server};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::unix::pipe::Receiver,
    task::spawn_blocking,
};

#[path = "../../../ws-frame/examples/subscribe.rs"]
#[expect(dead_code, reason = "`main` is for `cargo run`")]
mod subscribe;

#[tokio::test]
async fn the_subscribe_example_follows_a_channel() -> Result<()> {
    within(60, async {
        let mut server = Server::start(&[]).await?;
        let address = server.address().to_string();
        let (printed, mut print) = io::pipe()?;
        let example = spawn_blocking(move || {
            let outcome = subscribe::follow(&address, "news", &mut print);
            outcome.map_err(|error| error.to_string())
        });
        let mut lines = BufReader::new(Receiver::from_owned_fd(printed.into())?).lines();
        for (kind, said) in [("welcome", "version"), ("subscribed", "news")] {
            let line = lines.next_line().await?.context("it ended")?;
            ensure!(line.contains(kind) && line.contains(said), "instead of {kind}: {line}");
        }
        let long = "é".repeat(100_000);
        for text in ["hello", &long] {
            publish(server.address(), "news", text).await?;
            let line = lines.next_line().await?.context("it ended")?;
            ensure!(line.contains(&format!(r#""data":"{text}""#)), "instead of {text}: {line}");
        }
        server.terminate().await?;
        let line = lines.next_line().await?.context("it ended")?;
        ensure!(line.contains("goodbye"), "instead of a goodbye: {line}");
        assert_eq!(example.await?, Ok(()));
        Ok(())
    })
    .await
}
