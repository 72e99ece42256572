//! An event stream that is refused for the moment, heard by our clients: why, and when to come back.

use crate::{browser::Page, common::within};
use anyhow::{Context as _, Result, bail, ensure};
use futures_util::StreamExt as _;
use serde_json::json;
use std::time::Duration;
use tidewire_client::{Backoff, Client, SubscribeError, Wire};
use tidewire_test_harness::{peers::http::get, server::Server};

#[tokio::test]
async fn the_rust_client_hears_why_its_event_stream_is_refused() -> Result<()> {
    within(60, async {
        let server = Server::start(&["--connections-max", "1", "--retry", "20ms"]).await?;
        let _first = get(server.address(), "/events?channel=b", &[]).await?;
        let client = Client::new(&format!("http://{}", server.address()))?;
        let subscribe = client.subscribe(["a"]).wire(Wire::Sse).attempts_max(3);
        let backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(20));
        let mut deliveries = subscribe.backoff(backoff).stream();
        match deliveries.next().await.context("it ended without a word")? {
            Err(SubscribeError::Unreachable { attempts: 3, cause }) => {
                ensure!(cause.contains("the server has its 1 connections"), "{cause}");
            }
            other => bail!("{other:?}"),
        }
        Ok(())
    })
    .await
}

/// The server is asked for the head first, and is full by the time of the event stream.
const PAGE: &str = "<!doctype html><title>a</title><script type=module>
import { subscribe } from '/assets/tidewire.js';
globalThis.states = [];
globalThis.fetch = async () => Response.json({ position: 'now' });
const onstate = (state, detail) => states.push([state, detail?.delayMs]);
globalThis.subscription = subscribe(location.origin, { channels: ['a'], wire: 'sse', onstate });
</script>";

#[tokio::test]
async fn the_javascript_client_comes_back_when_it_is_told_to() -> Result<()> {
    within(90, async {
        let server = Server::start(&["--connections-max", "1", "--retry", "40s"]).await?;
        let address = server.address();
        let _first = get(address, "/events?channel=b", &[]).await?;
        let mut page = Page::start(&[]).await?;
        page.show(&format!("http://{address}/health/live"), PAGE).await?;
        page.until("globalThis.states?.some(([state]) => state === 'reconnecting') ?? false")
            .await?;
        let states = page.call("evaluate", json!(["states"])).await?;
        let states = states.as_array().context("a list")?;
        let last = states.last().context("no state")?;
        // About 40 s as the refusal says, and not the third of a second of its own first attempt.
        let delay_ms = last[1].as_u64().with_context(|| format!("{states:?}"))?;
        ensure!((20_000..=60_000).contains(&delay_ms), "{states:?}");
        Ok(())
    })
    .await
}
