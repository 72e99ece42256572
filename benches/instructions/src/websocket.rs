//! `ws-frame`: masked messages to a server, decoded in place, and a message encoded.

use crate::{Case, PACKET_BYTES, Run, text};
use std::hint::black_box;
use ws_frame::{Decoder, Event, Limits, Role, UNFINISHED_BYTES_MAX, encode_binary, encode_text};

pub(crate) const CASES: [Case; 9] = [
    Case {
        name: "websocket decode 16 B text",
        messages: 1_000,
        prepare: |messages| receive_text(messages, &text(16)),
    },
    Case {
        name: "websocket decode 128 B text",
        messages: 1_000,
        prepare: |messages| receive_text(messages, &text(128)),
    },
    Case {
        name: "websocket decode 1 KiB text",
        messages: 200,
        prepare: |messages| receive_text(messages, &text(1 << 10)),
    },
    Case {
        name: "websocket decode 64 KiB text",
        messages: 20,
        prepare: |messages| receive_text(messages, &text(64 << 10)),
    },
    Case {
        name: "websocket decode 1 KiB non-ASCII text",
        messages: 200,
        prepare: |messages| receive_text(messages, &"příliš žluťoučký 🐎 ".repeat(35)),
    },
    Case {
        name: "websocket decode 1 MiB binary",
        messages: 4,
        prepare: |messages| receive(masked_binary(&text(1 << 20)).repeat(messages)),
    },
    Case {
        name: "websocket decode 128 B text in reads of 1400 B",
        messages: 1_000,
        prepare: |messages| receive_reads(masked_text(&text(128)).repeat(messages)),
    },
    Case {
        name: "websocket decode 1 KiB text in reads of 1400 B",
        messages: 200,
        prepare: |messages| receive_reads(masked_text(&text(1 << 10)).repeat(messages)),
    },
    Case { name: "websocket encode 16 B text", messages: 1_000, prepare: say },
];

fn receive_text(messages: usize, payload: &str) -> Run {
    receive(masked_text(payload).repeat(messages))
}

/// Decodes whole messages in place.
fn receive(mut wire: Vec<u8>) -> Run {
    Box::new(move || {
        let (mut decoder, limits) = (Decoder::new(Role::Server), Limits::default());
        let (mut input, mut received) = (&mut wire[..], 0);
        while let Some(event) = decoder.decode(&mut input, &limits).unwrap() {
            match event {
                Event::Text(text) => _ = black_box(text),
                Event::Binary(payload) => _ = black_box(payload),
                event => panic!("{event:?}"),
            }
            received += 1;
        }
        received
    })
}

/// Decodes messages from one receive buffer, and joins those that a read has cut.
fn receive_reads(wire: Vec<u8>) -> Run {
    let mut receive = vec![0; UNFINISHED_BYTES_MAX + PACKET_BYTES];
    let mut message = Vec::with_capacity(wire.len());
    Box::new(move || {
        let (mut decoder, limits) = (Decoder::new(Role::Server), Limits::default());
        let (mut tail, mut received) = (0, 0);
        for read in wire.chunks(PACKET_BYTES) {
            let end = tail + read.len();
            receive[tail..end].copy_from_slice(read);
            let mut input = &mut receive[..end];
            while let Some(event) = decoder.decode(&mut input, &limits).unwrap() {
                match event {
                    Event::Piece(piece) => {
                        message.extend_from_slice(piece.payload);
                        if piece.part.ends() {
                            black_box(&message);
                            message.clear();
                            received += 1;
                        }
                    }
                    whole => {
                        black_box(whole);
                        received += 1;
                    }
                }
            }
            tail = input.len();
            receive.copy_within(end - tail..end, 0);
        }
        received
    })
}

/// Writes messages as a server does.
fn say(messages: usize) -> Run {
    let payload = text(16);
    let mut output = Vec::with_capacity(messages * 32);
    Box::new(move || {
        (0..messages).for_each(|_| encode_text(black_box(&payload), None, &mut output));
        black_box(&output);
        messages
    })
}

fn masked_text(payload: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    encode_text(payload, MASK_KEY, &mut wire);
    wire
}

fn masked_binary(payload: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    encode_binary(payload.as_bytes(), MASK_KEY, &mut wire);
    wire
}

const MASK_KEY: Option<[u8; 4]> = Some([0x37, 0xFA, 0x21, 0x3D]);
