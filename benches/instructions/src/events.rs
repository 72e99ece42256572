//! `sse-codec`: streams of one block over and over, read in chunks, and a block written.

use crate::{Case, Run, text};
use sse_codec::{Block, Item, Parser};
use std::hint::black_box;

pub(crate) const CASES: [Case; 5] = [
    Case {
        name: "sse decode tiny event",
        messages: 1_000,
        prepare: |messages| see(stream(messages, None, None, "x"), WHOLE),
    },
    Case {
        name: "sse decode 150 B delta",
        messages: 1_000,
        prepare: |messages| see(stream(messages, None, None, &text(150)), WHOLE),
    },
    Case {
        name: "sse decode id and event and 3 lines",
        messages: 1_000,
        prepare: |messages| {
            let data = [text(40), text(40), text(40)].join("\n");
            see(stream(messages, ID, EVENT, &data), WHOLE)
        },
    },
    Case {
        name: "sse decode 150 B delta byte by byte",
        messages: 100,
        prepare: |messages| see(stream(messages, None, None, &text(150)), 1),
    },
    Case { name: "sse encode id and event and 150 B", messages: 1_000, prepare: write },
];

/// Reads the stream in chunks of `chunk_bytes`.
fn see(stream: Vec<u8>, chunk_bytes: usize) -> Run {
    Box::new(move || {
        let (mut parser, mut seen) = (Parser::new(), 0);
        for mut chunk in stream.chunks(chunk_bytes) {
            while let Some(item) = parser.parse(&mut chunk).unwrap() {
                seen += usize::from(matches!(black_box(item), Item::Event(_)));
            }
        }
        seen
    })
}

fn write(messages: usize) -> Run {
    let data = text(150);
    let mut output = Vec::with_capacity(messages * 256);
    Box::new(move || {
        for _ in 0..messages {
            let block = Block { id: ID, event: EVENT, data: Some(&data), ..Block::default() };
            black_box(block).encode(&mut output).unwrap();
        }
        black_box(&output);
        messages
    })
}

fn stream(messages: usize, id: Option<&str>, event: Option<&str>, data: &str) -> Vec<u8> {
    let mut stream = Vec::new();
    for _ in 0..messages {
        let block = Block { id, event, data: Some(data), ..Block::default() };
        block.encode(&mut stream).unwrap();
    }
    stream
}

const WHOLE: usize = usize::MAX;
const ID: Option<&str> = Some("k3f9a-1042");
const EVENT: Option<&str> = Some("said");
