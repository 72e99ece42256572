//! A page that was offline comes back at once, and receives what was published meanwhile.

use crate::{common::within, tabs::Tabs};
use anyhow::Result;
use serde_json::json;

#[tokio::test]
async fn in_a_browser_being_offline_loses_nothing() -> Result<()> {
    within(120, async {
        let mut tabs = Tabs::start(1, &json!({})).await?;
        tabs.publish(0..10).await?;
        tabs.expect_numbers(10).await?;
        for from in [10, 30] {
            tabs.browser.context("setOffline", json!([true])).await?;
            tabs.all("states.at(-1) === 'offline'").await?;
            tabs.publish(from..from + 20).await?;
            tabs.browser.context("setOffline", json!([false])).await?;
            tabs.all("states.at(-1) === 'live'").await?;
            tabs.expect_numbers(from + 20).await?;
        }
        Ok(())
    })
    .await
}
