//! A page that is loaded again while messages come goes on where it was.

use crate::{common::within, tabs::Tabs};
use anyhow::Result;
use serde_json::json;

#[tokio::test]
async fn in_a_browser_a_reload_in_mid_stream_loses_nothing() -> Result<()> {
    within(120, async {
        let mut tabs = Tabs::start(1, &json!({})).await?;
        let mut count = 0;
        for _ in 0..3 {
            let address = tabs.address();
            let publishing = async move {
                for number in count..count + 200 {
                    tidewire_test_harness::peers::http::publish(
                        address,
                        "numbers",
                        &number.to_string(),
                    )
                    .await?;
                }
                Ok(())
            };
            let reloading = async {
                let some = format!("received.length > {count} + 20");
                tabs.all(&some).await?;
                tabs.show(0, &json!({})).await
            };
            futures_util::try_join!(publishing, reloading)?;
            count += 200;
            tabs.expect_numbers(count).await?;
        }
        Ok(())
    })
    .await
}
