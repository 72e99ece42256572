//! Whatever a peer sends, an inflater neither panics nor passes its limit, and says the same of
//! the same bytes however they arrive.

use ws_frame::deflate::{Deflater, Inflater, Level};
use ws_frame::{Kind, Limits, ProtocolError};

use crate::feed::{BOTH, Random, inflate};
use crate::naive::Naive;

const SEEDS: u64 = 1_000;
const BYTES_MAX: u64 = 500;

#[test]
fn by_seeds() {
    let limits = Limits::new().message_bytes_max(BYTES_MAX);
    let mut outcomes = [0; 4];
    for seed in 0..SEEDS {
        let mut random = Random(seed);
        let payload = damaged(&mut random);
        let kind = if seed % 4 == 0 { Kind::Text } else { Kind::Binary };
        for direction in BOTH {
            let receive =
                |pieces: Vec<&[u8]>| inflate(&mut Inflater::new(direction), kind, &limits, pieces);
            let whole = receive(vec![&payload]);
            assert_eq!(
                receive([&b""[..]].into_iter().chain(payload.chunks(1)).collect()),
                whole,
                "seed {seed}"
            );
            assert_eq!(receive(random.cut(&payload)), whole, "seed {seed}");
            if let Ok(message) = &whole {
                assert!(message.len() as u64 <= BYTES_MAX, "seed {seed}");
                let tailed = [&payload, &[0, 0, 0xFF, 0xFF][..]].concat();
                let naive = Naive::read(&[], &tailed).or_else(|| Naive::read(&[], &payload));
                if let Some(naive) = naive {
                    assert!(naive.output == *message, "seed {seed}");
                }
            }
            outcomes[match whole {
                Ok(_) => 0,
                Err(ProtocolError::CompressionInvalid) => 1,
                Err(ProtocolError::MessageTooLong) => 2,
                Err(error) => {
                    assert_eq!(error, ProtocolError::TextNotUtf8, "seed {seed}");
                    3
                }
            }] += 1;
        }
    }
    assert!(outcomes.iter().all(|times| *times > 20), "too much the same: {outcomes:?}");
}

/// A compressed message with a few bytes changed, lost, repeated or added.
fn damaged(random: &mut Random) -> Vec<u8> {
    let message = random.message(800);
    let level = Level::new(1 + random.below(9) as u8).unwrap();
    let mut payload = Vec::new();
    Deflater::new(BOTH[random.below(2)], level).deflate(&message, &mut payload);
    for _ in 0..random.below(3) {
        let start = random.below(payload.len().max(1));
        let end = payload.len().min(start + 1 + random.below(8));
        match random.below(4) {
            0 if start < end => payload[start] ^= 1 << random.below(8),
            1 => drop(payload.drain(start..end)),
            2 => payload.extend_from_within(start..end),
            _ => payload.insert(start.min(payload.len()), random.next() as u8),
        }
    }
    payload
}
