//! Paging back to the beginning and subscribing from the newest page, while others publish: nothing
//! is missing between the two, and nothing comes twice.

use crate::common::{check_problem, within};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::{net::SocketAddr, ops::Range, time::Duration};
use tidewire_test_harness::{
    peers::{
        Subscriber, Wire,
        http::{get, publish_all},
    },
    server::Server,
};
use tokio::time::sleep;

const BEFORE: usize = 1_000;
const ALL: usize = 1_400;

#[tokio::test]
async fn pages_of_seven_and_what_follows_are_everything_once() -> Result<()> {
    within(60, async {
        for (pattern, channels) in [("chat.a", ["chat.a", "chat.a"]), ("*.a", ["b.a", "c.a"])] {
            for wire in Wire::ALL {
                let server = Server::start(&[]).await?;
                let address = server.address();
                publish_among_others(address, channels, 0..BEFORE).await?;
                let publishing = tokio::spawn(publish_among_others(address, channels, BEFORE..ALL));
                let (mut received, position) = pages_back(address, pattern).await?;
                ensure!((BEFORE..ALL).contains(&received.len()), "{} on pages", received.len());
                let mut live = Subscriber::open(wire, address, &[pattern], Some(&position)).await?;
                for message in live.messages(ALL - received.len()).await? {
                    received.push(message.data);
                }
                publishing.await??;
                let all: Vec<String> = (0..ALL).map(|number| number.to_string()).collect();
                ensure!(received == all, "{pattern} on {wire:?}: {received:?}");
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_end_that_says_nothing_is_a_mistake() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        for (query, code, expected) in [
            ("before=yesterday", "bad_position", "@1763790000123"),
            ("until=5", "bad_position", "@1763790000123"),
            ("since=@soon", "bad_position", "@1763790000123"),
            ("before=now&until=now", "bad_request", "before and until"),
        ] {
            let path = format!("/channels/a/messages?{query}");
            let answer = get(server.address(), &path, &[]).await?;
            let detail = check_problem(answer, 400, code).await?;
            ensure!(detail.contains(expected), "{query}: {detail}");
        }
        Ok(())
    })
    .await
}

/// Publishes the numbers of `range`, now in one channel and now in the other.
async fn publish_among_others(
    address: SocketAddr,
    channels: [&'static str; 2],
    range: Range<usize>,
) -> Result<()> {
    let numbers: Vec<usize> = range.collect();
    for batch in numbers.chunks(10) {
        let messages = batch.iter().flat_map(|number| {
            let [even, odd] = channels;
            let channel = if number % 2 == 0 { even } else { odd };
            [(channel, number.to_string()), ("other", "between".to_owned())]
        });
        publish_all(address, messages).await?;
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// Everything from the newest message back to the oldest, and the position after the newest.
async fn pages_back(address: SocketAddr, pattern: &str) -> Result<(Vec<String>, String)> {
    let (mut pages, mut newest, mut before) = (Vec::new(), None, "now".to_owned());
    loop {
        let path = format!("/channels/{pattern}/messages?before={before}&limit=7");
        let page = get(address, &path, &[]).await?.json().await?;
        let messages = page["messages"].as_array().context("no messages")?;
        let texts: Option<Vec<_>> = messages.iter().map(|one| one["data"].as_str()).collect();
        let texts: Vec<String> = texts.context("no text")?.into_iter().map(str::to_owned).collect();
        ensure!(page["gaps"].is_null() && texts.len() <= 7, "{page}");
        let text = |member: &str| page[member].as_str().map(str::to_owned).context("no position");
        newest.get_or_insert(text("position")?);
        before = text("before")?;
        pages.push(texts);
        if page["more"] != Value::Bool(true) {
            break;
        }
    }
    let texts = pages.into_iter().rev().flatten().collect();
    Ok((texts, newest.context("no page")?))
}
