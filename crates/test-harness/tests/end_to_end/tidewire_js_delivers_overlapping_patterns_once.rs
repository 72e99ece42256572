//! `web/client/tidewire.js` with channels that select the same messages, on both of its wires.

use crate::{common::within, script::Script};
use anyhow::{Result, ensure};
use serde_json::json;
use tidewire_test_harness::proxy::Ending;

const CHANNELS: [&str; 2] = ["news.a", "chat.a"];

async fn overlap(wire: &str) -> Result<()> {
    within(120, async {
        let mut script = Script::start(&[]).await?;
        script.publish(&CHANNELS, 0..600).await?;
        let channels = ["chat.*", ">", "chat.a"];
        script.follow(json!({"wire": wire, "channels": channels, "since": "earliest"})).await?;
        script.expect_numbers(600).await?;
        let mut count = 600;
        for ending in [Ending::End, Ending::Reset, Ending::End, Ending::Reset] {
            script.publish(&CHANNELS, count..count + 10).await?;
            script.expect_numbers(count + 10).await?;
            script.publish_while_cut_off(ending, &CHANNELS, count + 10..count + 30).await?;
            count += 30;
            script.expect_numbers(count).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn tidewire_js_delivers_overlapping_patterns_once_by_events() -> Result<()> {
    overlap("sse").await
}

#[tokio::test]
async fn tidewire_js_delivers_overlapping_patterns_once_by_websocket() -> Result<()> {
    overlap("websocket").await
}

#[tokio::test]
async fn tidewire_js_takes_a_channel_that_is_named_twice_as_one() -> Result<()> {
    within(120, async {
        for wire in ["sse", "websocket"] {
            let mut script = Script::start(&[]).await?;
            script.follow(json!({"wire": wire, "channels": ["a", "b", "a"]})).await?;
            script.page.until("states.includes('live')").await?;
            ensure!(script.losses().await? == 0, "{wire}");
            script.publish(&["a", "b"], 0..10).await?;
            script.expect_numbers(10).await?;
        }
        Ok(())
    })
    .await
}
