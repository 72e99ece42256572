//! Tabs of one page, of which some crash and others freeze: whatever a tab did for the others, they miss nothing.

use crate::{common::within, tabs::Tabs};
use anyhow::{Context as _, Result};
use serde_json::json;

#[tokio::test]
async fn in_a_browser_a_tab_that_crashes_or_freezes_holds_nobody_up() -> Result<()> {
    within(300, async {
        let mut tabs = Tabs::start(6, &json!({})).await?;
        if tabs.browser.is_firefox() {
            // Only Chromium can be asked for that.
            return Ok(());
        }
        tabs.publish(0..10).await?;
        tabs.expect_numbers(10).await?;
        let mut count = 10;
        for method in ["Page.crash", "freeze", "Page.crash", "freeze"] {
            let tab = *tabs.open.first().context("no tab is left")?;
            tabs.open.remove(0);
            match method {
                "freeze" => {
                    tabs.browser
                        .cdp(tab, "Page.setWebLifecycleState", json!([{"state": "frozen"}]))
                        .await?
                }
                // A page that has crashed does not answer.
                method => tabs.browser.cdp(tab, method, json!([])).await?,
            };
            tabs.publish(count..count + 5).await?;
            count += 5;
            tabs.expect_numbers(count).await?;
        }
        Ok(())
    })
    .await
}
