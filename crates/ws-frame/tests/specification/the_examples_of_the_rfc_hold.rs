//! The frames of <https://www.rfc-editor.org/rfc/rfc6455#section-5.7>, both ways.

use ws_frame::{
    Kind, Part, Piece, Role, encode_binary, encode_piece, encode_ping, encode_pong, encode_text,
};

use crate::feed::{Received, receives};

const HELLO: &[u8] = b"\x81\x05Hello";
const HELLO_MASKED: &[u8] = &[0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58];
const HELLO_IN_FRAGMENTS: &[u8] = b"\x01\x03Hel\x80\x02lo";
const PING: &[u8] = b"\x89\x05Hello";
const PONG_MASKED: &[u8] = &[0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58];
const BYTES_256_HEAD: &[u8] = &[0x82, 0x7E, 0x01, 0x00];
const BYTES_64_KIB_HEAD: &[u8] = &[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0];
const KEY: Option<[u8; 4]> = Some([0x37, 0xFA, 0x21, 0x3D]);

#[test]
fn they_decode() {
    let hello = [Received::Text("Hello".into())];
    receives(Role::Client, HELLO, &hello);
    receives(Role::Server, HELLO_MASKED, &hello);
    receives(Role::Client, HELLO_IN_FRAGMENTS, &hello);
    receives(Role::Client, PING, &[Received::Ping(b"Hello".into())]);
    receives(Role::Server, PONG_MASKED, &[Received::Pong(b"Hello".into())]);
    for (head, len) in [(BYTES_256_HEAD, 256), (BYTES_64_KIB_HEAD, 65_536)] {
        let payload = vec![0xA5; len];
        receives(Role::Client, &[head, &payload].concat(), &[Received::Binary(payload)]);
    }
}

#[test]
fn they_encode() {
    let encoded = |encode: &dyn Fn(&mut Vec<u8>)| {
        let mut output = b"kept".to_vec();
        encode(&mut output);
        output.split_off(4)
    };
    assert_eq!(encoded(&|output| encode_text("Hello", None, output)), HELLO);
    assert_eq!(encoded(&|output| encode_text("Hello", KEY, output)), HELLO_MASKED);
    assert_eq!(encoded(&|output| assert!(encode_ping(b"Hello", None, output).is_ok())), PING);
    assert_eq!(encoded(&|output| assert!(encode_pong(b"Hello", KEY, output).is_ok())), PONG_MASKED);
    for (head, len) in [(BYTES_256_HEAD, 256), (BYTES_64_KIB_HEAD, 65_536)] {
        let payload = vec![0xA5; len];
        let output = encoded(&|output| encode_binary(&payload, None, output));
        assert_eq!(output, [head, &payload].concat());
    }
    let in_fragments = encoded(&|output| {
        for (part, payload) in [(Part::First, &b"Hel"[..]), (Part::Last, b"lo")] {
            encode_piece(
                Piece { kind: Kind::Text, part, compressed: false, payload },
                None,
                output,
            );
        }
    });
    assert_eq!(in_fragments, HELLO_IN_FRAGMENTS);
}
