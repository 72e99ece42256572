//! `web/client/tidewire.js` with tokens, on each of its wires: renewed in place, replaced after an expiry, and given up on once.

use crate::{
    browser::Page,
    common::within,
    guarded::{Guarded, content, forge, now_ms, sign},
    renewing::publish,
};
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tidewire_tokens::Claims;

/// Follows `room.a` on each wire, and records for each what happens.
const PAGE: &str = "<!doctype html><title>a</title><script>
const WIRES = ['sse', 'websocket', 'poll'];
const logs = {}, follow = (name, token) => import('/assets/tidewire.js').then(({ connect }) => {
  for (const wire of WIRES) {
    const log = (logs[name + wire] = { received: [], states: [], asked: 0, last: undefined });
    const tide = connect(location.origin, { wires: [wire],
      token: token && (() => { log.asked += 1; return token(log); }),
      onstate: ({ name, error }) => { if (log.states.at(-1) !== name) log.states.push(name); log.last = { status: error?.status }; },
    });
    tide.subscribe(['room.a', 'room.b'], {
      gaps: 'ignore', onmessage: ({ data }) => log.received.push(data), onerror() {},
    });
  }
  return true;
});
const all = (name, test) => WIRES.every((wire) => logs[name + wire] && test(logs[name + wire]));
const streams = (name, test) => [logs[name + 'sse'], logs[name + 'websocket']].every(test);
</script>";

#[tokio::test]
async fn tidewire_js_renews_tokens_and_comes_back_with_fresh_ones() -> Result<()> {
    within(90, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let mut page = Page::start(&[]).await?;
        page.show(&format!("{}/health/live", guarded.server.url()), PAGE).await?;
        let lasting = sign(&content()?)?;
        let elsewhere = sign(&Claims { subscribe: vec!["hall".parse()?], ..content()? })?;
        let forged = forge(&content()?)?;
        let short = sign(&Claims { expires_ms: now_ms()? + 3_000, ..content()? })?;
        let scripts = [
            format!(
                "follow('renewed', async ({{ asked }}) => asked > 1 ? '{lasting}' : '{short}')"
            ),
            // At the notice it still has the same, and another one only when it has been cut off.
            format!("follow('cut', ({{ asked }}) => asked > 2 ? '{lasting}' : '{short}')"),
            format!("follow('forged', () => '{forged}')"),
            format!("follow('elsewhere', () => '{elsewhere}')"),
            "follow('nobody')".to_owned(),
        ];
        for script in scripts {
            page.call("evaluate", json!([script])).await?;
        }
        page.until("all('renewed', (log) => log.states.includes('live'))").await?;
        page.until("streams('cut', (log) => log.states.includes('live'))").await?;
        publish(&guarded, "room.a", "one").await?;
        let logs = "JSON.stringify(logs)";
        for (name, status) in [("forged", 401), ("elsewhere", 403), ("nobody", 401)] {
            let states = "log.states.at(-1) === 'refused'";
            let refused =
                format!("all('{name}', (log) => {states} && log.last.status === {status})");
            page.until_or_report(&refused, logs).await?;
        }
        page.until_or_report("streams('cut', (log) => log.states.includes('waiting'))", logs)
            .await?;
        publish(&guarded, "room.b", "two").await?;
        let all = "log.received.join() === 'one,two'";
        page.until_or_report(&format!("streams('cut', (log) => {all})"), logs).await?;
        let in_place = "log.states.join() === 'offline,live' && log.asked === 2";
        page.until_or_report(&format!("all('renewed', (log) => {all} && {in_place})"), logs)
            .await?;
        // What was refused was tried with one token, or with two where there might have been another.
        let asked = page.call("evaluate", json!(["logs.forgedwebsocket.asked"])).await?;
        ensure!(asked.as_u64().context("no number")? <= 2, "{asked}");
        Ok(())
    })
    .await
}
