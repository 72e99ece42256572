//! `ws-frame` beside its floors, and beside the codec that actix-ws reads and writes through.

use crate::floor;
use actix_http::ws::{Codec, Frame, Item, Message};
use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use std::hint::black_box;
use tidewire_benches::text;
use tokio_util::codec::{Decoder as _, Encoder as _};
use ws_frame::{Decoder, Event, Limits, Role, UNFINISHED_BYTES_MAX};

pub(crate) fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("websocket decode");
    for (name, payload, is_text) in [
        ("16 B text", text(16), true),
        ("128 B text", text(128), true),
        ("1 KiB text", text(1 << 10), true),
        ("64 KiB text", text(64 << 10), true),
        ("1 KiB other scripts", "příliš žluťoučký 🐎 ".repeat(32).split_off(1), true),
        ("1 MiB binary", text(1 << 20), false),
    ] {
        let count = READ_BYTES.div_ceil(payload.len());
        let wire = masked(&payload, is_text).repeat(count);
        group.throughput(Throughput::Bytes(wire.len() as u64));
        // Decoding uses the input up. Few at a time, so that they are still in the cache.
        let batch = BatchSize::NumIterations(BATCH_BYTES.div_ceil(wire.len()) as u64);

        group.bench_function(BenchmarkId::new("ws-frame", name), |bencher| {
            bencher.iter_batched_ref(|| wire.clone(), |wire| receive(wire), batch);
        });
        group.bench_function(BenchmarkId::new("actix-http", name), |bencher| {
            let setup = || BytesMut::from(&*wire);
            bencher.iter_batched_ref(setup, peer_receive, batch);
        });
        group.bench_function(BenchmarkId::new("floor: copy", name), |bencher| {
            let mut output = Vec::with_capacity(wire.len());
            bencher.iter(|| floor::copy(&wire, &mut output));
        });
        group.bench_function(BenchmarkId::new("floor: exclusive or", name), |bencher| {
            let mut wire = wire.clone();
            bencher.iter(|| floor::exclusive_or(black_box(&mut wire)));
        });
        if is_text {
            group.bench_function(BenchmarkId::new("floor: from_utf8", name), |bencher| {
                let payloads = payload.repeat(count);
                bencher.iter(|| floor::from_utf8(payloads.as_bytes(), payload.len()));
            });
        }
    }
    group.finish();
}

/// Messages that the network's packets cut: a read ends inside nearly every one.
pub(crate) fn decode_reads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("websocket decode, reads of 1,400 B");
    for (name, payload) in [("128 B text", text(128)), ("1 KiB text", text(1 << 10))] {
        let wire = masked(&payload, true).repeat((64 << 10) / payload.len());
        group.throughput(Throughput::Bytes(wire.len() as u64));
        group.bench_function(BenchmarkId::new("ws-frame", name), |bencher| {
            bencher.iter(|| receive_reads(black_box(&wire)));
        });
        group.bench_function(BenchmarkId::new("actix-http", name), |bencher| {
            bencher.iter(|| peer_receive_reads(black_box(&wire)));
        });
        group.bench_function(BenchmarkId::new("floor: copy", name), |bencher| {
            let mut output = Vec::with_capacity(PACKET_BYTES);
            bencher.iter(|| {
                wire.chunks(PACKET_BYTES).for_each(|read| floor::copy(read, &mut output));
            });
        });
    }
    group.finish();
}

