//! `web/client/tidewire.js` behind a proxy that swallows everything and closes nothing.

use crate::{common::within, script::Script};
use anyhow::{Result, ensure};
use serde_json::json;
use tidewire_test_harness::{
    peers::http::publish,
    proxy::{Faults, Flow},
};

const SWALLOWED: Faults =
    Faults { up: Flow::Swallowed, down: Flow::Swallowed, break_after: None, through: None };

/// Whether the subscription says that it is connected.
const IS_LIVE: &str = "states.at(-1) === 'live'";

async fn notice(wire: &str) -> Result<()> {
    within(120, async {
        let mut script = Script::start(&["--heartbeat", "500ms"]).await?;
        script.follow(json!({"wire": wire, "channels": ["a", "b"]})).await?;
        script.page.until(IS_LIVE).await?;
        script.publish(&["a", "b"], 0..10).await?;
        script.expect_numbers(10).await?;

        script.proxy.set(SWALLOWED);
        script.publish(&["a", "b"], 10..20).await?;
        script.page.until(&format!("!({IS_LIVE})")).await?;
        script.page.until("subscription.position === positions.at(-1)").await?;
        script.proxy.set(Faults::default());
        script.expect_numbers(20).await
    })
    .await
}

/// The link is dead before it is made.
async fn give_up_connecting(wire: &str) -> Result<()> {
    within(120, async {
        let mut script = Script::start(&[]).await?;
        script.publish(&["a"], 0..10).await?;
        // Whatever the page has asked for before is answered and kept alive.
        script
            .page
            .call("evaluate", json!(["import('/assets/tidewire.js').then(() => 0)"]))
            .await?;
        script.proxy.set(SWALLOWED);
        script.follow(json!({"wire": wire, "channels": ["a"], "since": "earliest"})).await?;
        script.page.until("states.includes('waiting')").await?;
        script.proxy.set(Faults::default());
        script.expect_numbers(10).await
    })
    .await
}

/// Nothing is published but elsewhere, and yet the place moves on and the state stays.
async fn stay(wire: &str) -> Result<()> {
    within(120, async {
        let mut script = Script::start(&["--heartbeat", "1s"]).await?;
        script.follow(json!({"wire": wire, "channels": ["quiet"]})).await?;
        for _ in 0..5 {
            let position = publish(script.address(), "elsewhere", "x").await?;
            script.page.until(&format!("subscription.position === '{position}'")).await?;
        }
        let states = script.page.call("evaluate", json!(["states"])).await?;
        ensure!(states == json!(["offline", "live"]), "{states}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn tidewire_js_notices_a_dead_event_stream() -> Result<()> {
    notice("sse").await
}

#[tokio::test]
async fn tidewire_js_notices_a_dead_websocket() -> Result<()> {
    notice("websocket").await
}

#[tokio::test]
async fn tidewire_js_gives_up_connecting_to_a_dead_event_stream() -> Result<()> {
    give_up_connecting("sse").await
}

#[tokio::test]
async fn tidewire_js_gives_up_connecting_to_a_dead_websocket() -> Result<()> {
    give_up_connecting("websocket").await
}

#[tokio::test]
async fn tidewire_js_stays_on_a_quiet_event_stream() -> Result<()> {
    stay("sse").await
}

#[tokio::test]
async fn tidewire_js_stays_on_a_quiet_websocket() -> Result<()> {
    stay("websocket").await
}
