//! Everything that one side encodes the other decodes, at every edge of the lengths.

use ws_frame::{
    Close, CloseCode, EncodeError, Kind, Limits, Mask, Part, PayloadLen, Piece, Role,
    encode_binary, encode_close, encode_head, encode_piece, encode_ping, encode_pong, encode_text,
};

use crate::feed::{Received, receive};

/// Who receives, and the key the other side masks by.
const SIDES: [(Role, Option<[u8; 4]>); 3] = [
    (Role::Client, None),
    (Role::Server, Some([0x37, 0xFA, 0x21, 0x3D])),
    (Role::Server, Some([0; 4])),
];

#[test]
fn messages_of_every_width() {
    let lengths = (0..=140).chain(65_526..=65_545);
    for (len, (role, key)) in lengths.flat_map(|len| SIDES.map(|side| (len, side))) {
        let payload: Vec<u8> = (0..len).map(|at| (at * 7) as u8).collect();
        let text: String = payload.iter().map(|byte| char::from(byte & 0x7F)).collect();
        let mut wire = Vec::new();
        encode_text(&text, key, &mut wire);
        encode_binary(&payload, key, &mut wire);
        encode_head(Kind::Binary, Part::Whole, PayloadLen::of(&payload), key, &mut wire);
        let head_end = wire.len();
        wire.extend_from_slice(&payload);
        Mask::new(key.unwrap_or_default()).apply(&mut wire[head_end..]);

        let binary = Received::Binary(payload);
        let expected = (vec![Received::Text(text), binary.clone(), binary], None);
        assert_eq!(receive(role, Limits::default(), [&wire[..]]), expected);
        assert_eq!(receive(role, Limits::default(), wire.chunks(1_400)), expected);
    }
}

#[test]
fn messages_in_fragments_with_control_frames_between() {
    for (role, key) in SIDES {
        for kind in [Kind::Text, Kind::Binary] {
            let mut wire = Vec::new();
            let mut fragment = |part, payload| {
                encode_piece(Piece { kind, part, compressed: false, payload }, key, &mut wire);
                encode_ping(payload, key, &mut wire)
            };
            assert_eq!(fragment(Part::First, &[0xE2]), Ok(()));
            assert_eq!(fragment(Part::Middle, &[0x82]), Ok(()));
            assert_eq!(fragment(Part::Middle, &[]), Ok(()));
            assert_eq!(fragment(Part::Last, &[0xAC]), Ok(()));
            assert_eq!(fragment(Part::Whole, b"!"), Ok(()));

            let message = |bytes: &[u8]| match kind {
                Kind::Text => Received::Text(String::from_utf8_lossy(bytes).into()),
                Kind::Binary => Received::Binary(bytes.into()),
            };
            let ping = |payload: &[u8]| Received::Ping(payload.into());
            let received = [
                ping(&[0xE2]),
                ping(&[0x82]),
                ping(&[]),
                message(&[0xE2, 0x82, 0xAC]),
                ping(&[0xAC]),
                message(b"!"),
                ping(b"!"),
            ];
            assert_eq!(receive(role, Limits::default(), wire.chunks(1)), (received.into(), None));
        }
    }
}

#[test]
fn control_frames_up_to_their_limit() {
    for (role, key) in SIDES {
        let reason = "r".repeat(123);
        let close = Close { code: CloseCode::SERVICE_RESTART, reason: &reason };
        let mut wire = Vec::new();
        assert_eq!(encode_ping(&[7; 125], key, &mut wire), Ok(()));
        assert_eq!(encode_pong(&[], key, &mut wire), Ok(()));
        assert_eq!(encode_close(Some(close), key, &mut wire), Ok(()));
        let close = Received::Close(Some((1012, reason.clone())));
        let received = [Received::Ping(vec![7; 125]), Received::Pong(vec![]), close];
        assert_eq!(receive(role, Limits::default(), [&wire[..]]), (received.into(), None));

        let mut wire = Vec::new();
        assert_eq!(encode_close(None, key, &mut wire), Ok(()));
        let received = vec![Received::Close(None)];
        assert_eq!(receive(role, Limits::default(), [&wire[..]]), (received, None));
    }
}

#[test]
fn control_frames_past_their_limit_are_not_begun() {
    let reason = "r".repeat(124);
    let close = Close { code: CloseCode::NORMAL, reason: &reason };
    let mut wire = b"kept".to_vec();
    let refused = Err(EncodeError::ControlTooLong);
    assert_eq!(encode_ping(&[0; 126], None, &mut wire), refused);
    assert_eq!(encode_pong(&[0; 126], Some([1; 4]), &mut wire), refused);
    assert_eq!(encode_close(Some(close), None, &mut wire), refused);
    assert_eq!(wire, b"kept");
}

#[test]
fn a_length_of_2_to_the_63_cannot_be_named() {
    assert_eq!(PayloadLen::new(1 << 63), None);
    assert_eq!(PayloadLen::new((1 << 63) - 1).map(PayloadLen::bytes), Some((1 << 63) - 1));
}
