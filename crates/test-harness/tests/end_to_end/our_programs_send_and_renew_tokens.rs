//! The Rust client keeps its connections when tokens expire, and the commands say what to do when they are refused.

use crate::{
    common::within,
    guarded::{Guarded, content, now_ms, sign},
    renewing::publish,
};
use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{StreamExt as _, future::try_join_all};
use std::{
    fs,
    future::poll_fn,
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};
use tidewire_client::{Client, Delivery, Since, TokenError, Wire};
use tidewire_test_harness::server::command;
use tidewire_tokens::Claims;
use tokio::time::sleep;

/// A client whose tokens live for two seconds, and how many it has asked for.
fn client_of(guarded: &Guarded) -> Result<(Client, Arc<AtomicUsize>)> {
    let given = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&given);
    let builder = Client::builder(&guarded.server.url()).token_from(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        async {
            let short = || sign(&Claims { expires_ms: now_ms()? + 2_000, ..content()? });
            short().map_err(TokenError::unavailable)
        }
    });
    Ok((builder.build()?, given))
}

/// Follows until the message `last`, with each number before it once and in order, on connections that are never lost.
async fn follow(client: &Client, wire: Wire) -> Result<()> {
    let mut deliveries =
        client.subscribe_raw(["room.a"]).since(Since::Earliest).wire(wire).stream();
    for number in 0.. {
        let next = poll_fn(|context| {
            let next = deliveries.poll_next_unpin(context);
            match deliveries.outage() {
                Some(outage) => Poll::Ready(Err(anyhow::anyhow!("{wire:?}: {outage:?}"))),
                None => next.map(Ok),
            }
        });
        let Delivery::Message(message) = next.await?.context("it ended")?? else { bail!("a gap") };
        let text = message.text().context("no text")?.into_owned();
        if text == "last" {
            return Ok(());
        }
        ensure!(text == number.to_string(), "{wire:?}: {text} in place of {number}");
    }
    Ok(())
}

#[tokio::test]
async fn the_rust_client_renews_its_tokens_on_every_wire() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let wires = [Wire::WebSocket, Wire::Sse, Wire::Stream, Wire::Poll];
        let clients = wires.map(|_| client_of(&guarded)).into_iter().collect::<Result<Vec<_>>>()?;
        let following = clients.iter().zip(wires).map(|((client, _), wire)| follow(client, wire));
        let publishing = async {
            let mut number = 0;
            while clients.iter().any(|(_, given)| given.load(Ordering::Relaxed) < 3) {
                publish(&guarded, "room.a", &number.to_string()).await?;
                number += 1;
                sleep(Duration::from_millis(20)).await;
            }
            publish(&guarded, "room.a", "last").await
        };
        tokio::try_join!(try_join_all(following), publishing)?;
        Ok(())
    })
    .await
}

/// Runs a command with a token in its environment.
async fn run(guarded: &Guarded, arguments: &[&str], token: Option<&str>) -> Result<Output> {
    let mut run = command()?;
    run.args(arguments).args(["--url", &guarded.server.url()]);
    if let Some(token) = token {
        run.env("TIDEWIRE_TOKEN", token);
    }
    Ok(run.output().await?)
}

#[tokio::test]
async fn commands_send_a_token_and_say_what_a_refusal_means() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let mine = sign(&content()?)?;
        let published = run(&guarded, &["publish", "room.a", "hi"], Some(&mine)).await?;
        ensure!(published.status.success(), "{published:?}");
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("token");
        fs::write(&file, format!("{mine}\n"))?;
        let file = file.to_str().context("no UTF-8")?;
        for command in ["history room.a", "subscribe room.a --since earliest --count 1"] {
            let arguments: Vec<_> = command.split(' ').chain(["--token-file", file]).collect();
            let printed = run(&guarded, &arguments, None).await?;
            ensure!(printed.stdout == b"hi\n", "{printed:?}");
        }
        for (arguments, token, advice) in [
            (&["publish", "room.a", "hi"][..], None, "into the variable TIDEWIRE_TOKEN"),
            (&["subscribe", "room.a"], None, "into the variable TIDEWIRE_TOKEN"),
            (&["history", "room.a"], Some("nonsense"), "into the variable TIDEWIRE_TOKEN"),
            (&["publish", "lobby", "hi"], Some(&*mine), "ask for one that allows this"),
            (&["subscribe", "lobby", "--wire", "sse"], Some(&*mine), "ask for one that allows"),
            (&["history", "lobby"], Some(&*mine), "ask for one that allows this"),
        ] {
            let refused = run(&guarded, arguments, token).await?;
            let said = String::from_utf8(refused.stderr)?;
            ensure!(refused.status.code() == Some(1), "{arguments:?}: {said}");
            ensure!(said.contains(advice), "{arguments:?}: {said}");
            ensure!(!said.contains(&*mine), "{said}");
        }
        Ok(())
    })
    .await
}
