//! Any blocks, written one after the other and cut anywhere, read back as they were meant.

use crate::{
    feed::{Outcome, Seen, feed, retry},
    fragments::Random,
};
use sse_codec::{Block, Limits};
use std::time::Duration;

const TEXT: &[&str] = &[
    "a",
    " ",
    ":",
    "data: x",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "é",
    "🦀",
    "\u{FEFF}",
    "\0",
    "{\"a\":1}",
    "id: 9\n",
    "01234567890123456789012345678901234567890123456789",
];
const NAME: &[&str] = &["a", " ", ":", "é", "🦀", "\u{FEFF}", "-10", "data", "message"];

#[test]
fn blocks_survive_the_wire() {
    for seed in 0..5_000 {
        let mut random = Random(seed);
        let (mut wire, mut expected) = (Vec::new(), Outcome::default());
        for _ in 0..random.below(6) {
            let [comment, data] = [TEXT, TEXT].map(|pieces| maybe(&mut random, pieces));
            let [id, name] = [NAME, NAME].map(|pieces| maybe(&mut random, pieces));
            let milliseconds = random.below(100_000).try_into().unwrap();
            let retry = (random.below(4) == 0).then(|| Duration::from_millis(milliseconds));
            let mut block = Block::new();
            (block.comment, block.data) = (comment.as_deref(), data.as_deref());
            (block.id, block.name, block.retry) = (id.as_deref(), name.as_deref(), retry);
            block.encode(&mut wire).unwrap();
            expect(&block, &mut expected);
        }
        for piece_len_max in [1, 5, wire.len() + 1] {
            let outcome = feed(Limits::default(), random.cut(&wire, piece_len_max));
            assert_eq!(outcome, expected, "seed {seed}: {}", wire.escape_ascii());
        }
    }
}

fn maybe(random: &mut Random, pieces: &[&str]) -> Option<String> {
    (random.below(3) > 0).then(|| random.text(pieces, 5))
}

/// Adds what a reader shall see of `block`.
fn expect(block: &Block<'_>, outcome: &mut Outcome) {
    if let Some(wait) = block.retry {
        outcome.seen.push(retry(wait.as_millis()));
    }
    if let Some(id) = block.id {
        outcome.last_event_id = id.into();
    }
    if let Some(data) = block.data {
        outcome.seen.push(Seen::Event {
            event: block.name.filter(|name| !name.is_empty()).unwrap_or("message").into(),
            data: data.replace("\r\n", "\n").replace('\r', "\n"),
            last_event_id: outcome.last_event_id.clone(),
        });
    }
}