pub(crate) fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("websocket encode");
    for (name, bytes) in
        [("16 B", 16), ("128 B", 128), ("1 KiB", 1 << 10), ("64 KiB", 64 << 10), ("1 MiB", 1 << 20)]
    {
        let payload = Bytes::from(text(bytes));
        let count = READ_BYTES.div_ceil(bytes);
        group.throughput(Throughput::Bytes((count * bytes) as u64));

        group.bench_function(BenchmarkId::new("ws-frame", name), |bencher| {
            let mut output = Vec::new();
            bencher.iter(|| {
                output.clear();
                for _ in 0..count {
                    ws_frame::encode_binary(black_box(&payload), None, &mut output);
                }
            });
        });
        group.bench_function(BenchmarkId::new("actix-http", name), |bencher| {
            let (mut codec, mut output) = (Codec::new(), BytesMut::new());
            bencher.iter(|| {
                output.clear();
                for _ in 0..count {
                    let message = Message::Binary(black_box(&payload).clone());
                    codec.encode(message, &mut output).unwrap();
                }
            });
        });
        group.bench_function(BenchmarkId::new("floor: copy", name), |bencher| {
            let mut output = Vec::new();
            bencher.iter(|| {
                output.clear();
                for _ in 0..count {
                    output.extend_from_slice(black_box(&payload));
                }
            });
        });
    }
    group.finish();
}

/// The frame in which a client sends the payload.
fn masked(payload: &str, is_text: bool) -> Vec<u8> {
    let (key, mut wire) = (Some([0x37, 0xFA, 0x21, 0x3D]), Vec::new());
    if is_text {
        ws_frame::encode_text(payload, key, &mut wire);
    } else {
        ws_frame::encode_binary(payload.as_bytes(), key, &mut wire);
    }
    wire
}

/// Decodes whole messages in place; returns how many bytes of payload they had.
fn receive(mut input: &mut [u8]) -> usize {
    let (mut decoder, limits) = (Decoder::new(Role::Server), Limits::default());
    let mut received = 0;
    while let Some(event) = decoder.decode(&mut input, &limits).unwrap() {
        received += match event {
            Event::Text(text) => text.len(),
            Event::Binary(bytes) => bytes.len(),
            event => panic!("{event:?}"),
        };
    }
    received
}

/// Decodes messages from one receive buffer, and joins those that a read has cut.
fn receive_reads(wire: &[u8]) -> usize {
    let (mut decoder, limits) = (Decoder::new(Role::Server), Limits::default());
    let mut receive = [0; UNFINISHED_BYTES_MAX + PACKET_BYTES];
    let (mut tail, mut message, mut received) = (0, Vec::new(), 0);
    for read in wire.chunks(PACKET_BYTES) {
        let end = tail + read.len();
        receive[tail..end].copy_from_slice(read);
        let mut input = &mut receive[..end];
        while let Some(event) = decoder.decode(&mut input, &limits).unwrap() {
            match event {
                Event::Text(text) => received += text.len(),
                Event::Piece(piece) => {
                    message.extend_from_slice(piece.payload);
                    if piece.part.ends() {
                        received += black_box(&message).len();
                        message.clear();
                    }
                }
                event => panic!("{event:?}"),
            }
        }
        tail = input.len();
        receive.copy_within(end - tail..end, 0);
    }
    received
}

/// Decodes as actix-ws does: its codec leaves checking the text to the stream around it.
fn peer_receive(input: &mut BytesMut) -> usize {
    let mut codec = Codec::new().max_size(2 << 20);
    peer_receive_next(&mut codec, input)
}

fn peer_receive_reads(wire: &[u8]) -> usize {
    let (mut codec, mut input, mut received) = (Codec::new(), BytesMut::new(), 0);
    for read in wire.chunks(PACKET_BYTES) {
        input.extend_from_slice(read);
        received += peer_receive_next(&mut codec, &mut input);
    }
    received
}

fn peer_receive_next(codec: &mut Codec, input: &mut BytesMut) -> usize {
    let mut received = 0;
    while let Some(frame) = codec.decode(input).unwrap() {
        received += match frame {
            Frame::Text(bytes) => str::from_utf8(&bytes).unwrap().len(),
            Frame::Binary(bytes) => bytes.len(),
            Frame::Continuation(Item::Last(bytes)) => bytes.len(),
            frame => panic!("{frame:?}"),
        };
    }
    received
}

/// What one read of a busy socket brings; a longer message comes alone.
const READ_BYTES: usize = 16 << 10;
/// Inputs that lie ready at once.
const BATCH_BYTES: usize = 256 << 10;
/// What one packet of an ordinary network carries.
const PACKET_BYTES: usize = 1_400;
