//! The payloads of <https://www.rfc-editor.org/rfc/rfc7692#section-7.2.3>, both ways.

use ws_frame::deflate::{Deflater, Inflater, Level};
use ws_frame::{Kind, Limits, Part, Piece, encode_piece};

use crate::feed::{BOTH, FRESH, TAKEN_OVER, inflate, inflates};

const HELLO: &[u8] = &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
const HELLO_AGAIN: &[u8] = &[0xF2, 0x00, 0x11, 0x00, 0x00];
const HELLO_STORED: &[u8] = &[0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00];
const HELLO_FINAL: &[u8] = &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00];
const HELLO_IN_TWO_BLOCKS: &[u8] =
    &[0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00];

#[test]
fn they_inflate() {
    for payload in [HELLO, HELLO_STORED, HELLO_FINAL, HELLO_IN_TWO_BLOCKS] {
        inflates(Kind::Text, payload, &Ok(b"Hello".to_vec()));
    }
    inflates(Kind::Text, &[0x00], &Ok(vec![]));
}

#[test]
fn a_context_is_taken_over() {
    let mut inflater = Inflater::new(TAKEN_OVER);
    for payload in [HELLO, HELLO_AGAIN, HELLO_AGAIN, &[0x00], HELLO, HELLO_AGAIN] {
        let expected = if payload == [0x00] { &b""[..] } else { b"Hello" };
        let limits = Limits::default();
        let received = inflate(&mut inflater, Kind::Text, &limits, payload.chunks(1));
        assert_eq!(received.as_deref(), Ok(expected), "{payload:x?}");
    }
}

#[test]
fn they_deflate() {
    for (direction, second) in [(FRESH, HELLO), (TAKEN_OVER, HELLO_AGAIN)] {
        let mut deflater = Deflater::new(direction, Level::DEFAULT);
        for (message, expected) in
            [(&b"Hello"[..], HELLO), (b"", &[0x00]), (b"", &[0x00]), (b"Hello", second)]
        {
            let mut payload = b"kept".to_vec();
            deflater.deflate(message, &mut payload);
            assert_eq!(payload, [b"kept", expected].concat(), "{direction:?}");
        }
    }
}

#[test]
fn their_frames_say_compressed_once() {
    let frames = |parts: &[(Part, &[u8])]| {
        let mut output = Vec::new();
        for &(part, payload) in parts {
            encode_piece(
                Piece { kind: Kind::Text, part, compressed: true, payload },
                None,
                &mut output,
            );
        }
        output
    };
    assert_eq!(frames(&[(Part::Whole, HELLO)]), b"\xC1\x07\xF2\x48\xCD\xC9\xC9\x07\0");
    let (front, back) = HELLO.split_at(3);
    assert_eq!(
        frames(&[(Part::First, front), (Part::Last, back)]),
        b"\x41\x03\xF2\x48\xCD\x80\x04\xC9\xC9\x07\0"
    );
}

#[test]
fn a_message_that_is_not_compressed_passes_between_two_that_are() {
    for direction in BOTH {
        let mut inflater = Inflater::new(direction);
        let mut message = Vec::new();
        for (part, compressed, payload) in [
            (Part::Whole, true, HELLO),
            (Part::First, false, b", "),
            (Part::Last, false, b"then "),
            (Part::First, true, &HELLO[..2]),
            (Part::Last, true, &HELLO[2..]),
        ] {
            let piece = Piece { kind: Kind::Text, part, compressed, payload };
            assert_eq!(inflater.inflate(piece, &Limits::default(), &mut message), Ok(()));
        }
        assert_eq!(message, b"Hello, then Hello");
    }
}
