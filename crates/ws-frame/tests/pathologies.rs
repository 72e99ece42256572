//! What a hostile peer sends takes linear work and bounded memory: counted in allocations, not in time.
//!
//! A buffer that doubles as it grows allocates a few times its contents, over some twenty steps. Work that
//! is quadratic, such as moving the rest for each byte or copying all fragments for each one, would allocate
//! thousands of times as much, or as often as there are pieces.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use allocation_counter::{AllocationInfo, measure};
use ws_frame::deflate::{Agreement, Config, Deflater, Direction, Level};
use ws_frame::{
    Connection, Kind, Limits, Message, OwnedEvent, Part, Piece, ProtocolError, encode_piece,
    encode_text,
};

const KEY: Option<[u8; 4]> = Some([0x37, 0xFA, 0x21, 0x3D]);

/// What receiving the one message of `wire` allocates, and the message's length.
fn receive(limits: Limits, wire: &[u8], piece_bytes: usize) -> (AllocationInfo, usize) {
    let mut connection = Connection::server(limits);
    let mut received = None;
    let allocated = measure(|| {
        for piece in wire.chunks(piece_bytes) {
            connection.room().extend_from_slice(piece);
            while let Some(event) = connection.next_event().unwrap() {
                match event {
                    OwnedEvent::Message(message) => received = Some(message),
                    OwnedEvent::Ping(_) => {}
                    other => panic!("{other:?}"),
                }
                let written = connection.output().len();
                connection.handle_written(written);
            }
        }
    });
    (allocated, received.map(|message: Message| message.as_bytes().len()).unwrap())
}

fn fragment(part: Part, payload: &[u8], wire: &mut Vec<u8>) {
    encode_piece(Piece { kind: Kind::Text, part, compressed: false, payload }, KEY, wire);
}

/// A message of this many fragments with this payload each, and what is between two of them.
fn fragments(count: usize, payload: &[u8], between: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    fragment(Part::First, payload, &mut wire);
    for _ in 2..count {
        wire.extend_from_slice(between);
        fragment(Part::Middle, payload, &mut wire);
    }
    fragment(Part::Last, payload, &mut wire);
    wire
}

#[test]
fn a_million_empty_fragments_take_no_memory() {
    let wire = fragments(1_000_000, b"", b"");
    let (allocated, bytes) = receive(Limits::new().fragments_max(u32::MAX), &wire, 16 << 10);
    assert_eq!(bytes, 0);
    assert!(allocated.count_total < 10, "{allocated:?}");
    assert!(allocated.bytes_max < 64 << 10, "{allocated:?}");
}

#[test]
fn by_default_fragments_are_counted_and_refused() {
    let mut connection = Connection::server(Limits::new());
    connection.room().extend_from_slice(&fragments(100_000, b"", b""));
    assert_eq!(connection.next_event(), Err(ProtocolError::TooManyFragments));
}

#[test]
fn a_hundred_thousand_fragments_of_a_byte_are_joined_once() {
    let wire = fragments(100_000, b"a", b"");
    let (allocated, bytes) = receive(Limits::new().fragments_max(u32::MAX), &wire, 16 << 10);
    assert_eq!(bytes, 100_000);
    assert!(allocated.count_total < 40, "{allocated:?}");
    assert!(allocated.bytes_total < 1 << 20, "{allocated:?}");
}

#[test]
fn pings_between_fragments_move_nothing_twice() {
    let wire = fragments(50_000, b"ab", b"\x89\x80\0\0\0\0");
    let (allocated, bytes) = receive(Limits::new().fragments_max(u32::MAX), &wire, 16 << 10);
    assert_eq!(bytes, 100_000);
    assert!(allocated.count_total < 40, "{allocated:?}");
    assert!(allocated.bytes_total < 1 << 20, "{allocated:?}");
}

#[test]
fn a_mebibyte_in_chunks_of_a_byte_is_copied_a_few_times() {
    for limits in [Limits::new(), Limits::new().whole_bytes_max(2 << 20)] {
        let mut wire = Vec::new();
        encode_text(&"příliš ".repeat(1 << 17), KEY, &mut wire);
        let (allocated, bytes) = receive(limits, &wire, 1);
        assert!(bytes > 1 << 20);
        assert!(allocated.count_total < 40, "{allocated:?}");
        assert!(allocated.bytes_total < 8 << 20, "{allocated:?}");
        assert!(allocated.bytes_max < 4 << 20, "{allocated:?}");
    }
}

#[test]
fn what_a_header_declares_is_not_allocated() {
    let mut connection = Connection::server(Limits::new().message_bytes_max(u64::MAX >> 1));
    let allocated = measure(|| {
        // A binary message of 2^62 bytes, of which one arrives.
        connection.room().extend_from_slice(b"\x82\xff\x40\0\0\0\0\0\0\0\0\0\0\0a");
        assert_eq!(connection.next_event(), Ok(None));
        connection.room();
    });
    assert!(allocated.bytes_max < 64 << 10, "{allocated:?}");
}

fn agreement() -> Agreement {
    Config::default().accept(["permessage-deflate"]).unwrap()
}

/// A megabyte of frames that inflate to a gibibyte: 1,024 times a mebibyte of zeros, each of which refers to
/// nothing before it.
fn bomb() -> Vec<u8> {
    let mut mebibyte = Vec::new();
    let mut deflater = Deflater::new(Direction::default(), Level::SMALLEST);
    deflater.deflate(&vec![0; 1 << 20], &mut mebibyte);
    mebibyte.extend_from_slice(&[0, 0, 0xFF, 0xFF]);
    let payload = mebibyte.repeat(1 << 10);
    let mut wire = Vec::new();
    let whole =
        Piece { kind: Kind::Binary, part: Part::Whole, compressed: true, payload: &payload };
    encode_piece(whole, KEY, &mut wire);
    wire
}

#[test]
fn a_bomb_of_a_gibibyte_stops_at_the_limit() {
    let wire = bomb();
    assert!(wire.len() < 2 << 20, "{}", wire.len());
    for piece_bytes in [1_400, wire.len()] {
        let connection = Connection::server(Limits::new().message_bytes_max(2 << 20));
        let mut connection = connection.compress(agreement(), Level::DEFAULT);
        let (mut refused, mut fed) = (None, 0);
        let allocated = measure(|| {
            for piece in wire.chunks(piece_bytes) {
                connection.room().extend_from_slice(piece);
                fed += piece.len();
                if let Err(error) = connection.next_event() {
                    refused = Some(error);
                    break;
                }
            }
        });
        assert_eq!(refused, Some(ProtocolError::MessageTooLong));
        // What has arrived, the inflater's state, and at most 2 MiB in a buffer that doubles.
        assert!(allocated.bytes_max < 8 << 20, "{allocated:?}");
        // Some KiB have inflated to the limit, and nothing after them was looked at.
        assert!(piece_bytes == wire.len() || fed < 8 << 10, "{fed}");
    }
}
