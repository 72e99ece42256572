//! `sse-codec`: streams of one block over and over, read in chunks, and a block written.

use crate::{Case, PACKET_BYTES, Run, text};
use futures_util::{FutureExt as _, StreamExt as _};
use sse_codec::{Block, EventsExt as _, Item, Limits, Parser};
use std::convert::Infallible;
use std::hint::black_box;

pub(crate) const CASES: [Case; 16] = [
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
    Case {
        name: "sse own 150 B delta one a read",
        messages: 1_000,
        prepare: |messages| own(stream(messages, None, None, &text(150)), messages),
    },
    Case {
        name: "sse own id and event and 3 lines one a read",
        messages: 1_000,
        prepare: |messages| {
            let data = [text(40), text(40), text(40)].join("\n");
            own(stream(messages, ID, EVENT, &data), messages)
        },
    },
    Case {
        name: "sse own 64 KiB in reads of 1400 B",
        messages: 10,
        prepare: |messages| {
            let stream = stream(messages, None, None, &text(64 << 10));
            let reads = stream.len().div_ceil(PACKET_BYTES);
            own(stream, reads)
        },
    },
    // What a hostile stream is made of, each twice: a byte may cost no more in the longer one.
    Case { name: "sse line of 64 KiB byte by byte", messages: 64 << 10, prepare: byte_by_byte },
    Case { name: "sse line of 1 MiB byte by byte", messages: 1 << 20, prepare: byte_by_byte },
    Case { name: "sse line of 4 MiB in reads", messages: 4 << 20, prepare: long_line },
    Case { name: "sse line of 64 MiB in reads", messages: 64 << 20, prepare: long_line },
    Case { name: "sse 10 thousand blank lines", messages: 10_000, prepare: blank_lines },
    Case { name: "sse a million blank lines", messages: 1_000_000, prepare: blank_lines },
    Case { name: "sse field name of 640 KiB", messages: 640 << 10, prepare: long_name },
    Case { name: "sse field name of 10 MiB", messages: 10 << 20, prepare: long_name },
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

/// Reads the stream in that many reads, into events that are owned.
fn own(stream: Vec<u8>, reads: usize) -> Run {
    let chunk_bytes = stream.len().div_ceil(reads);
    Box::new(move || {
        let reads = stream.chunks(chunk_bytes).map(Ok::<_, Infallible>);
        let mut events = futures_util::stream::iter(reads).events();
        let all = async {
            let mut seen = 0;
            while let Some(event) = events.next().await {
                black_box(event.unwrap());
                seen += 1;
            }
            seen
        };
        all.now_or_never().unwrap()
    })
}

fn byte_by_byte(bytes: usize) -> Run {
    take(b"data: ", b'x', bytes, 1)
}

fn long_line(bytes: usize) -> Run {
    take(b"data: ", b'x', bytes, PACKET_BYTES)
}

fn blank_lines(bytes: usize) -> Run {
    take(b"", b'\n', bytes, PACKET_BYTES)
}

fn long_name(bytes: usize) -> Run {
    take(b"", b'n', bytes, PACKET_BYTES)
}

/// Takes that many bytes, which begin with `start` and make no event, in chunks.
fn take(start: &[u8], byte: u8, bytes: usize, chunk_bytes: usize) -> Run {
    let stream = [start, &vec![byte; bytes - start.len()]].concat();
    let limits = Limits::new().data_bytes_max(bytes);
    Box::new(move || {
        let mut parser = Parser::with_limits(limits);
        for mut chunk in stream.chunks(chunk_bytes) {
            assert!(black_box(parser.parse(&mut chunk)).unwrap().is_none());
        }
        stream.len()
    })
}

fn write(messages: usize) -> Run {
    let data = text(150);
    let mut output = Vec::with_capacity(messages * 256);
    Box::new(move || {
        for _ in 0..messages {
            let block = block(ID, EVENT, &data);
            black_box(block).encode(&mut output).unwrap();
        }
        black_box(&output);
        messages
    })
}

fn stream(messages: usize, id: Option<&str>, event: Option<&str>, data: &str) -> Vec<u8> {
    let mut stream = Vec::new();
    for _ in 0..messages {
        block(id, event, data).encode(&mut stream).unwrap();
    }
    stream
}

fn block<'a>(id: Option<&'a str>, name: Option<&'a str>, data: &'a str) -> Block<'a> {
    let mut block = Block::new().data(data);
    (block.id, block.name) = (id, name);
    block
}

const WHOLE: usize = usize::MAX;
const ID: Option<&str> = Some("k3f9a-1042");
const EVENT: Option<&str> = Some("said");
