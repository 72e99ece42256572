//! Many tabs have one connection between them. The tab that holds it may be closed, crash or freeze: no tab misses anything.

use crate::{
    common::within,
    tabs::{Tabs, tabs_count},
};
use anyhow::{Context as _, Result, ensure};
use serde_json::json;

#[tokio::test]
async fn in_a_browser_many_tabs_share_one_connection() -> Result<()> {
    within(300, async {
        let mut tabs = Tabs::start(tabs_count(), &json!({})).await?;
        tabs.publish(0..10).await?;
        tabs.expect_numbers(10).await?;
        ensure!(tabs.connections().await? == 1, "{} connections", tabs.connections().await?);
        let mut count = 10;
        // One of these holds the connection, whichever it is: half of all tabs are closed, one by one.
        for _ in 0..tabs_count() / 2 {
            let tab = *tabs.open.first().context("no tab is left")?;
            tabs.close(tab).await?;
            tabs.publish(count..count + 5).await?;
            count += 5;
            tabs.expect_numbers(count).await?;
        }
        ensure!(tabs.connections().await? == 1, "{} connections", tabs.connections().await?);
        Ok(())
    })
    .await
}
