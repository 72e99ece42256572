//! Chromium's own `EventSource` through a proxy that cuts it: it comes back by itself, unharmed.

use crate::{
    browser::Page,
    common::{numbered, publish_numbers, within},
};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tidewire_test_harness::{
    proxy::{Ending, Proxy},
    server::Server,
};

const PAGE: &str = "<!doctype html><title>a</title><script>
const heard = [];
const gaps = [];
let opened = 0;
const source = new EventSource('/events?channel=quiet&channel=busy');
source.onopen = () => (opened += 1);
source.onmessage = ({ data }) => heard.push(data);
source.addEventListener('$gap', ({ data }) => gaps.push(data));
</script>";

#[tokio::test]
async fn the_browsers_event_source_reconnects_without_loss() -> Result<()> {
    within(90, async {
        let server = Server::start(&["--retry", "50ms", "--heartbeat", "200ms"]).await?;
        let address = server.address();
        let proxy = Proxy::start(address).await?;
        let mut page = Page::start(&[]).await?;
        page.show(&format!("http://{}/health/live", proxy.address()), PAGE).await?;
        page.until("opened === 1").await?;

        // Cut before it has heard anything: the opening block's id is all that it has.
        proxy.cut(Ending::Reset);
        publish_numbers(address, "quiet", 0..10).await?;
        let mut published = 10;
        for (cut, ending) in [Ending::End, Ending::Reset].into_iter().cycle().take(6).enumerate() {
            page.until(&format!("opened >= {}", cut + 2)).await?;
            publish_numbers(address, "busy", published..published + 200).await?;
            proxy.cut(ending);
            publish_numbers(address, "busy", published + 200..published + 400).await?;
            published += 400;
        }
        page.until(&format!("heard.length >= {published}")).await?;
        let heard = page.call("evaluate", json!(["heard"])).await?;
        let expected: Vec<Value> = (0..published).map(|number| numbered(number).into()).collect();
        let heard = heard.as_array().cloned().unwrap_or_default();
        ensure!(heard == expected, "{} instead of {published}", heard.len());
        ensure!(page.call("evaluate", json!(["gaps"])).await? == json!([]));
        ensure!(page.call("evaluate", json!(["opened"])).await?.as_u64() >= Some(7));
        Ok(())
    })
    .await
}
