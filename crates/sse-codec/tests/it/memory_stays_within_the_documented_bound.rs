//! Whatever arrives and however it is cut, a parser never holds more than `Limits` says, counted by
//! the allocator: also while a buffer grows, and while broken bytes are replaced.

use allocation_counter::measure;
use sse_codec::{Field, Item, LimitError, Limits, Parser};

const LIMITS: Limits = Limits::new().data_bytes_max(256 << 10).field_bytes_max(1 << 10);

/// Twice the data, eight times a field, and a little that does not depend on either.
const DOCUMENTED: u64 = 2 * (256 << 10) + 8 * (1 << 10) + (1 << 10);

/// What was seen of a stream fed in pieces of that size: bytes of data, and a refusal.
fn feed(limits: Limits, wire: &[u8], piece_bytes: usize) -> (usize, Option<LimitError>) {
    let (mut parser, mut data_bytes) = (Parser::with_limits(limits), 0);
    for mut piece in wire.chunks(piece_bytes) {
        loop {
            match parser.parse(&mut piece) {
                Ok(Some(Item::Event(event))) => data_bytes += event.data.len(),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => return (data_bytes, Some(error)),
            }
        }
    }
    (data_bytes, None)
}

/// Streams that mean harm, each with the limit it has to run into.
fn hostile() -> Vec<(&'static str, Vec<u8>, Option<Field>)> {
    let data_max = LIMITS.data_bytes_max;
    let value = |field: &str, byte: u8, len: usize| {
        [field.as_bytes(), b": ", &vec![byte; len], b"\n"].concat()
    };
    let lines = b"data: 12345678901\n".repeat(data_max / 12);
    let broken = value("data", 0xFF, data_max - 1);
    let thirds = value("data", 0xFF, data_max / 3);
    let valid = value("data", b'x', data_max);
    let end = b"\n";
    vec![
        ("nothing but 0xFF", vec![0xFF; 4 * data_max], None),
        ("data of 0xFF up to the limit", [&broken[..], end].concat(), Some(Field::Data)),
        ("data of 0xFF beyond the limit", value("data", 0xFF, 4 * data_max), Some(Field::Data)),
        ("0xFF that still fit as U+FFFD", [&thirds[..], end].concat().repeat(3), None),
        ("valid data up to the limit", [&valid[..], end].concat().repeat(3), None),
        ("valid data beyond the limit", value("data", b'x', 4 * data_max), Some(Field::Data)),
        ("many lines of data", [&lines[..], end].concat().repeat(3), None),
        ("broken, then many lines", [&thirds[..], end, &lines[..], end].concat().repeat(2), None),
        ("many lines, then broken", [&lines[..], end, &thirds[..], end].concat().repeat(2), None),
        ("many fields", b"event: ab\nid: cd\nretry: 1\nx: y\n: z\n".repeat(data_max / 16), None),
        ("broken names and ids", b"event: \xFF\xFF\nid: \xFF\xFF\ndata\n\n".repeat(1 << 10), None),
        ("a long name", value("event", b'x', 1 << 20), Some(Field::Event)),
        ("a long broken id", [&value("id", 0xFF, 1 << 10)[..], end].concat(), Some(Field::Id)),
        (
            "a long broken name",
            [&value("event", 0xFF, 1 << 10)[..], b"data\n\n"].concat(),
            Some(Field::Event),
        ),
        ("a long comment", value("", b'x', 1 << 20), None),
        ("blank lines", vec![b'\n'; 1 << 20], None),
    ]
}

#[test]
fn hostile_streams_are_held_within_the_limits_whole_in_pieces_and_byte_by_byte() {
    for (what, wire, refused) in hostile() {
        let mut outcomes = Vec::new();
        for piece_bytes in [wire.len(), 1_400, 61, 1] {
            let mut outcome = None;
            let counted = measure(|| outcome = Some(feed(LIMITS, &wire, piece_bytes)));
            let peak = counted.bytes_max;
            assert!(peak <= DOCUMENTED, "{what}, by {piece_bytes}: {peak} bytes of {DOCUMENTED}");
            outcomes.extend(outcome);
        }
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{what}: {outcomes:?}");
        assert_eq!(outcomes[0].1.map(|error| error.field), refused, "{what}");
    }
}

#[test]
fn fields_without_any_data_are_held_within_the_limits_too() {
    let limits = Limits::new().data_bytes_max(0).field_bytes_max(64 << 10);
    let long = |byte| vec![byte; limits.field_bytes_max];
    for (what, name, id) in [
        ("valid", long(b'x'), long(b'y')),
        ("broken", vec![0xFF; limits.field_bytes_max / 3], vec![0xFE; limits.field_bytes_max / 3]),
    ] {
        let block = [b"event: ", &name[..], b"\nid: ", &id[..], b"\ndata\n\n"].concat().repeat(3);
        for piece_bytes in [block.len(), 1_400, 1] {
            let mut refused = None;
            let counted = measure(|| refused = feed(limits, &block, piece_bytes).1);
            assert_eq!(refused, None, "{what}");
            let peak = counted.bytes_max;
            assert!(peak <= 8 * (64 << 10) + (1 << 10), "{what}, by {piece_bytes}: {peak} bytes");
        }
    }
}

#[test]
fn fifteen_mebibytes_of_broken_bytes_are_refused_before_they_become_forty_five() {
    let wire = [b"data: ", &vec![0xFF; 15 << 20][..], b"\n\n"].concat();
    for piece_bytes in [wire.len(), 64 << 10] {
        let mut refused = None;
        let counted = measure(|| refused = feed(Limits::default(), &wire, piece_bytes).1);
        let refused = refused.map(|error| (error.field, error.bytes_max));
        assert_eq!(refused, Some((Field::Data, 16 << 20)));
        let peak = counted.bytes_max;
        assert!(peak <= 2 * (16 << 20) + 8 * 4_096 + (1 << 10), "{peak} bytes, by {piece_bytes}");
    }
}
