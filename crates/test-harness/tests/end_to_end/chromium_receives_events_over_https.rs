//! A page of an https origin in Chromium: its own EventSource and WebSocket, and a publish.

use crate::{browser::Page, common::within};
use anyhow::Result;
use tidewire_test_harness::tls::Certificates;

const PAGE: &str = "<!doctype html><title>a</title><script>
const events = [];
const frames = [];
const source = new EventSource('/events?channel=a');
source.onmessage = ({ data }) => events.push(data);
const socket = new WebSocket(`wss://${location.host}/ws?channel=a`);
socket.onmessage = ({ data }) => frames.push(data);
const publish = () => fetch('/publish/a', { method: 'POST', body: 'hello' });
</script>";

#[tokio::test]
async fn chromium_receives_events_over_https() -> Result<()> {
    within(120, async {
        let server = Certificates::new()?.serve(&[]).await?;
        let mut page = Page::start(&["--ignore-certificate-errors"]).await?;
        page.show(&format!("{}/health/live", server.url()), PAGE).await?;
        page.until("source.readyState === 1 && socket.readyState === 1").await?;
        page.call("evaluate", serde_json::json!(["{ publish(); }"])).await?;
        let all = "events.join() === 'hello' && frames.join() === 'hello'";
        page.until_or_report(all, "[events, frames]").await?;
        page.until("location.protocol === 'https:'").await
    })
    .await
}
