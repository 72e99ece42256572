//! A close has a reason, or is refused; either way nothing is accepted after it.

use ws_frame::ProtocolError::{
    AfterClose, ClosePayloadOneByte, CloseReasonNotUtf8, IllegalCloseCode,
};
use ws_frame::{CloseCode, Decoder, Limits, Role};

use crate::feed::{Received, receive, refuses};

#[test]
fn every_legal_code_is_decoded_and_every_other_refused() {
    for code in [0, 1, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006]
        .into_iter()
        .chain(1007..=1016)
        .chain([1100, 2000, 2999, 3000, 3999, 4000, 4999, 5000, 0xFFFF])
    {
        let [high, low] = u16::to_be_bytes(code);
        let wire = [0x88, 2, high, low];
        let legal = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
        if legal.contains(&code) || [3000, 3999, 4000, 4999].contains(&code) {
            let close = Received::Close(Some((code, String::new())));
            assert_eq!(
                receive(Role::Client, Limits::default(), wire.chunks(1)),
                (vec![close], None)
            );
        } else {
            refuses(Role::Client, &wire, &[], IllegalCloseCode(code));
        }
    }
}

#[test]
fn a_payload_that_says_nothing_sensible_is_refused() {
    assert_eq!(ClosePayloadOneByte.close_code(), CloseCode::PROTOCOL_ERROR);
    assert_eq!(IllegalCloseCode(1005).close_code(), CloseCode::PROTOCOL_ERROR);
    assert_eq!(CloseReasonNotUtf8.close_code(), CloseCode::INVALID_PAYLOAD);
    refuses(Role::Client, &[0x88, 1, 3], &[], ClosePayloadOneByte);
    refuses(Role::Client, b"\x88\x04\x03\xe8\xc3\x28", &[], CloseReasonNotUtf8);
    refuses(Role::Client, b"\x88\x03\x03\xe8\xc3", &[], CloseReasonNotUtf8);
}

#[test]
fn a_reason_may_take_123_bytes() {
    let reason = "é".repeat(61) + "!";
    let wire = [&[0x88, 125, 0x03, 0xE8], reason.as_bytes()].concat();
    let expected = (vec![Received::Close(Some((1000, reason)))], None);
    assert_eq!(receive(Role::Client, Limits::default(), [&wire[..]]), expected);
    assert_eq!(receive(Role::Client, Limits::default(), wire.chunks(1)), expected);
}

#[test]
fn whatever_comes_behind_it_is_refused() {
    for behind in [0x81, 0x88, 0x89, 0x00, 0xFF] {
        refuses(Role::Client, &[0x88, 0, behind], &[Received::Close(None)], AfterClose);
    }
}

#[test]
fn an_error_ends_it_too_and_an_empty_buffer_asks_for_nothing() {
    let (mut decoder, limits) = (Decoder::new(Role::Server), Limits::default());
    let mut wire = *b"\x81\x02hi";
    assert!(decoder.decode(&mut &mut wire[..], &limits).is_err());
    let mut wire = *b"\x81\x82\x00\x00\x00\x00hi";
    assert_eq!(decoder.decode(&mut &mut wire[..], &limits), Err(AfterClose));
    assert_eq!(decoder.decode(&mut &mut [][..], &limits), Ok(None));
}
