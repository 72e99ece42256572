//! Random blocks, written by `sse-codec`, are read as they were meant by its own parser, by Chromium's `EventSource` and
//! by the npm package `eventsource-parser`.

use crate::{
    common::within,
    event_stream::{Browser, Said, names, receive, received_by_eventsource_parser},
};
use anyhow::{Context as _, Result};
use fastrand::Rng;
use serde_json::{Value, json};
use sse_codec::Block;
use std::time::Duration;

/// A stream and what it means.
#[derive(Default)]
struct Stream {
    wire: Vec<u8>,
    said: Said,
    /// What `eventsource-parser` makes of it, which keeps no last event id: it hands out the id of
    /// the event's own block, and one of a block without data is lost.
    said_without_memory: Vec<Value>,
}

impl Stream {
    fn random(seed: u64) -> Result<Self> {
        let mut random = Rng::with_seed(seed);
        let mut stream = Self::default();
        // At the end of the stream Chromium comes back after that, by default after seconds.
        stream.write(&Block::new().retry(Duration::from_millis(1)))?;
        for _ in 0..random.usize(..12) {
            let [comment, data] = [TEXT, TEXT].map(|pieces| text(&mut random, pieces));
            let [id, name] = [NAME, NAME].map(|pieces| text(&mut random, pieces));
            let retry = (random.u8(..4) == 0).then(|| Duration::from_millis(random.u64(..20)));
            let mut block = Block::new();
            (block.comment, block.data) = (comment.as_deref(), data.as_deref());
            (block.id, block.name, block.retry) = (id.as_deref(), name.as_deref(), retry);
            stream.write(&block)?;
        }
        Ok(stream)
    }

    fn write(&mut self, block: &Block<'_>) -> Result<()> {
        block.encode(&mut self.wire)?;
        let Said { items, last_event_id } = &mut self.said;
        if let Some(wait) = block.retry {
            let retry = json!({"retry": u64::try_from(wait.as_millis())?});
            items.push(retry.clone());
            self.said_without_memory.push(retry);
        }
        if let Some(id) = block.id {
            id.clone_into(last_event_id);
        }
        if let Some(data) = block.data {
            let event = block.name.filter(|name| !name.is_empty()).unwrap_or("message");
            let data = data.replace("\r\n", "\n").replace('\r', "\n");
            items.push(json!([event, data, last_event_id]));
            self.said_without_memory.push(json!([event, data, block.id]));
        }
        Ok(())
    }

    /// The stream in two pieces.
    fn pieces(&self, seed: u64) -> Vec<&[u8]> {
        let (front, back) = self.wire.split_at(Rng::with_seed(seed).usize(..self.wire.len()));
        vec![front, back]
    }
}

fn text(random: &mut Rng, pieces: &[&str]) -> Option<String> {
    let mut piece = || random.choice(pieces).copied().unwrap_or_default();
    let text = [piece(), piece(), piece()];
    (random.u8(..3) > 0).then(|| text[..random.usize(..=text.len())].concat())
}

#[tokio::test]
async fn what_sse_codec_writes_is_read_alike_by_all() -> Result<()> {
    within(180, async {
        let streams: Vec<Stream> = (0..STREAMS).map(Stream::random).collect::<Result<_>>()?;
        let pieces: Vec<_> =
            (0..).zip(&streams).map(|(seed, stream)| stream.pieces(seed)).collect();
        let by_package = received_by_eventsource_parser(&pieces).await?;
        assert_eq!(by_package.len(), streams.len());
        let mut browser = Browser::start().await?;
        for (seed, Stream { wire, said, said_without_memory }) in streams.iter().enumerate() {
            let wire = wire.escape_ascii();
            assert_eq!(receive(&pieces[seed])?, *said, "seed {seed}: {wire}");
            assert_eq!(by_package[seed], *said_without_memory, "seed {seed}: {wire}");
            let by_chromium = browser.receive(&pieces[seed], names(&said.items)).await;
            let by_chromium = by_chromium.with_context(|| format!("seed {seed}"))?;
            assert_eq!(by_chromium, said.to_a_page(), "seed {seed}: {wire}");
        }
        Ok(())
    })
    .await
}

const STREAMS: u64 = 100;

const TEXT: &[&str] = &[
    "a",
    " ",
    ":",
    "data: x",
    "id: 9\n",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\0",
    "\u{FEFF}",
    "\u{2028}",
    "é",
    "🦀",
    "{\"a\":1}",
];

const NAME: &[&str] = &["a", " ", ":", "é", "🦀", "\u{FEFF}", "-10", "data", "message"];
