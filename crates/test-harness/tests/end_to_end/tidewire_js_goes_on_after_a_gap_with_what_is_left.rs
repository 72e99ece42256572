//! A position that `web/client/tidewire.js` has at a gap leads to what is left of the messages before its end.

use crate::{common::within, script::Script};
use anyhow::{Result, ensure};
use serde_json::json;
use tidewire_test_harness::peers::http::publish;

async fn gap(wire: &str) -> Result<()> {
    within(120, async {
        let mut script = Script::start(&["--retention-messages", "3"]).await?;
        let start = publish(script.address(), "elsewhere", "start").await?;
        script.publish(&["kept"], 0..1).await?;
        script.publish(&["lossy"], 1..11).await?;
        script.publish(&["kept"], 11..12).await?;
        let again = format!(
            "void (atGap = () => {{
              atGap = () => {{}};
              const since = subscription.position;
              subscription.close();
              follow({{ wire: '{wire}', channels: ['kept', 'lossy'], since }});
            }})"
        );
        script.page.call("evaluate", json!([again])).await?;
        let channels = ["kept", "lossy"];
        script.follow(json!({"wire": wire, "channels": channels, "since": start})).await?;
        script.page.until("received.includes('11')").await?;
        let received = script.page.call("evaluate", json!(["received.join(' ')"])).await?;
        ensure!(received == "0 8 9 10 11", "{received}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn tidewire_js_goes_on_after_a_gap_by_events() -> Result<()> {
    gap("sse").await
}

#[tokio::test]
async fn tidewire_js_goes_on_after_a_gap_by_websocket() -> Result<()> {
    gap("websocket").await
}
