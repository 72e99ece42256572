//! The codecs allocate for no message, read or written, and hold little between them.
//!
//! Apart from the other allocations, which are the broker's and the connection's.

use allocation_counter::measure;
use sse_codec::{Block, Item, Parser};
use tidewire_benches::text;
use ws_frame::{Decoder, Event, Limits, Role, UNFINISHED_BYTES_MAX};

const KEY: Option<[u8; 4]> = Some([0x37, 0xFA, 0x21, 0x3D]);

/// Allocations of `work`, after it has been done once to warm up.
fn allocations(mut work: impl FnMut()) -> u64 {
    work();
    measure(work).count_total
}

fn masked(payload: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    (0..MESSAGES).for_each(|_| ws_frame::encode_text(payload, KEY, &mut wire));
    wire
}

#[test]
fn websocket_messages_are_read_without_an_allocation() {
    for payload in [text(16), text(1 << 10), "příliš žluťoučký 🐎".repeat(100)] {
        let wire = masked(&payload);
        let mut receive = wire.clone();
        let mut decoder = Decoder::new(Role::Server);
        let counted = allocations(|| {
            receive.copy_from_slice(&wire);
            let (mut input, mut received) = (&mut *receive, 0);
            while let Some(event) = decoder.decode(&mut input, &Limits::default()).unwrap() {
                assert_eq!(event, Event::Text(&payload));
                received += 1;
            }
            assert_eq!(received, MESSAGES);
        });
        assert_eq!(counted, 0, "{} B", payload.len());
    }
}

#[test]
fn websocket_messages_cut_by_reads_are_read_without_an_allocation() {
    let payload = text(1 << 10);
    let wire = masked(&payload);
    let mut receive = [0; UNFINISHED_BYTES_MAX + READ_BYTES];
    let mut decoder = Decoder::new(Role::Server);
    let counted = allocations(|| {
        let (mut unfinished, mut received_bytes) = (0, 0);
        for read in wire.chunks(READ_BYTES) {
            let end = unfinished + read.len();
            receive[unfinished..end].copy_from_slice(read);
            let mut input = &mut receive[..end];
            while let Some(event) = decoder.decode(&mut input, &Limits::default()).unwrap() {
                received_bytes += match event {
                    Event::Text(text) => text.len(),
                    Event::Piece(piece) => piece.payload.len(),
                    event => panic!("{event:?}"),
                };
            }
            unfinished = input.len();
            receive.copy_within(end - unfinished..end, 0);
        }
        assert_eq!(received_bytes, MESSAGES * payload.len());
    });
    assert_eq!(counted, 0);
}

#[test]
fn websocket_messages_are_written_without_an_allocation() {
    let (payload, mut output) = (text(1 << 10), Vec::new());
    for key in [None, KEY] {
        let counted = allocations(|| {
            output.clear();
            for _ in 0..MESSAGES {
                ws_frame::encode_text(&payload, key, &mut output);
                ws_frame::encode_ping(b"still there?", key, &mut output).unwrap();
            }
        });
        assert_eq!(counted, 0, "{key:?}");
    }
}

#[test]
fn a_websocket_decoder_holds_at_most_32_bytes() {
    assert!(size_of::<Decoder>() <= 32, "{}", size_of::<Decoder>());
}

#[test]
fn events_are_read_without_an_allocation() {
    for (name, block) in [
        ("one line", Block::new().data("x")),
        ("named", Block::new().id("7").name("said").data("x")),
    ] {
        let stream = stream(block);
        let mut parser = Parser::new();
        let counted =
            allocations(|| assert_eq!(receive(&mut parser, &stream, stream.len()), MESSAGES));
        assert_eq!(counted, 0, "{name}");
    }
}

#[test]
fn events_of_many_lines_or_cut_by_reads_are_read_without_an_allocation() {
    let lines = [text(40), text(40), text(40)].join("\n");
    let block = Block::new().id("7").name("said").data(&lines);
    let stream = stream(block);
    for read_bytes in [stream.len(), READ_BYTES, 1] {
        let mut parser = Parser::new();
        let counted =
            allocations(|| assert_eq!(receive(&mut parser, &stream, read_bytes), MESSAGES));
        assert_eq!(counted, 0, "reads of {read_bytes} B");
    }
}

#[test]
fn events_are_written_without_an_allocation() {
    let (data, mut output) = (text(150), Vec::new());
    let block = Block::new().id("7").name("said").data(&data);
    let counted = allocations(|| {
        output.clear();
        (0..MESSAGES).for_each(|_| block.encode(&mut output).unwrap());
    });
    assert_eq!(counted, 0);
}

fn stream(block: Block<'_>) -> Vec<u8> {
    let mut stream = Vec::new();
    (0..MESSAGES).for_each(|_| block.encode(&mut stream).unwrap());
    stream
}

fn receive(parser: &mut Parser, stream: &[u8], read_bytes: usize) -> usize {
    let mut received = 0;
    for mut read in stream.chunks(read_bytes) {
        while let Some(item) = parser.parse(&mut read).unwrap() {
            assert!(matches!(item, Item::Event(_)));
            received += 1;
        }
    }
    received
}

const MESSAGES: usize = 50;
/// What one packet of an ordinary network carries.
const READ_BYTES: usize = 1_400;
