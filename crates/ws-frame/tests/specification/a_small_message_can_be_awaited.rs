//! With a limit set for it, a message in one frame comes whole or not yet; longer ones in pieces.

use ws_frame::{Decoder, Event, Kind, Limits, Part, Piece, ProtocolError, Role};

const LIMITS: Limits = Limits::new().message_bytes_max(100).fragments_max(10).whole_bytes_max(4);

#[test]
fn until_its_last_byte_nothing_is_taken() {
    for end in 0..6 {
        let mut wire = *b"\x81\x04four";
        let mut input = &mut wire[..end];
        assert_eq!(Decoder::new(Role::Client).decode(&mut input, &LIMITS), Ok(None));
        assert_eq!(input, &b"\x81\x04four"[..end]);
    }
    let mut wire = *b"\x81\x04four!";
    let mut input = &mut wire[..];
    let event = Decoder::new(Role::Client).decode(&mut input, &LIMITS);
    assert_eq!((event, &*input), (Ok(Some(Event::Text("four"))), &b"!"[..]));
}

#[test]
fn a_byte_more_than_the_limit_and_it_comes_in_pieces() {
    let mut wire = *b"\x82\x05fiv";
    let mut input = &mut wire[..];
    let piece = Piece { kind: Kind::Binary, part: Part::First, compressed: false, payload: b"fiv" };
    let event = Decoder::new(Role::Client).decode(&mut input, &LIMITS);
    assert_eq!((event, &*input), (Ok(Some(Event::Piece(piece))), &b""[..]));
}

#[test]
fn a_fragment_is_not_awaited() {
    let mut wire = *b"\x01\x04fo";
    let mut input = &mut wire[..];
    let piece = Piece { kind: Kind::Text, part: Part::First, compressed: false, payload: b"fo" };
    let event = Decoder::new(Role::Client).decode(&mut input, &LIMITS);
    assert_eq!((event, &*input), (Ok(Some(Event::Piece(piece))), &b""[..]));
}

#[test]
fn a_compressed_message_is_awaited_too() {
    let mut decoder = Decoder::new(Role::Client).allow_compressed();
    let mut wire = *b"\xc2\x04fou";
    let mut input = &mut wire[..];
    assert_eq!(decoder.decode(&mut input, &LIMITS), Ok(None));
    assert_eq!(input, b"\xc2\x04fou");
}

#[test]
fn broken_text_is_refused_once_it_is_whole() {
    let mut decoder = Decoder::new(Role::Client);
    let mut wire = *b"\x81\x04\xff\xff\xff\xff";
    let mut input = &mut wire[..5];
    assert_eq!(decoder.decode(&mut input, &LIMITS), Ok(None));
    let mut input = &mut wire[..];
    assert_eq!(decoder.decode(&mut input, &LIMITS), Err(ProtocolError::TextNotUtf8));
}
