//! `web/client/tidewire.js` resumes by itself, on both of its wires, from wherever it was cut off.

use crate::{common::within, script::Script};
use anyhow::{Result, ensure};
use serde_json::json;
use std::time::Duration;
use tidewire_test_harness::proxy::{Break, Ending, Faults, Flow};

async fn resume(wire: &str, since: &str) -> Result<()> {
    within(120, async {
        let mut script = Script::start(&[]).await?;
        let channels = ["quiet", "busy"];
        script.follow(json!({"wire": wire, "channels": channels, "since": since})).await?;
        script.page.until("states.includes('live')").await?;
        // It has received no message, and must resume where it began.
        script.publish_while_cut_off(Ending::Reset, &["busy"], 0..10).await?;
        script.expect_numbers(10).await?;
        let mut count = 10;
        for ending in [Ending::End, Ending::Reset, Ending::End] {
            script.publish(&["busy"], count..count + 10).await?;
            script.expect_numbers(count + 10).await?;
            script.publish_while_cut_off(ending, &["busy"], count + 10..count + 20).await?;
            count += 20;
            script.expect_numbers(count).await?;
        }
        script.page.until("subscription.position === positions.at(-1)").await?;
        Ok(())
    })
    .await
}

/// Cut again and again while it catches up.
async fn resume_in_the_middle(wire: &str) -> Result<()> {
    within(120, async {
        let mut script = Script::start(&[]).await?;
        script.publish(&["a"], 0..1_000).await?;
        let break_after = Some(Break { down_bytes: 30_011, ending: Ending::Reset });
        // A browser throws away what a script has not read when the connection is reset, so it must not all come at once.
        let down = Flow::Trickling { bytes_max: 4_096, pause: Duration::from_millis(5) };
        script.proxy.set(Faults { break_after, down, ..Faults::default() });
        script.follow(json!({"wire": wire, "channels": ["a"], "since": "earliest"})).await?;
        script.expect_numbers(1_000).await?;
        ensure!(script.losses().await? > 0, "it was never cut off");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn tidewire_js_resumes_from_now_by_events() -> Result<()> {
    resume("sse", "now").await
}

#[tokio::test]
async fn tidewire_js_resumes_from_now_by_websocket() -> Result<()> {
    resume("websocket", "now").await
}

#[tokio::test]
async fn tidewire_js_resumes_from_the_earliest_by_events() -> Result<()> {
    resume("sse", "earliest").await
}

#[tokio::test]
async fn tidewire_js_resumes_from_the_earliest_by_websocket() -> Result<()> {
    resume("websocket", "earliest").await
}

#[tokio::test]
async fn tidewire_js_resumes_in_the_middle_of_the_past_by_events() -> Result<()> {
    resume_in_the_middle("sse").await
}

#[tokio::test]
async fn tidewire_js_resumes_in_the_middle_of_the_past_by_websocket() -> Result<()> {
    resume_in_the_middle("websocket").await
}
