//! One event stream, read by three: `sse-codec`, Chromium's `EventSource`, and the npm package
//! `eventsource-parser`.

use crate::{
    browser::{Page, node_modules},
    origin::Origin,
};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use sse_codec::{Item, Parser};
use std::{collections::BTreeSet, path::Path, process::Stdio};
use tokio::{io::AsyncWriteExt as _, process::Command};

/// What a stream says: its items, and the last event id after all of them.
///
/// An item is `[event, data, lastEventId]` or `{"retry": milliseconds}`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Said {
    pub(crate) items: Vec<Value>,
    pub(crate) last_event_id: String,
}

impl Said {
    /// The same without what a page does not see.
    pub(crate) fn to_a_page(&self) -> Self {
        let items = self.items.iter().filter(|item| item.is_array()).cloned().collect();
        // A header's value has no space around it.
        let last_event_id = self.last_event_id.trim_matches([' ', '\t']).to_owned();
        Self { items, last_event_id }
    }
}

/// What our own parser reads.
pub(crate) fn receive(pieces: &[&[u8]]) -> Result<Said> {
    let mut parser = Parser::new();
    let mut items = Vec::new();
    for mut piece in pieces.iter().copied() {
        while let Some(item) = parser.parse(&mut piece)? {
            items.push(match item {
                Item::Event(event) => json!([event.name, event.data, event.last_event_id]),
                Item::Retry(wait) => json!({"retry": u64::try_from(wait.as_millis())?}),
                other => anyhow::bail!("{other:?}"),
            });
        }
    }
    Ok(Said { items, last_event_id: parser.last_event_id().to_owned() })
}

/// A page that opens event sources, and the server it opens them at.
pub(crate) struct Browser {
    page: Page,
    origin: Origin,
}

impl Browser {
    pub(crate) async fn start() -> Result<Self> {
        let (origin, mut page) = (Origin::start().await?, Page::start(&[]).await?);
        page.show(&origin.url(), PAGE).await?;
        Ok(Self { page, origin })
    }

    /// What Chromium reads of a stream that comes in these pieces, listening for these events.
    ///
    /// The stream ends, so Chromium asks for the next one, and names its last event id in the request. It waits for
    /// the stream's `retry` first, which should be short.
    pub(crate) async fn receive(
        &mut self,
        pieces: &[&[u8]],
        names: BTreeSet<&str>,
    ) -> Result<Said> {
        self.page.call("evaluate", json!([format!("listen({})", json!(names))])).await?;
        let first = self.origin.request().await?;
        ensure!(first.header("last-event-id").is_empty(), "an id before the first");
        first.answer([STREAM].into_iter().chain(pieces.iter().copied())).await?;
        let second = self.origin.request().await?;
        let last_event_id = second.header("last-event-id").to_owned();
        second.answer([NO_MORE]).await?;
        self.page.until("source.readyState === EventSource.CLOSED").await?;
        let received = self.page.call("evaluate", json!(["received"])).await?;
        let items = received.as_array().cloned().context("no list")?;
        Ok(Said { items, last_event_id })
    }
}

/// The names of the events among `items`.
pub(crate) fn names(items: &[Value]) -> BTreeSet<&str> {
    items.iter().filter_map(|item| item.get(0)?.as_str()).chain(["message"]).collect()
}

/// What `eventsource-parser` reads of these streams, each in pieces.
pub(crate) async fn received_by_eventsource_parser(
    streams: &[Vec<&[u8]>],
) -> Result<Vec<Vec<Value>>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/event_stream.mjs");
    let mut node = Command::new("node")
        .arg(script)
        .env("NODE_PATH", node_modules())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("no node: run `cargo xtask install`")?;
    let mut input = node.stdin.take().context("no standard input")?;
    let lines: String = streams.iter().map(|pieces| format!("{}\n", json!(pieces))).collect();
    let (written, output) = tokio::join!(
        async move { input.write_all(lines.as_bytes()).await },
        node.wait_with_output()
    );
    let output = output?;
    ensure!(output.status.success(), "it fails; `cargo xtask install` installs what it needs");
    written?;
    let received = String::from_utf8(output.stdout)?;
    received.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

const PAGE: &str = "<!doctype html><title>a</title><script>
let received;
let source;
const listen = (names) => {
  received = [];
  source = new EventSource('/stream');
  const take = ({ type, data, lastEventId }) => received.push([type, data, lastEventId]);
  for (const name of names) source.addEventListener(name, take);
};
</script>";

const STREAM: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
/// The answer after which an event source does not reconnect.
const NO_MORE: &[u8] = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
