//! The tokio adapter: what one side sends the other receives whole, whatever the cuts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use std::error::Error as _;

use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder as _, Encoder as _};
use ws_frame::{
    CloseCode, CodecError, EncodeError, Limits, MessageCodec, OwnedClose, OwnedEvent, ProtocolError,
};

fn client() -> MessageCodec {
    let mut key = 0_u32;
    MessageCodec::client(Limits::default(), move || {
        key = key.wrapping_add(0x9E37_79B9);
        key.to_be_bytes()
    })
}

fn server() -> MessageCodec {
    MessageCodec::server(Limits::default())
}

fn events() -> Vec<OwnedEvent> {
    vec![
        "příliš žluťoučký kůň".into(),
        vec![7; 70_000].into(),
        OwnedEvent::Ping(Bytes::from_static(b"there?")),
        "".into(),
        OwnedEvent::Pong(Bytes::from_static(b"there")),
        OwnedEvent::Close(Some(OwnedClose { code: CloseCode::GOING_AWAY, reason: "bye".into() })),
    ]
}

fn receive(codec: &mut MessageCodec, wire: &[u8], piece_bytes: usize) -> Vec<OwnedEvent> {
    let (mut source, mut received) = (BytesMut::new(), Vec::new());
    for piece in wire.chunks(piece_bytes) {
        source.extend_from_slice(piece);
        while let Some(message) = codec.decode(&mut source).unwrap() {
            received.push(message);
        }
    }
    assert_eq!(source, b""[..], "input left behind");
    received
}

#[test]
fn what_either_side_sends_the_other_receives_whatever_the_cuts() {
    for from_client in [true, false] {
        let side = || if from_client { (client(), server()) } else { (server(), client()) };
        let mut wire = BytesMut::new();
        for event in events() {
            side().0.encode(event, &mut wire).unwrap();
        }
        for piece_bytes in [1, 2, 3, 7, 1_400, 8_192, wire.len()] {
            assert_eq!(receive(&mut side().1, &wire, piece_bytes), events(), "{piece_bytes}");
        }
    }
}

#[test]
fn fragments_are_joined_around_the_control_frames_between_them() {
    let wire = b"\x01\x03caf\x89\x01?\x80\x02\xc3\xa9\x88\x00";
    for piece_bytes in 1..=wire.len() {
        let received = receive(&mut client(), wire, piece_bytes);
        let ping = OwnedEvent::Ping(Bytes::from_static(b"?"));
        assert_eq!(received, [ping, "café".into(), OwnedEvent::Close(None)]);
    }
}

#[test]
fn a_broken_frame_has_its_close_code() {
    let error = client().decode(&mut BytesMut::from(&b"\x81\x02\xc3\x28"[..])).unwrap_err();
    let CodecError::Protocol(error) = error else { panic!("{error}") };
    assert_eq!(error, ProtocolError::TextNotUtf8);
    assert_eq!(error.close_code(), CloseCode::INVALID_PAYLOAD);
}

#[test]
fn a_message_over_the_limit_is_refused_at_its_head() {
    let limits = Limits::new().message_bytes_max(4);
    let mut source = BytesMut::from(&b"\x81\x85\0\0\0\0"[..]);
    let error = MessageCodec::server(limits).decode(&mut source).unwrap_err();
    assert!(matches!(error, CodecError::Protocol(ProtocolError::MessageTooLong)), "{error}");
}

#[test]
fn a_stream_that_ends_inside_a_message_is_an_error() {
    for cut in [&b"\x81"[..], b"\x81\x05he", b"\x01\x02he", b"\x01\x02he\x89\x00"] {
        let (mut codec, mut source) = (client(), BytesMut::from(cut));
        let error = loop {
            match codec.decode_eof(&mut source) {
                Ok(message) => assert_ne!(message, None, "{cut:?} ends well"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.to_string(), "the stream failed");
        assert_eq!(error.source().unwrap().to_string(), "unexpected end of file");
    }
    for whole in [&b""[..], b"\x81\x02hi", b"\x01\x02he\x80\x00", b"\x88\x00"] {
        let (mut codec, mut source) = (client(), BytesMut::from(whole));
        while codec.decode_eof(&mut source).unwrap().is_some() {}
    }
}

#[test]
fn a_ping_that_cannot_be_is_refused_and_nothing_of_it_sent() {
    let mut output = BytesMut::new();
    let ping = OwnedEvent::Ping(Bytes::from(vec![0; 126]));
    let error = server().encode(ping, &mut output).unwrap_err();
    assert!(matches!(error, CodecError::Encode(EncodeError::ControlTooLong)), "{error}");
    assert_eq!(output, b""[..]);
}

/// The buffer is the caller's between two calls, also what was checked of it.
#[test]
fn a_text_that_is_written_over_while_it_arrives_is_refused() {
    let mut codec = server();
    let mut source = BytesMut::from(&b"\x81\x82\0\0\0\0a"[..]);
    assert!(codec.decode(&mut source).unwrap().is_none());
    source[0] = 0xFF;
    source.extend_from_slice(b"b");
    let error = codec.decode(&mut source).unwrap_err();
    assert!(matches!(error, CodecError::Protocol(ProtocolError::TextNotUtf8)), "{error}");
}
