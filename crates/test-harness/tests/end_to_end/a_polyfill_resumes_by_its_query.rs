//! The npm package `event-source-polyfill`, which resumes by `lastEventId=` in the query: nothing is lost.

use crate::{
    browser::{Page, node_modules},
    common::{numbered, publish_numbers, within},
};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tidewire_test_harness::{
    proxy::{Ending, Proxy},
    server::Server,
};

const PAGE: &str = "const received = [];
let opened = 0;
const source = new EventSourcePolyfill('/events?channel=a&since=now');
source.onopen = () => (opened += 1);
source.onmessage = ({ data }) => received.push(data);";

#[tokio::test]
async fn a_polyfill_resumes_by_its_query() -> Result<()> {
    within(90, async {
        let server = Server::start(&["--retry", "50ms"]).await?;
        let address = server.address();
        let proxy = Proxy::start(address).await?;
        let polyfill = node_modules().join("event-source-polyfill/src/eventsource.js");
        let polyfill = tokio::fs::read_to_string(polyfill).await;
        let polyfill = polyfill.context("no event-source-polyfill: run `cargo xtask install`")?;
        let html = format!("<!doctype html><title>a</title><script>{polyfill}\n{PAGE}</script>");
        let mut page = Page::start(&[]).await?;
        page.show(&format!("http://{}/health/live", proxy.address()), &html).await?;

        let mut published = 0;
        for cut in 0..4 {
            page.until(&format!("opened > {cut}")).await?;
            publish_numbers(address, "a", published..published + 20).await?;
            page.until(&format!("received.length >= {}", published + 20)).await?;
            // It waits a second at least before it comes back.
            proxy.cut(if cut % 2 == 0 { Ending::Reset } else { Ending::End });
            publish_numbers(address, "a", published + 20..published + 40).await?;
            published += 40;
        }
        page.until(&format!("opened > 4 && received.length >= {published}")).await?;
        let received = page.call("evaluate", json!(["received"])).await?;
        let expected: Vec<Value> = (0..published).map(|number| numbered(number).into()).collect();
        ensure!(received.as_array() == Some(&expected), "{received}");
        Ok(())
    })
    .await
}
