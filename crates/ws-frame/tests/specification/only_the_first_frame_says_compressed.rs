//! The first reserved bit: once agreed on, it marks the first frame of a message and no other.

use ws_frame::ProtocolError::{ContinuationWithoutStart, ControlFragmented, ReservedBits};
use ws_frame::{Decoder, Event, Kind, Limits, ProtocolError, Role};

use crate::feed::{Received, refuses};

/// A message's kind, whether it was compressed, and its payload.
type Message = (Kind, bool, Vec<u8>);

/// The messages of a server that may compress, and the error that ended them.
fn receive<'a>(
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Message>, Option<ProtocolError>) {
    let mut decoder = Decoder::new(Role::Client).allow_compressed();
    let (mut messages, mut unfinished) = (Vec::new(), Vec::new());
    let mut open: Option<Message> = None;
    for chunk in chunks {
        unfinished.extend_from_slice(chunk);
        let mut buffer = std::mem::take(&mut unfinished);
        let mut input = &mut buffer[..];
        loop {
            match decoder.decode(&mut input, &Limits::default()) {
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
                Ok(Some(Event::Text(text))) => messages.push((Kind::Text, false, text.into())),
                Ok(Some(Event::Binary(bytes))) => {
                    messages.push((Kind::Binary, false, bytes.into()))
                }
                Ok(Some(Event::Piece(piece))) => {
                    assert_eq!(piece.part.begins(), open.is_none());
                    let message = open.get_or_insert((piece.kind, piece.compressed, vec![]));
                    assert_eq!((message.0, message.1), (piece.kind, piece.compressed));
                    message.2.extend_from_slice(piece.payload);
                    messages.extend(if piece.part.ends() { open.take() } else { None });
                }
                Ok(Some(_)) => {}
            }
        }
        unfinished = input.to_vec();
    }
    (messages, None)
}

#[track_caller]
fn receives(wire: &[u8], messages: &[Message], error: Option<ProtocolError>) {
    let expected = (messages.to_vec(), error);
    assert_eq!(receive([wire]), expected, "whole");
    assert_eq!(receive(wire.chunks(1)), expected, "byte by byte");
    for cut in 0..wire.len() {
        let (front, back) = wire.split_at(cut);
        assert_eq!(receive([front, back]), expected, "cut at {cut}");
    }
}

#[test]
fn compressed_messages_are_handed_out_as_they_came() {
    // Not UTF-8, which shows only once it is inflated.
    let hello = b"\xF2\x48\xCD\xC9\xC9\x07\0".to_vec();
    let compressed = (Kind::Text, true, hello.clone());
    let alone = std::slice::from_ref(&compressed);
    receives(b"\xC1\x07\xF2\x48\xCD\xC9\xC9\x07\0", alone, None);
    receives(b"\xC2\x07\xF2\x48\xCD\xC9\xC9\x07\0", &[(Kind::Binary, true, hello)], None);
    receives(b"\x41\x03\xF2\x48\xCD\x00\x00\x80\x04\xC9\xC9\x07\0", alone, None);
    receives(
        b"\x41\x01\xF2\x89\x01p\x80\x06\x48\xCD\xC9\xC9\x07\0\x81\x02hi\x01\x01h\x80\x01i\xC1\0",
        &[
            compressed,
            (Kind::Text, false, b"hi".to_vec()),
            (Kind::Text, false, b"hi".to_vec()),
            (Kind::Text, true, vec![]),
        ],
        None,
    );
}

#[test]
fn the_bit_is_refused_on_every_other_frame() {
    for (wire, error) in [
        (&b"\x41\x01\xF2\xC0\x00"[..], ReservedBits),
        (b"\x41\x01\xF2\x40\x00", ReservedBits),
        (b"\x01\x01h\xC0\x01i", ReservedBits),
        (b"\xC0\x00", ContinuationWithoutStart),
        (b"\xC8\x00", ReservedBits),
        (b"\xC9\x00", ReservedBits),
        (b"\xCA\x00", ReservedBits),
        (b"\x41\x01\xF2\xC9\x00", ReservedBits),
        (b"\x49\x00", ReservedBits),
        (b"\x09\x00", ControlFragmented),
    ] {
        receives(wire, &[], Some(error));
    }
}

#[test]
fn the_other_reserved_bits_stay_refused() {
    for first in [0xA1, 0x91, 0xB1, 0xE1, 0xD1, 0xF1, 0xE2, 0xD2, 0x60, 0x50] {
        receives(&[first, 0], &[], Some(ReservedBits));
    }
}

#[test]
fn without_an_agreement_it_is_refused_everywhere() {
    for first in [0xC1, 0xC2, 0x41, 0x42, 0xC0, 0xC9] {
        refuses(Role::Client, &[first], &[], ReservedBits);
        let after = [b"\x81\x02hi", &[first][..]].concat();
        refuses(Role::Client, &after, &[Received::Text("hi".into())], ReservedBits);
    }
}

#[test]
fn a_text_that_is_not_compressed_is_checked_all_the_same() {
    receives(b"\x81\x01\xFF", &[], Some(ProtocolError::TextNotUtf8));
    receives(b"\x01\x01\xC3\x80\x01(", &[], Some(ProtocolError::TextNotUtf8));
}
