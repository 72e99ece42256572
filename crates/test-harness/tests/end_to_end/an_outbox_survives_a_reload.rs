//! The JavaScript client's outbox in a real browser: what is published offline is sent once and in order, by the page
//! after a reload, and never by two pages at once.

use crate::{browser::Page, common::within};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tidewire_test_harness::{peers::http::get, server::Server};

/// Opens a client whose messages are kept. It reaches the server only if `isOnline` says so.
const OPEN: &str = "window.begin = async (isOnline) => {
  const { connect } = await import('/assets/client/tidewire.js');
  const offline = { wires: ['poll'], fetch: async () => { throw new TypeError('offline'); } };
  return connect(location.origin, { outbox: { name: 'ada' }, ...(isOnline || offline) });
};";

#[tokio::test]
async fn an_outbox_survives_a_reload() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let url = format!("http://{}/", server.address());
        let mut page = Page::start(&[]).await?;
        page.call("goto", json!([url])).await?;
        let publish = "begin(false).then((tide) => {
            for (const n of [1, 2, 3]) tide.publish('chat.a', n).catch(() => {});
            window.tide = tide;
        })";
        page.call("evaluate", json!([format!("{OPEN} {publish}")])).await?;
        let is_kept = "new Promise((resolve) => {
            const opening = indexedDB.open('tidewire.ada');
            opening.onsuccess = () => {
                const all = opening.result.transaction('outbox').objectStore('outbox').getAll();
                all.onsuccess = () => resolve(all.result.length === 3);
            };
        })";
        page.until(is_kept).await?;

        // Two clients after the reload, and only one of them has something to send.
        page.call("reload", json!([])).await?;
        let both = "Promise.all([begin(true), begin(true)]).then((all) => (window.all = all))";
        page.call("evaluate", json!([format!("{OPEN} {both}.then(() => null)")])).await?;
        let three = "fetch('/channels/chat.a/messages').then((answer) => answer.json())
            .then(({ messages }) => messages.length >= 3)";
        page.until(three).await?;
        let last =
            "Promise.all(all.map((tide, at) => tide.publish('chat.b', at))).then(() => null)";
        page.call("evaluate", json!([last])).await?;
        let answer = get(server.address(), "/channels/chat.a/messages", &[]).await?.json().await?;
        let messages = answer["messages"].as_array().into_iter().flatten();
        let data: Vec<&Value> = messages.map(|message| &message["data"]).collect();
        ensure!(data == [&json!(1), &json!(2), &json!(3)], "{answer}");
        ensure!(page.failures.is_empty(), "{:?}", page.failures);
        Ok(())
    })
    .await
}
