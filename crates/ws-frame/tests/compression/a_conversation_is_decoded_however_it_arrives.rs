//! From one deflater over the wire to the other side's inflater: compressed messages, in fragments
//! or not, among others and among pings, in chunks of any size.

use ws_frame::deflate::{Deflater, Direction, Inflater, Level};
use ws_frame::{
    Decoder, Event, Kind, Limits, Part, Piece, Role, encode_binary, encode_piece, encode_ping,
};

use crate::feed::{BOTH, Random};

/// A few messages, and the masked frames that say them.
fn say(random: &mut Random, direction: Direction) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut deflater = Deflater::new(direction, Level::FASTEST);
    let (mut messages, mut wire) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let key = Some((random.next() as u32).to_be_bytes());
        let message = random.message(300);
        if random.below(4) == 0 {
            encode_binary(&message, key, &mut wire);
        } else {
            let mut payload = Vec::new();
            deflater.deflate(&message, &mut payload);
            let pieces = random.cut(&payload);
            for (index, payload) in pieces.iter().enumerate() {
                let part = match (index == 0, index + 1 == pieces.len()) {
                    (true, true) => Part::Whole,
                    (true, false) => Part::First,
                    (false, false) => Part::Middle,
                    (false, true) => Part::Last,
                };
                let piece = Piece { kind: Kind::Binary, part, compressed: true, payload };
                encode_piece(piece, key, &mut wire);
                assert_eq!(encode_ping(b"here", key, &mut wire), Ok(()));
            }
        }
        messages.push(message);
    }
    (messages, wire)
}

/// The messages a wire says that arrives in these chunks.
fn receive(direction: Direction, chunks: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new(Role::Server).allow_compressed();
    let (mut inflater, limits) = (Inflater::new(direction), Limits::default());
    let (mut messages, mut message, mut unfinished) = (vec![], vec![], vec![]);
    for chunk in chunks {
        unfinished.extend_from_slice(chunk);
        let mut input = &mut unfinished[..];
        while let Some(event) = decoder.decode(&mut input, &limits).unwrap() {
            match event {
                Event::Binary(whole) => messages.push(whole.to_vec()),
                Event::Piece(piece) => {
                    inflater.inflate(piece, &limits, &mut message).unwrap();
                    messages.extend(piece.part.ends().then(|| std::mem::take(&mut message)));
                }
                other => assert_eq!(other, Event::Ping(b"here")),
            }
        }
        unfinished = input.to_vec();
    }
    messages
}

#[test]
fn by_seeds() {
    for seed in 0..60 {
        let mut random = Random(seed);
        for direction in BOTH {
            let (messages, wire) = say(&mut random, direction);
            assert_eq!(receive(direction, &[&wire]), messages, "seed {seed}, whole");
            let bytes: Vec<_> = wire.chunks(1).collect();
            assert_eq!(receive(direction, &bytes), messages, "seed {seed}, byte by byte");
            for _ in 0..4 {
                let chunks = random.cut(&wire);
                assert_eq!(receive(direction, &chunks), messages, "seed {seed}, in chunks");
            }
        }
    }
}
