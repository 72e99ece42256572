//! Chromium's own `EventSource` at a full server: it gets the reason, reconnects, and is accepted in the end.

use crate::{browser::Page, common::within};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tidewire_test_harness::{
    peers::http::{get, post, publish},
    server::Server,
};

const PAGE: &str = "<!doctype html><title>a</title><script>
const received = [];
const refusals = [];
const source = new EventSource('/events?channel=a');
source.onmessage = ({ data }) => received.push(data);
source.addEventListener('$error', ({ data }) => refusals.push(data));
</script>";

#[tokio::test]
async fn a_refused_event_source_comes_back() -> Result<()> {
    within(90, async {
        let server = Server::start(&["--connections-max", "1", "--retry", "100ms"]).await?;
        let address = server.address();
        let first = get(address, "/events?channel=b", &[]).await?;
        let mut page = Page::start(&[]).await?;
        page.show(&format!("http://{address}/health/live"), PAGE).await?;
        page.until("refusals.length >= 3").await?;
        let refusal = page.call("evaluate", json!(["refusals[0]"])).await?;
        let refusal: Value = serde_json::from_str(refusal.as_str().context("no text")?)?;
        ensure!(refusal["type"] == "error" && refusal["code"] == "unavailable", "{refusal}");
        let retry_ms = refusal["retry_ms"].as_u64().context("no time")?;
        ensure!((50..=150).contains(&retry_ms), "{refusal}");

        drop(first);
        page.until("source.readyState === 1").await?;
        // A stream that is refused is open for a moment, too: what counts is that it receives messages.
        loop {
            publish(address, "a", "x").await?;
            if page.call("evaluate", json!(["received.length > 0"])).await? == json!(true) {
                break;
            }
        }
        // Who is no event source gets the status.
        let answer = get(address, "/stream?channel=a", &[]).await?;
        ensure!(answer.status == 503 && answer.header("retry-after").is_some(), "{answer:?}");
        ensure!(post(address, "/publish/a", &[], b"y").await?.status == 200);
        Ok(())
    })
    .await
}
