//! Patterns that select the same messages, by the command and by the Rust client, across a cut.

use crate::{common::within, reader::Reader};
use anyhow::{Context as _, Result, bail, ensure};
use futures_util::StreamExt as _;
use std::time::Duration;
use tidewire_client::{Backoff, Client, Delivery, Subscription, Wire};
use tidewire_test_harness::{
    peers::http::publish,
    proxy::{Break, Ending, Faults, Proxy},
    server::Server,
};
use tokio::time::timeout;

#[tokio::test]
async fn the_command_prints_what_each_of_its_patterns_selects() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        publish(server.address(), "news.a", "the news").await?;
        publish(server.address(), "chat.a", "the chat").await?;
        let arguments = ["chat.*", ">", "--since", "earliest"];
        let mut reader = Reader::start(server.address(), &arguments)?;
        let mut first = [String::new(), String::new()];
        for line in &mut first {
            *line = reader.line().await?;
        }
        for text in ["the news", "the chat"] {
            let count = first.iter().filter(|line| line.contains(text)).count();
            ensure!(count == 1, "{text} is there {count} times: {first:?}");
        }
        publish(server.address(), "chat.a", "the end").await?;
        let last = reader.line().await?;
        ensure!(last.contains("the end"), "instead of the end: {last}");
        Ok(())
    })
    .await
}

async fn text(deliveries: &mut Subscription) -> Result<String> {
    match deliveries.next().await.context("it ended")?? {
        Delivery::Message(message) => Ok(message.text().unwrap_or_default().into_owned()),
        Delivery::Gap(gap) => bail!("{gap:?}"),
    }
}

#[tokio::test]
async fn what_is_published_during_an_outage_comes_once_after_it() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        let proxy = Proxy::start(address).await?;
        let client = Client::new(&format!("http://{}", proxy.address()))?;
        let subscribe = client.subscribe_raw(["orders.eu.*", "orders.>"]).wire(Wire::WebSocket);
        let backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(50));
        let mut deliveries = subscribe.backoff(backoff).stream();
        // Of the two, the second alone selects it: once it comes, both are subscribed.
        while timeout(Duration::from_millis(200), text(&mut deliveries)).await.is_err() {
            publish(address, "orders.us.probe", "probe").await?;
        }

        let break_after = Some(Break { down_bytes: 0, ending: Ending::Reset });
        proxy.set(Faults { break_after, ..Faults::default() });
        proxy.cut(Ending::Reset);
        for number in 0..10 {
            let region = if number % 2 == 0 { "eu" } else { "us" };
            publish(address, &format!("orders.{region}.x"), &number.to_string()).await?;
        }
        // The client tries again and again meanwhile.
        let early = timeout(Duration::from_millis(500), text(&mut deliveries)).await;
        ensure!(early.is_err() || matches!(&early, Ok(Ok(text)) if text == "probe"), "{early:?}");
        proxy.set(Faults::default());

        let mut received = Vec::new();
        while received.len() < 10 {
            received.extend(Some(text(&mut deliveries).await?).filter(|text| text != "probe"));
        }
        publish(address, "orders.eu.x", "end").await?;
        let last = text(&mut deliveries).await?;
        received.sort_by_key(|text| text.parse::<u64>().ok());
        let wanted: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        ensure!(received == wanted && last == "end", "{received:?}, then {last}");
        Ok(())
    })
    .await
}
