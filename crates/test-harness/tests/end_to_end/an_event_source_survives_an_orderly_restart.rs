//! Chromium's own `EventSource`, on a page that also publishes, across SIGTERM, a long drain and a start.

use crate::{browser::Page, common::within, stuck_reader::stuck_reader};
use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::Duration;
use tidewire_test_harness::server::Server;
use tokio::time::sleep;

/// Every number is published until it is answered, under a name that makes it appear once.
const PAGE: &str = "<!doctype html><title>a</title><script>
const received = [];
let opened = 0;
let sent = 0;
let publishes = true;
let isIdle = false;
const source = new EventSource('/events?channel=a');
source.onopen = () => (opened += 1);
source.onmessage = ({ data }) => received.push(Number(data));
const publish = async () => {
  isIdle = false;
  while (publishes) {
    const request = { method: 'POST', body: String(sent), headers: { 'Idempotency-Key': `n${sent}` } };
    const answer = await fetch('/publish/a', request).catch(() => ({ ok: false }));
    if (answer.ok) sent += 1;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  isIdle = true;
};
source.addEventListener('open', publish, { once: true });
</script>";

#[tokio::test]
async fn an_event_source_survives_an_orderly_restart() -> Result<()> {
    within(150, async {
        let folder = tempfile::tempdir()?;
        let data = folder.path().to_str().context("a path")?;
        let settings = ["--data", data, "--retry", "100ms", "--drain", "4s"];
        let mut server = Server::start(&settings).await?;
        let address = server.address();
        let mut page = Page::start(&[]).await?;
        page.show(&format!("http://{address}/health/live"), PAGE).await?;
        page.until("received.length >= 5").await?;

        // What it published by is kept alive, and idle when the server says goodbye.
        page.call("evaluate", json!(["publishes = false"])).await?;
        page.until("isIdle").await?;
        let reader = stuck_reader(address).await?;
        server.signal(Signal::TERM)?;
        // During the drain the page reconnects again and again, and is never refused permanently.
        for _ in 0..10 {
            sleep(Duration::from_millis(200)).await;
            let state = page.call("evaluate", json!(["source.readyState"])).await?;
            ensure!(state != json!(2), "it has given up");
        }
        page.call("evaluate", json!(["void ((publishes = true), publish())"])).await?;
        ensure!(server.ended().await?.success());
        drop(reader);
        let server = Server::start_at(address, &settings).await?;

        page.until("source.readyState === 1 && opened >= 2").await?;
        let sent = page.call("evaluate", json!(["sent"])).await?.as_u64().context("a number")?;
        page.until(&format!("sent >= {}", sent + 5)).await?;
        page.call("evaluate", json!(["publishes = false"])).await?;
        page.until("received.length >= sent").await?;
        let received = page.call("evaluate", json!(["received"])).await?;
        let received = received.as_array().context("a list")?;
        let expected: Vec<Value> = (0..received.len()).map(Value::from).collect();
        ensure!(*received == expected, "{received:?}; the server said:\n{}", server.output());
        Ok(())
    })
    .await
}
