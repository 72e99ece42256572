//! Any bytes, cut anywhere: `ws-frame` decodes what its naive twin decodes, and allocates nothing.
//!
//! An input is the role and what to await whole, the limits, a mask key, the cuts, and then the wire.
//! What was decoded is encoded again, whole and in fragments, and decoded once more.

#![no_main]

mod choices;
#[path = "../../crates/ws-frame/tests/specification/feed.rs"]
#[expect(dead_code, reason = "its assertions are for literal wires")]
mod feed;
#[path = "../../crates/ws-frame/tests/specification/naive.rs"]
mod naive;

use allocation_counter::measure;
use choices::{Choices, Cuts};
use feed::{Outcome, Received, receive};
use libfuzzer_sys::fuzz_target;
use ws_frame::{
    Close, CloseCode, Decoder, Kind, Limits, Mask, Part, PayloadLen, ProtocolError, Role,
    encode_binary, encode_close, encode_head, encode_ping, encode_pong, encode_text,
};

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let (role, whole_bytes_max) = match choices.byte() {
        even if even.is_multiple_of(2) => (Role::Server, u64::from(even) / 2),
        odd => (Role::Client, u64::from(odd) / 2),
    };
    let limits = Limits::new()
        .message_bytes_max(1 << (choices.byte() % 24))
        .fragments_max(choices.byte().into())
        .whole_bytes_max(0);
    let mask_key = [(); 4].map(|()| choices.byte());
    let cuts = choices.cuts();
    let wire = choices.wire();

    let expected = naive::receive(role, limits, wire);
    assert_eq!(receive(role, limits, [wire]), expected, "whole");
    assert_eq!(receive(role, limits, cuts.chunks(wire)), expected, "in chunks");
    assert_eq!(receive(role, limits, wire.chunks(1)), expected, "byte by byte");
    assert_awaits_the_same(role, limits.whole_bytes_max(whole_bytes_max), &cuts, wire, &expected);
    assert_allocates_nothing(role, limits, wire);
    assert_is_received_again(&expected.0, mask_key, &cuts);
});

/// A decoder that waits for small messages to be whole decodes the same, except that it does not report invalid
/// UTF-8 in a text that never ends.
fn assert_awaits_the_same(
    role: Role,
    limits: Limits,
    cuts: &Cuts,
    wire: &[u8],
    expected: &Outcome,
) {
    let awaited = receive(role, limits, [wire]);
    assert_eq!(receive(role, limits, cuts.chunks(wire)), awaited, "awaited, in chunks");
    assert_eq!(receive(role, limits, wire.chunks(1)), awaited, "awaited, byte by byte");
    let (received, error) = expected;
    match awaited.1 {
        None if *error == Some(ProtocolError::TextNotUtf8) => assert_eq!(awaited.0, *received),
        _ => assert_eq!(awaited, *expected),
    }
}

fn assert_allocates_nothing(role: Role, limits: Limits, wire: &[u8]) {
    let mut buffer = wire.to_vec();
    let mut input = &mut buffer[..];
    let mut decoder = Decoder::new(role);
    let allocated = measure(|| while let Ok(Some(_)) = decoder.decode(&mut input, &limits) {});
    assert_eq!(allocated.count_total, 0, "{allocated:?}");
}

fn assert_is_received_again(received: &[Received], mask_key: [u8; 4], cuts: &Cuts) {
    let expected = (received.to_vec(), None);
    for (role, mask_key) in [(Role::Server, Some(mask_key)), (Role::Client, None)] {
        let (mut whole, mut in_fragments) = (Vec::new(), Vec::new());
        for event in received {
            encode(event, mask_key, &mut whole);
            encode_fragments(event, mask_key, cuts, &mut in_fragments);
        }
        assert_eq!(receive(role, Limits::default(), [&whole[..]]), expected);
        assert_eq!(receive(role, Limits::default(), cuts.chunks(&in_fragments)), expected);
    }
}

fn encode(event: &Received, mask_key: Option<[u8; 4]>, output: &mut Vec<u8>) {
    let encoded = match event {
        Received::Text(text) => {
            encode_text(text, mask_key, output);
            Ok(())
        }
        Received::Binary(payload) => {
            encode_binary(payload, mask_key, output);
            Ok(())
        }
        Received::Ping(payload) => encode_ping(payload, mask_key, output),
        Received::Pong(payload) => encode_pong(payload, mask_key, output),
        Received::Close(close) => {
            let close = close.as_ref().map(|(code, reason)| Close {
                code: CloseCode::new(*code).expect("it was received, so it may travel"),
                reason,
            });
            encode_close(close, mask_key, output)
        }
    };
    assert_eq!(encoded, Ok(()), "{event:?} was received and cannot be said");
}

/// As [`encode`], with each message cut into fragments, each head apart from its payload.
fn encode_fragments(
    event: &Received,
    mask_key: Option<[u8; 4]>,
    cuts: &Cuts,
    output: &mut Vec<u8>,
) {
    let (kind, message) = match event {
        Received::Text(text) => (Kind::Text, text.as_bytes()),
        Received::Binary(payload) => (Kind::Binary, &payload[..]),
        control => return encode(control, mask_key, output),
    };
    let fragments = cuts.chunks(message);
    for (index, payload) in fragments.iter().enumerate() {
        let part = match (index == 0, index + 1 == fragments.len()) {
            (true, true) => Part::Whole,
            (true, false) => Part::First,
            (false, false) => Part::Middle,
            (false, true) => Part::Last,
        };
        encode_head(kind, part, PayloadLen::of(payload), mask_key, output);
        let head_end = output.len();
        output.extend_from_slice(payload);
        Mask::new(mask_key.unwrap_or_default()).apply(&mut output[head_end..]);
    }
}
