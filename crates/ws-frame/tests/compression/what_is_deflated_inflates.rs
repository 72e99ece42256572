//! What a deflater makes, our inflater and a naive one read, within the window promised.

use ws_frame::deflate::{Context, Deflater, Direction, Inflater, Level, WindowBits};
use ws_frame::{Kind, Limits, Part, Piece};

use crate::feed::{BOTH, FRESH, Random, inflate};
use crate::naive::Naive;

const TAIL: &[u8] = &[0, 0, 0xFF, 0xFF];

#[test]
fn by_every_window_and_kind_of_level() {
    let mut random = Random(7692);
    for bits in 9..=15 {
        for level in [1, 2, 4, 6, 9] {
            for context in [Context::Fresh, Context::TakenOver] {
                let direction = Direction { context, window_bits: WindowBits::new(bits).unwrap() };
                let level = Level::new(level).unwrap();
                converse(&mut random, direction, level, 1 << (bits + 1));
            }
        }
    }
}

/// Sends a few messages, of up to `len_max` bytes, in pieces.
fn converse(random: &mut Random, direction: Direction, level: Level, len_max: usize) {
    let mut deflater = Deflater::new(direction, level);
    let mut inflater = Inflater::new(direction);
    let mut before = Vec::new();
    for round in 0..4 {
        let message = random.message(len_max);
        let mut payload = Vec::new();
        deflater.deflate(&message, &mut payload);

        let naive = Naive::read(&before, &[&payload, TAIL].concat()).unwrap();
        assert!(naive.output == message, "{direction:?} {level:?} round {round}");
        let window_bytes = 1 << direction.window_bits.bits();
        assert!(naive.distance_max <= window_bytes, "{} back", naive.distance_max);

        let pieces = random.cut(&payload);
        let received = inflate(&mut inflater, Kind::Binary, &Limits::default(), pieces);
        assert!(received == Ok(message.clone()), "{direction:?} {level:?} round {round}");
        if direction.context == Context::TakenOver {
            before.extend(message);
        }
    }
}

#[test]
fn there_are_seven_windows_and_nine_levels() {
    let windows = (0..=255).filter_map(WindowBits::new).map(WindowBits::bits);
    assert_eq!(windows.collect::<Vec<_>>(), [9, 10, 11, 12, 13, 14, 15]);
    let levels = (0..=255).filter_map(Level::new);
    assert_eq!(levels.collect::<Vec<_>>().len(), 9);
    assert_eq!(Level::new(1), Some(Level::FASTEST));
    assert_eq!(Level::new(6), Some(Level::default()));
    assert_eq!(Level::new(9), Some(Level::SMALLEST));
}

#[test]
fn cut_at_every_byte() {
    let mut random = Random(1);
    for direction in BOTH {
        let message = random.message(900);
        let mut payload = Vec::new();
        Deflater::new(direction, Level::DEFAULT).deflate(&message, &mut payload);
        for cut in 0..=payload.len() {
            let (front, back) = payload.split_at(cut);
            let mut inflater = Inflater::new(direction);
            let received = inflate(&mut inflater, Kind::Binary, &Limits::default(), [front, back]);
            assert_eq!(received.as_ref(), Ok(&message), "cut at {cut}");
        }
    }
}

#[test]
fn as_far_as_it_has_arrived() {
    let mut payload = Vec::new();
    Deflater::new(FRESH, Level::DEFAULT).deflate(&b"a".repeat(100_000), &mut payload);
    for end in 1..payload.len() {
        let inflated_bytes = |piece_bytes| {
            let (mut inflater, mut message) = (Inflater::new(FRESH), Vec::new());
            for payload in payload[..end].chunks(piece_bytes) {
                let part = if message.is_empty() { Part::First } else { Part::Middle };
                let piece = Piece { kind: Kind::Text, part, compressed: true, payload };
                assert_eq!(inflater.inflate(piece, &Limits::default(), &mut message), Ok(()));
            }
            message.len()
        };
        assert_eq!(inflated_bytes(1), inflated_bytes(end), "{end} bytes");
    }
}

#[test]
fn whatever_room_the_output_had() {
    let message: Vec<u8> = (0..700_u32).map(|index| (index * index / 7) as u8).collect();
    for direction in BOTH {
        for capacity in 0..800 {
            let mut payload = Vec::with_capacity(capacity);
            Deflater::new(direction, Level::DEFAULT).deflate(&message, &mut payload);
            let naive = Naive::read(&[], &[&payload, TAIL].concat()).unwrap();
            assert_eq!(naive.output, message, "capacity {capacity}");
        }
    }
}
