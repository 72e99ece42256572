//! The channel `$sys.stats`: the figures as JSON, as long as somebody is subscribed to it.

use crate::{
    common::within,
    scrape::{scrape, value},
};
use anyhow::{Result, ensure};
use serde_json::Value;
use std::time::Duration;
use tidewire_test_harness::{
    peers::{Subscriber, Wire, http::publish},
    server::Server,
};
use tokio::time::sleep;

#[tokio::test]
async fn figures_come_once_a_second_while_somebody_follows() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        let mut everything = Subscriber::open(Wire::Sse, address, &[">"], None).await?;
        publish(address, "a", "first").await?;
        for followed in ["$sys.stats", "$sys.*"] {
            let mut stats = Subscriber::open(Wire::WebSocket, address, &[followed], None).await?;
            let messages = stats.messages(3).await?;
            let figures: Vec<Value> = messages
                .iter()
                .map(|it| serde_json::from_str(&it.data))
                .collect::<Result<_, _>>()?;
            let times: Vec<_> = figures.iter().filter_map(|it| it["time"].as_u64()).collect();
            ensure!(times.len() == 3 && times.is_sorted_by(|one, next| one < next), "{times:?}");
            let metrics = &figures[2]["metrics"];
            ensure!(metrics["tidewire_publishes_total"][0]["result"] == "published", "{metrics}");
            let deliveries = &metrics["tidewire_deliveries_total"][0];
            ensure!(deliveries["transport"] == "sse", "{metrics}");
            ensure!(deliveries["value"].as_u64() >= Some(1), "{metrics}");
            ensure!(metrics["tidewire_delivery_latency_seconds"]["count"].is_u64(), "{metrics}");
        }
        // Nobody follows any more, so the log stands still.
        let mut before = f64::NAN;
        loop {
            let now = value(&scrape(address).await?, "tidewire_appended_messages_total")?;
            if now == before {
                break;
            }
            before = now;
            sleep(Duration::from_millis(2_500)).await;
        }
        // A wildcard selects none of them.
        publish(address, "a", "last").await?;
        let received = everything.messages(2).await?;
        ensure!(received[0].data == "first" && received[1].data == "last", "{received:?}");
        Ok(())
    })
    .await
}
