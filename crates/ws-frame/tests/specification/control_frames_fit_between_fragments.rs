//! Control frames come whole, in order, also inside a message, which they leave as it is.

use ws_frame::Role;

use crate::feed::{Received, receive, receives};

#[test]
fn a_ping_and_a_pong_inside_a_text() {
    receives(
        Role::Client,
        b"\x01\x03Hel\x89\x01?\x00\x00\x8a\x00\x80\x02lo\x8a\x02ok",
        &[
            Received::Ping(b"?".into()),
            Received::Pong(b"".into()),
            Received::Text("Hello".into()),
            Received::Pong(b"ok".into()),
        ],
    );
}

#[test]
fn a_ping_inside_a_code_point() {
    receives(
        Role::Client,
        b"\x01\x01\xc3\x89\x02\xff\xfe\x80\x01\xa9",
        &[Received::Ping(vec![0xFF, 0xFE]), Received::Text("é".into())],
    );
}

#[test]
fn a_close_inside_a_message() {
    let expected = (vec![Received::Close(Some((1001, "bye".into())))], None);
    let wire = b"\x01\x03Hel\x88\x05\x03\xe9bye";
    assert_eq!(receive(Role::Client, Default::default(), [&wire[..]]), expected);
    assert_eq!(receive(Role::Client, Default::default(), wire.chunks(1)), expected);
}

#[test]
fn the_longest_payload_of_125_bytes() {
    let payload = [0x55; 125];
    let plain = [&[0x89, 125][..], &payload].concat();
    receives(Role::Client, &plain, &[Received::Ping(payload.into())]);
    let masked = [&[0x8A, 0x80 | 125, 0x55, 0x55, 0x55, 0x55][..], &payload].concat();
    receives(Role::Server, &masked, &[Received::Pong(vec![0; 125])]);
}
