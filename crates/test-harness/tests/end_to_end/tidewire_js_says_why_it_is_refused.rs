//! `web/client/tidewire.js` reports what the server will not have, with the server's reason, and stops.

use crate::{common::within, script::Script};
use anyhow::{Result, ensure};
use serde_json::json;

#[tokio::test]
async fn tidewire_js_says_why_it_is_refused() -> Result<()> {
    within(120, async {
        let mut script = Script::start(&[]).await?;
        for (wire, since, channel, word) in [
            ("sse", "now", "a b", "channel"),
            ("websocket", "now", "a b", "channel"),
            ("sse", "yesterday", "a", "not a position or a time"),
            ("websocket", "yesterday", "a", "not a position or a time"),
        ] {
            script.page.call("evaluate", json!(["void (states.length = 0)"])).await?;
            script.follow(json!({"wire": wire, "channels": [channel], "since": since})).await?;
            script.page.until("states.includes('refused')").await?;
            let reason = script.page.call("evaluate", json!(["reasons.at(-1)"])).await?;
            ensure!(reason.as_str().is_some_and(|it| it.contains(word)), "{wire}: {reason}");
        }
        Ok(())
    })
    .await
}
