//! `sse-codec` beside its floors, on the streams that there are: deltas of a model, named events.

use crate::floor;
use criterion::{BenchmarkId, Criterion, Throughput};
use sse_codec::{Block, Item, Parser};
use std::hint::black_box;
use tidewire_benches::text;

pub(crate) fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sse parse");
    for (name, block) in &blocks() {
        let stream = stream(block);
        group.throughput(Throughput::Bytes(stream.len() as u64));
        group.bench_function(BenchmarkId::new("sse-codec", name), |bencher| {
            bencher.iter(|| receive(&stream, stream.len()));
        });
        group.bench_function(BenchmarkId::new("sse-codec, reads of 1,400 B", name), |bencher| {
            bencher.iter(|| receive(&stream, PACKET_BYTES));
        });
        group.bench_function(BenchmarkId::new("floor: copy", name), |bencher| {
            let mut output = Vec::with_capacity(stream.len());
            bencher.iter(|| floor::copy(&stream, &mut output));
        });
        group.bench_function(BenchmarkId::new("floor: scan", name), |bencher| {
            bencher.iter(|| floor::scan(black_box(&stream)));
        });
        group.bench_function(BenchmarkId::new("floor: from_utf8", name), |bencher| {
            bencher.iter(|| floor::from_utf8(&stream, stream.len()));
        });
    }
    group.finish();
}

pub(crate) fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sse encode");
    for (name, block) in &blocks() {
        let stream = stream(block);
        let count = stream.len() / block.as_block().encoded_len();
        group.throughput(Throughput::Bytes(stream.len() as u64));
        group.bench_function(BenchmarkId::new("sse-codec", name), |bencher| {
            let mut output = Vec::with_capacity(stream.len());
            bencher.iter(|| {
                output.clear();
                for _ in 0..count {
                    black_box(block.as_block()).encode(&mut output).unwrap();
                }
            });
        });
        group.bench_function(BenchmarkId::new("floor: copy", name), |bencher| {
            let mut output = Vec::with_capacity(stream.len());
            bencher.iter(|| {
                output.clear();
                for event in stream.chunks(stream.len() / count) {
                    output.extend_from_slice(black_box(event));
                }
            });
        });
    }
    group.finish();
}

struct OwnedBlock {
    id: Option<&'static str>,
    event: Option<&'static str>,
    data: String,
}

impl OwnedBlock {
    fn as_block(&self) -> Block<'_> {
        let mut block = Block::new().data(&self.data);
        (block.id, block.name) = (self.id, self.event);
        block
    }
}

fn blocks() -> [(&'static str, OwnedBlock); 3] {
    let three_lines = [text(40), text(40), text(40)].join("\n");
    [
        ("tiny", OwnedBlock { id: None, event: None, data: "x".into() }),
        ("150 B delta", OwnedBlock { id: None, event: None, data: text(150) }),
        (
            "id, event, 3 lines",
            OwnedBlock { id: Some("k3f9a-1042"), event: Some("said"), data: three_lines },
        ),
    ]
}

/// Some 64 KiB of the block, over and over.
fn stream(block: &OwnedBlock) -> Vec<u8> {
    let mut stream = Vec::new();
    while stream.len() < STREAM_BYTES {
        block.as_block().encode(&mut stream).unwrap();
    }
    stream
}

fn receive(stream: &[u8], read_bytes: usize) -> usize {
    let (mut parser, mut received) = (Parser::new(), 0);
    for mut read in black_box(stream).chunks(read_bytes) {
        while let Some(item) = parser.parse(&mut read).unwrap() {
            received += match black_box(item) {
                Item::Event(event) => event.data.len(),
                _ => 0,
            };
        }
    }
    received
}

const STREAM_BYTES: usize = 64 << 10;
/// What one packet of an ordinary network carries.
const PACKET_BYTES: usize = 1_400;
