//! `web/client/` after many subscriptions that came and went, and connections that broke: the heap is where it was.

use crate::{
    browser::{Page, node_modules},
    common::within,
};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::{env, path::Path};
use tidewire_test_harness::server::Server;
use tokio::process::Command;

#[tokio::test]
async fn what_a_client_has_closed_leaves_no_memory_in_node() -> Result<()> {
    within(600, async {
        let server = Server::start(&[]).await?;
        let harness = Path::new(env!("CARGO_MANIFEST_DIR"));
        let [subscribes, reconnects] = scale();
        let output = Command::new("node")
            .args(["--experimental-websocket", "--no-warnings", "--expose-gc"])
            .arg(harness.join("clients/heap.mjs"))
            .arg(harness.join("../../web/client"))
            .args([server.url(), subscribes.to_string(), reconnects.to_string()])
            .env("NODE_PATH", node_modules())
            .output()
            .await?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let heap: Value = serde_json::from_slice(&output.stdout)?;
        let bytes = |name: &str| heap[name].as_i64().context("no number");
        check(bytes("before")?, bytes("after")?)
    })
    .await
}

#[tokio::test]
async fn what_a_client_has_closed_leaves_no_memory_in_a_page() -> Result<()> {
    within(600, async {
        let server = Server::start(&[]).await?;
        let mut page = Page::start(&[]).await?;
        if page.is_firefox() {
            // It does not say how large the heap of a page is.
            return Ok(());
        }
        let harness = Path::new(env!("CARGO_MANIFEST_DIR"));
        let script = std::fs::read_to_string(harness.join("clients/churn.mjs"))?;
        let script = script.replace("export async function", "async function");
        let html = format!("<!doctype html><title>a</title><script>{script}</script>");
        page.show(&format!("{}/health/live", server.url()), &html).await?;
        let [subscribes, reconnects] = scale();
        churn(&mut page, subscribes / 10, reconnects / 10).await?;
        let before = heap(&mut page).await?;
        churn(&mut page, subscribes, reconnects).await?;
        check(before, heap(&mut page).await?)?;
        ensure!(page.failures.is_empty(), "{:?}", page.failures);
        Ok(())
    })
    .await
}

/// Starts it, and waits for its end: it may take longer than a call may.
async fn churn(page: &mut Page, subscribes: usize, reconnects: usize) -> Result<()> {
    let options =
        format!("url: location.origin, subscribes: {subscribes}, reconnects: {reconnects}");
    let start = format!(
        "window.isDone = false, import('/assets/client/tidewire.js')\
           .then(({{ connect }}) => churn({{ connect, {options} }})).then(() => (window.isDone = true)), true"
    );
    page.call("evaluate", json!([start])).await?;
    for _ in 0..10 {
        if page.until("isDone").await.is_ok() {
            return Ok(());
        }
    }
    page.until("isDone").await
}

async fn heap(page: &mut Page) -> Result<i64> {
    page.cdp(0, "HeapProfiler.collectGarbage", json!([])).await?;
    let usage = page.cdp(0, "Runtime.getHeapUsage", json!([])).await?;
    usage["usedSize"].as_i64().with_context(|| format!("no size: {usage}"))
}

fn check(before: i64, after: i64) -> Result<()> {
    println!("{before} bytes before, {after} after");
    ensure!(after - before < GROWTH_MAX, "{before} bytes before, {after} after");
    Ok(())
}

/// How many subscriptions and reconnects: a few, or what `TIDEWIRE_CHURN` says, such as `100000,3000`.
fn scale() -> [usize; 2] {
    let chosen = env::var("TIDEWIRE_CHURN").unwrap_or_default();
    let mut numbers = chosen.split(',').filter_map(|number| number.parse().ok());
    [numbers.next().unwrap_or(4_000), numbers.next().unwrap_or(50)]
}

/// What engines keep for themselves, such as compiled code. One hundred bytes for each of 100,000 would be ten times that.
const GROWTH_MAX: i64 = 1_000_000;
