//! The limit of a message holds while it inflates, however little it was on the wire.

use ws_frame::ProtocolError::MessageTooLong;
use ws_frame::deflate::{Deflater, Inflater, Level};
use ws_frame::{CloseCode, Kind, Limits, Part, Piece};

use crate::feed::{BOTH, TAKEN_OVER, inflate};

fn limits(message_bytes_max: u64) -> Limits {
    Limits::new().message_bytes_max(message_bytes_max)
}

fn deflated(message: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    Deflater::new(TAKEN_OVER, Level::SMALLEST).deflate(message, &mut payload);
    payload
}

#[test]
fn a_megabyte_of_zeros_is_refused_at_64_kib() {
    let bomb = deflated(&vec![0; 1 << 20]);
    assert!(bomb.len() < 2_000, "{} bytes", bomb.len());
    for direction in BOTH {
        for piece_bytes in [1, 7, 100, bomb.len()] {
            for capacity in [0, 4 << 20] {
                let mut inflater = Inflater::new(direction);
                let mut output = Vec::with_capacity(capacity);
                let outcome =
                    bomb.chunks(piece_bytes).enumerate().try_for_each(|(index, payload)| {
                        let part = if index == 0 { Part::First } else { Part::Middle };
                        let piece = Piece { kind: Kind::Binary, part, compressed: true, payload };
                        inflater.inflate(piece, &limits(64 << 10), &mut output)
                    });
                assert_eq!(outcome, Err(MessageTooLong));
                assert_eq!(output.len(), (64 << 10) + 1);
                assert!(output.capacity() <= capacity.max(256 << 10), "{}", output.capacity());
            }
        }
    }
    assert_eq!(MessageTooLong.close_code(), CloseCode::MESSAGE_TOO_BIG);
}

#[test]
fn the_longest_message_allowed_is_received_and_no_longer_one() {
    for direction in BOTH {
        for len in [0, 1, 255, 256, 257, 16_383, 16_384, 16_385, 65_536] {
            let message = vec![7; len];
            let payload = deflated(&message);
            let receive = |limit: u64, piece_bytes| {
                let mut inflater = Inflater::new(direction);
                let pieces = payload.chunks(piece_bytes);
                inflate(&mut inflater, Kind::Binary, &limits(limit), pieces)
            };
            for piece_bytes in [1, payload.len()] {
                assert_eq!(receive(len as u64, piece_bytes).as_ref(), Ok(&message));
                if len > 0 {
                    assert_eq!(receive(len as u64 - 1, piece_bytes), Err(MessageTooLong), "{len}");
                }
            }
        }
    }
}

#[test]
fn the_limit_is_for_each_message_anew() {
    for direction in BOTH {
        let mut inflater = Inflater::new(direction);
        let payload = [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00];
        for _ in 0..100 {
            let received = inflate(&mut inflater, Kind::Text, &limits(5), payload.chunks(2));
            assert_eq!(received.as_deref(), Ok(&b"Hello"[..]));
        }
    }
}
