//! The vectors that implementations get wrong, as a client decodes them and, masked, as a server does: each whole, byte
//! by byte and, unless it is long, in any two parts.

use crate::feed::{Received, receive};
use ws_frame::ProtocolError::{
    AfterClose, ClosePayloadOneByte, ControlFragmented, ControlTooLong, IllegalCloseCode,
    LengthNotMinimal, LengthTooLarge, MessageTooLong, TextNotUtf8, TooManyFragments,
};
use ws_frame::{Limits, ProtocolError, Role};

/// Asserts what frames say, given as a server sends them; the last may be cut short.
#[track_caller]
fn say(frames: &[&[u8]], received: &[Received], error: impl Into<Option<ProtocolError>>) {
    let expected = (received.to_vec(), error.into());
    let masked: Vec<u8> = frames.iter().flat_map(|frame| mask(frame)).collect();
    for (role, wire) in [(Role::Client, frames.concat()), (Role::Server, masked)] {
        let limits = Limits::default();
        assert_eq!(receive(role, limits, [&wire[..]]), expected, "{role:?}, whole");
        assert_eq!(receive(role, limits, wire.chunks(1)), expected, "{role:?}, byte by byte");
        let cuts = if wire.len() < 1_000 { 1..wire.len() } else { 0..0 };
        for cut in cuts {
            let (front, back) = wire.split_at(cut);
            assert_eq!(receive(role, limits, [front, back]), expected, "{role:?}, cut at {cut}");
        }
    }
}

/// The same frame as a client sends it.
fn mask(frame: &[u8]) -> Vec<u8> {
    let head_len = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    let (head, payload) = frame.split_at(head_len.min(frame.len()));
    let payload = payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key);
    let head = [&[head[0], head[1] | 0x80], &head[2..], &KEY].concat();
    head.into_iter().chain(payload).collect()
}

fn text(text: &str) -> Received {
    Received::Text(text.into())
}

#[test]
fn a_length_in_a_longer_form_than_it_needs() {
    for len in [0, 1, 125] {
        say(&[&[0x82, 126, 0, len]], &[], LengthNotMinimal);
        say(&[&[0x82, 127, 0, 0, 0, 0, 0, 0, 0, len]], &[], LengthNotMinimal);
    }
    say(&[&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]], &[], LengthNotMinimal);
    let shortest = [&[0x82, 126, 0, 126][..], &[7; 126]].concat();
    say(&[&shortest], &[Received::Binary(vec![7; 126])], None);
}

#[test]
fn a_length_that_nobody_can_have() {
    say(&[&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]], &[], LengthTooLarge);
    say(&[&[0x82, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]], &[], MessageTooLong);
    say(&[&[0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0]], &[], MessageTooLong);
    say(&[&[0x01, 1, b'a'], &[0x80, 127, 0, 0, 1, 0, 0, 0, 0, 0]], &[], MessageTooLong);
}

#[test]
fn a_control_frame_that_is_too_long_or_in_fragments() {
    for opcode in [0x8, 0x9, 0xA] {
        say(&[&[0x80 | opcode, 126, 0, 126]], &[], ControlTooLong);
        say(&[&[0x80 | opcode, 127, 0, 0, 0, 0, 0, 1, 0, 0]], &[], ControlTooLong);
        say(&[&[opcode, 0], &[0x80, 0]], &[], ControlFragmented);
    }
}

#[test]
fn a_close_of_one_byte_and_codes_that_may_or_may_not_travel() {
    say(&[&[0x88, 1, 3]], &[], ClosePayloadOneByte);
    say(&[&[0x88, 0]], &[Received::Close(None)], None);
    for code in [1000, 1003, 1007, 1012, 1013, 1014, 3000, 4999_u16] {
        let [high, low] = code.to_be_bytes();
        let close = Received::Close(Some((code, "é".into())));
        say(&[&[0x88, 4, high, low, 0xC3, 0xA9]], &[close], None);
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000_u16] {
        let [high, low] = code.to_be_bytes();
        say(&[&[0x88, 2, high, low]], &[], IllegalCloseCode(code));
    }
}

#[test]
fn a_text_that_an_empty_fragment_ends_inside_a_code_point_and_then_another() {
    let hello = &[0x81, 5, b'H', b'e', b'l', b'l', b'o'][..];
    for cut in [&[0x01, 1, 0xC3][..], &[0x01, 2, 0xE2, 0x82], &[0x01, 3, 0xF0, 0x90, 0x8D]] {
        say(&[hello, cut, &[0x80, 0], hello], &[text("Hello")], TextNotUtf8);
        // What completes it is too late in a message of its own.
        say(&[cut, &[0x80, 0], &[0x81, 1, 0x88]], &[], TextNotUtf8);
        say(&[cut, &[0x00, 0], &[0x80, 0], hello], &[], TextNotUtf8);
    }
    let whole = [&[0x01, 2, 0xE2, 0x82][..], &[0x00, 1, 0xAC], &[0x80, 0], hello];
    say(&whole, &[text("€"), text("Hello")], None);
}

#[test]
fn bad_text_at_the_front_of_a_frame_that_has_hardly_begun() {
    for bad in [&[0xFF][..], &[b'a', 0xC0], &[0xED, 0xA0], &[0xC3, b'('], &[0xF4, 0x90]] {
        say(&[&[&[0x81, 126, 0xFF, 0xFF], bad].concat()], &[], TextNotUtf8);
        say(&[&[&[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0], bad].concat()], &[], TextNotUtf8);
        say(&[&[0x01, 1, b'a'], &[&[0x80, 100], bad].concat()], &[], TextNotUtf8);
    }
}

#[test]
fn a_pong_and_a_ping_between_fragments() {
    say(
        &[&[0x01, 1, 0xC3], &[0x8A, 1, b'?'], &[0x00, 0], &[0x89, 0], &[0x80, 1, 0xA9]],
        &[Received::Pong(b"?".into()), Received::Ping(b"".into()), text("é")],
        None,
    );
}

#[test]
fn a_hundred_thousand_empty_fragments() {
    let mut frames = vec![&[0x00, 0][..]; 100_000];
    frames[0] = &[0x01, 0];
    frames[99_999] = &[0x80, 0];
    say(&frames, &[], TooManyFragments);
    // Many empty messages are no such thing.
    say(&vec![&[0x81, 0][..]; 100_000], &vec![text(""); 100_000], None);
}

#[test]
fn anything_after_a_close() {
    let close = [Received::Close(Some((1000, String::new())))];
    for behind in [&[0x81, 0][..], &[0x88, 0], &[0x89, 0], &[0x80, 0], &[0xFF, 0]] {
        say(&[&[0x88, 2, 0x03, 0xE8], behind], &close, AfterClose);
    }
}

const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
