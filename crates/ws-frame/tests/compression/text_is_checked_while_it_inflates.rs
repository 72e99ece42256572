//! A compressed text is UTF-8 across every cut, and refused at the first byte that is wrong.

use ws_frame::ProtocolError::TextNotUtf8;
use ws_frame::deflate::Inflater;
use ws_frame::{Kind, Limits, Part, Piece};

use crate::feed::{BOTH, inflates};

/// A message in one stored block.
fn stored(message: &[u8]) -> Vec<u8> {
    let len = message.len() as u16;
    [&[0], &len.to_le_bytes()[..], &(!len).to_le_bytes(), message, &[0]].concat()
}

#[test]
fn a_text_is_decoded_wherever_it_is_cut() {
    for text in ["", "~", "Grüße, 世界 \u{1F30D}"] {
        inflates(Kind::Text, &stored(text.as_bytes()), &Ok(text.into()));
    }
}

#[test]
fn what_is_not_utf8_is_refused_in_a_text_alone() {
    for message in [&b"a\xFFb"[..], b"\xC0\x80", b"\xED\xA0\x80", b"gr\xC3", b"\xF0\x9F\x8C"] {
        inflates(Kind::Text, &stored(message), &Err(TextNotUtf8));
        inflates(Kind::Binary, &stored(message), &Ok(message.to_vec()));
    }
}

#[test]
fn it_is_refused_before_the_message_ends() {
    let payload = stored(b"\xED\xA0 and so on");
    for direction in BOTH {
        let mut inflater = Inflater::new(direction);
        let mut receive = |part, payload| {
            let piece = Piece { kind: Kind::Text, part, compressed: true, payload };
            inflater.inflate(piece, &Limits::default(), &mut Vec::new())
        };
        assert_eq!(receive(Part::First, &payload[..6]), Ok(()));
        assert_eq!(receive(Part::Middle, &payload[6..7]), Err(TextNotUtf8));
    }
}

#[test]
fn the_next_text_begins_again() {
    for direction in BOTH {
        let mut inflater = Inflater::new(direction);
        let (first, second) = (stored("é".as_bytes()), stored(b"e"));
        for (part, payload) in
            [(Part::First, &first[..6]), (Part::Last, &first[6..]), (Part::Whole, &second)]
        {
            let piece = Piece { kind: Kind::Text, part, compressed: true, payload };
            assert_eq!(inflater.inflate(piece, &Limits::default(), &mut Vec::new()), Ok(()));
        }
    }
}
