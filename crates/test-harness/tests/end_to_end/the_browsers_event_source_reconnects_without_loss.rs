//! Chromium's own `EventSource` through a proxy that cuts it: it comes back by itself, unharmed.

use crate::{
    browser::Page,
    common::{numbered, publish_numbers, within},
};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::time::Duration;
use tidewire_test_harness::{
    proxy::{Ending, Proxy},
    server::Server,
};
use tokio::time::sleep;

const PAGE: &str = "<!doctype html><title>a</title><script>
const received = [];
const gaps = [];
let opened = 0;
const positions = [];
const log = [];
const note = (what) => log.push(`${Math.round(performance.now())} ms: ${what}, ${received.length} received`);
const source = new EventSource('/events?channel=quiet&channel=busy');
source.onopen = () => (opened += 1, note('open'));
source.onerror = () => note(`error, state ${source.readyState}`);
source.onmessage = ({ data, lastEventId }) => (received.push(data), positions.push(lastEventId));
// What a failure reports: which numbers are missing, and after which position.
const story = (published) => {
  const numbers = received.map((data) => parseInt(data));
  const there = new Set(numbers);
  const missing = [...Array(published).keys()].filter((number) => !there.has(number));
  const before = positions[numbers.indexOf(missing[0] - 1)] ?? 'nothing';
  return { received: received.length, state: source.readyState, opened, missing, before, gaps, log };
};
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
        page.until_or_report("opened === 1", "story(0)").await?;

        // Cut before it has received a message: it has only the opening block's id. That block comes after the
        // response's head, at which the page says that it is open. So something more has to pass, that block or a
        // heartbeat after it. Then comes an end, because a reset would take from the browser what it has not read yet.
        let passed = proxy.passed_down();
        while proxy.passed_down() == passed {
            sleep(Duration::from_millis(20)).await;
        }
        proxy.cut(Ending::End);
        publish_numbers(address, "quiet", 0..10).await?;
        let mut published = 10;
        for (cut, ending) in [Ending::End, Ending::Reset].into_iter().cycle().take(6).enumerate() {
            page.until_or_report(&format!("opened >= {}", cut + 2), "story(0)").await?;
            publish_numbers(address, "busy", published..published + 200).await?;
            proxy.cut(ending);
            publish_numbers(address, "busy", published + 200..published + 400).await?;
            published += 400;
        }
        let all = format!("received.length >= {published}");
        page.until_or_report(&all, &format!("story({published})")).await?;
        let received = page.call("evaluate", json!(["received"])).await?;
        let expected: Vec<Value> = (0..published).map(|number| numbered(number).into()).collect();
        let received = received.as_array().cloned().unwrap_or_default();
        let story = page.call("evaluate", json!([format!("story({published})")])).await?;
        ensure!(received == expected, "not {published} in order: {story}");
        ensure!(page.call("evaluate", json!(["gaps"])).await? == json!([]));
        ensure!(page.call("evaluate", json!(["opened"])).await?.as_u64() >= Some(7));
        Ok(())
    })
    .await
}
