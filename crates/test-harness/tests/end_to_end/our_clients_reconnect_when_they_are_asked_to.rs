//! An event stream that is refused temporarily: our clients get the reason, and when to reconnect.

use crate::{browser::Page, common::within};
use anyhow::{Context as _, Result, bail, ensure};
use futures_util::StreamExt as _;
use serde_json::json;
use std::{net::SocketAddr, time::Duration};
use tidewire_client::{Backoff, Client, SubscribeError, Wire};
use tidewire_test_harness::{peers::http::get, server::Server};

#[tokio::test]
async fn the_rust_client_gets_the_reason_why_its_event_stream_is_refused() -> Result<()> {
    within(60, async {
        let server = Server::start(&["--connections-max", "1", "--retry", "20ms"]).await?;
        let _first = get(server.address(), "/events?channel=b", &[]).await?;
        let client = Client::new(&format!("http://{}", server.address()))?;
        let subscribe = client.subscribe_raw(["a"]).wire(Wire::Sse).attempts_max(3);
        let backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(20));
        let mut deliveries = subscribe.backoff(backoff).stream();
        match deliveries.next().await.context("it ended without a word")? {
            Err(SubscribeError::Unreachable { attempts: 3, cause }) => {
                ensure!(cause.contains("the limit of 1 connections is reached"), "{cause}");
            }
            other => bail!("{other:?}"),
        }
        Ok(())
    })
    .await
}

const PAGE: &str = "<!doctype html><title>a</title><script type=module>
import { connect } from '/assets/tidewire.js';
globalThis.states = [];
const onstate = ({ name, until }) => states.push([name, until - Date.now()]);
connect(location.origin, { wires: ['WIRE'], onstate }).subscribe('a');
</script>";

async fn page(address: SocketAddr, wire: &str) -> Result<Page> {
    let mut page = Page::start(&[]).await?;
    page.show(&format!("http://{address}/health/live"), &PAGE.replace("WIRE", wire)).await?;
    Ok(page)
}

async fn until_state(page: &mut Page, state: &str) -> Result<()> {
    page.until(&format!("globalThis.states?.some(([state]) => state === '{state}') ?? false")).await
}

/// Checks that it reconnects in about 40 s, as the server asked, and not in a third of a second, its own first wait.
async fn check_delay(page: &mut Page) -> Result<()> {
    until_state(page, "waiting").await?;
    let states = page.call("evaluate", json!(["states"])).await?;
    let states = states.as_array().context("a list")?;
    let last = states.last().context("no state")?;
    let delay_ms = last[1].as_f64().with_context(|| format!("{states:?}"))?;
    ensure!((20_000.0..=60_000.0).contains(&delay_ms), "{states:?}");
    Ok(())
}

#[tokio::test]
async fn the_javascript_client_reconnects_when_it_is_asked_to() -> Result<()> {
    within(90, async {
        let server = Server::start(&["--connections-max", "1", "--retry", "40s"]).await?;
        let _first = get(server.address(), "/events?channel=b", &[]).await?;
        let mut page = page(server.address(), "sse").await?;
        check_delay(&mut page).await
    })
    .await
}

#[tokio::test]
async fn the_javascript_client_heeds_the_time_of_a_goodbye() -> Result<()> {
    within(90, async {
        let mut server = Server::start(&["--retry", "40s"]).await?;
        let mut pages = Vec::new();
        for wire in ["websocket", "sse"] {
            let mut page = page(server.address(), wire).await?;
            until_state(&mut page, "live").await?;
            pages.push(page);
        }
        server.terminate().await?;
        for page in &mut pages {
            check_delay(page).await?;
        }
        Ok(())
    })
    .await
}
