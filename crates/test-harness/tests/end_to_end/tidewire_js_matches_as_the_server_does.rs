//! `matches` of `web/client/tidewire.js` says of each pattern and channel what the broker says.

use crate::{common::within, script::Script};
use anyhow::{Result, ensure};
use serde_json::json;
use tidewire_broker::{ChannelName, Pattern};

const PATTERNS: [&str; 8] = ["a", "a.b", "*", "a.*", "*.b", ">", "a.>", "$presence.*"];
const CHANNELS: [&str; 6] = ["a", "b", "a.b", "a.b.c", "$presence.a", "$presence.a.b"];

#[tokio::test]
async fn tidewire_js_matches_as_the_server_does() -> Result<()> {
    within(90, async {
        let mut script = Script::start(&[]).await?;
        let ask = format!(
            "import('/assets/tidewire.js').then(({{ matches }}) => {}.map((pattern) =>
                {}.map((channel) => matches(pattern, channel))))",
            json!(PATTERNS),
            json!(CHANNELS)
        );
        let said = script.page.call("evaluate", json!([ask])).await?;
        for (at, pattern) in PATTERNS.iter().enumerate() {
            let known: Pattern = pattern.parse()?;
            for (by, channel) in CHANNELS.iter().enumerate() {
                let is_it = known.matches(&channel.parse::<ChannelName>()?);
                ensure!(said[at][by] == is_it, "{pattern} {channel}: {is_it}");
            }
        }
        Ok(())
    })
    .await
}
