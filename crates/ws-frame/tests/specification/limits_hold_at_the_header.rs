//! A message that will pass a limit is refused before any of its payload is there.

use ws_frame::ProtocolError::{MessageTooLong, TooManyFragments};
use ws_frame::{CloseCode, Decoder, Event, Limits, Part, Role};

use crate::feed::{Listener, Received, refuses, refuses_within};

#[test]
fn a_declared_length_of_any_size() {
    assert_eq!(MessageTooLong.close_code(), CloseCode::MESSAGE_TOO_BIG);
    for wire in [
        &[0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0][..],
        &[0x81, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        &[0x02, 127, 0, 0, 0, 0, 1, 0, 0, 1],
    ] {
        refuses(Role::Client, wire, &[], MessageTooLong);
    }
}

#[test]
fn the_sum_over_fragments() {
    let limits = Limits::new().message_bytes_max(5);
    refuses_within(limits, Role::Client, b"\x01\x03Hel\x80\x03", &[], MessageTooLong);
    refuses_within(limits, Role::Client, b"\x82\x06", &[], MessageTooLong);

    let mut listener = Listener::new(Role::Client, limits);
    listener.take(b"\x01\x03Hel\x89\x04ping\x80\x02lo\x82\x05again");
    let received = [Received::Ping(b"ping".into()), Received::Text("Hello".into())];
    let again = Received::Binary(b"again".into());
    assert_eq!(listener.outcome(), ([&received[..], &[again]].concat(), None));
}

#[test]
fn the_count_of_fragments() {
    assert_eq!(TooManyFragments.close_code(), CloseCode::MESSAGE_TOO_BIG);
    let limits = Limits::new().fragments_max(2);
    refuses_within(limits, Role::Client, &[0x01, 0, 0x00, 0, 0x80, 0], &[], TooManyFragments);

    let mut listener = Listener::new(Role::Client, limits);
    listener.take(&[0x01, 0, 0x80, 0].repeat(3));
    assert_eq!(listener.outcome(), (vec![Received::Text(String::new()); 3], None));
}

#[test]
fn a_message_in_one_frame_is_never_too_many_however_it_is_cut() {
    let limits = Limits::new().fragments_max(0);
    for wire in [&b"\x82\x02hi"[..], &[0x82, 0]] {
        let mut listener = Listener::new(Role::Client, limits);
        for byte in wire.chunks(1) {
            listener.take(byte);
        }
        listener.take(wire);
        let received = Received::Binary(wire[2..].into());
        assert_eq!(listener.outcome(), (vec![received.clone(), received], None));
    }
    refuses_within(limits, Role::Client, &[0x02, 0, 0x80, 0], &[], TooManyFragments);
}

#[test]
fn by_default_65_537_fragments_pass_and_one_more_does_not() {
    for (count, passes) in [(65_537, true), (65_538, false), (100_000, false)] {
        let mut wire = [0x00, 0].repeat(count);
        wire[0] = 0x02;
        wire[2 * count - 2] = 0x80;
        let mut decoder = Decoder::new(Role::Client);
        let mut input = &mut wire[..];
        let outcome = loop {
            match decoder.decode(&mut input, &Limits::default()) {
                Ok(Some(Event::Piece(piece))) if piece.part == Part::Last => break Ok(()),
                Ok(Some(_)) => {}
                Ok(None) => panic!("the last fragment is there"),
                Err(error) => break Err(error),
            }
        };
        assert_eq!(outcome, if passes { Ok(()) } else { Err(TooManyFragments) });
    }
}
