//! A page of an https origin in Chromium: ten EventSources and a WebSocket over one connection. HTTP/1.1 stops at six.

use crate::{browser::Page, common::within};
use anyhow::{Result, ensure};
use serde_json::json;
use tidewire_test_harness::{
    peers::http::publish,
    proxy::{Ending, Proxy},
    tls::{Certificates, Tunnel},
};

const PAGE: &str = "<!doctype html><title>a</title><script>
const events = [], frames = [];
const sources = [...Array(10).keys()].map((number) => {
  const source = new EventSource(`/events?channel=a&channel=only.${number}`);
  source.onmessage = ({ data }) => events.push(`${number} ${data}`);
  return source;
});
const publish = (text) => fetch('/publish/a', { method: 'POST', body: text });
const open = (number) => sources.filter(({ readyState }) => readyState === 1).length === number;
let socket = { readyState: 0 };
const dial = () => {
  socket = new WebSocket(`wss://${location.host}/ws?channel=a`);
  socket.onmessage = ({ data }) => frames.push(data);
};
const all = (...texts) => texts.every((text) =>
  sources.every((_, number) => events.filter((event) => event === `${number} ${text}`).length === 1));
</script>";

#[tokio::test]
async fn ten_event_sources_and_a_websocket_share_one_http2_connection() -> Result<()> {
    within(120, async {
        let certificates = Certificates::new()?;
        let server = certificates.serve(&["--retry", "50ms"]).await?;
        let proxy = Proxy::start(server.address()).await?;
        let mut page = Page::start(&["--ignore-certificate-errors"]).await?;
        page.call("goto", json!([format!("https://{}/health/live", proxy.address())])).await?;
        // The browser opens a second one before it knows what the first one speaks.
        let connections = proxy.accepted();
        page.call("setContent", json!([PAGE])).await?;
        page.until_or_report("open(10)", "sources.map(({ readyState }) => readyState)").await?;
        page.call("evaluate", json!(["{ dial(); }"])).await?;
        page.until("socket.readyState === 1").await?;
        ensure!(proxy.accepted() == connections, "{} connections", proxy.accepted());
        page.call("evaluate", json!(["{ publish('before'); }"])).await?;
        page.until_or_report("all('before') && frames.join() === 'before'", "[events, frames]")
            .await?;
        // All lose their connection at once, and come back with their positions on another.
        proxy.cut(Ending::End);
        let tunnel = Tunnel::start(server.address(), certificates.client()?).await?;
        publish(tunnel.address(), "a", "meanwhile").await?;
        page.until_or_report("all('before', 'meanwhile')", "events").await?;
        page.until("location.protocol === 'https:'").await
    })
    .await
}
