//! Each rule of a header, broken alone, and broken after a message that is still decoded.

use ws_frame::ProtocolError::{
    ContinuationWithoutStart, ControlFragmented, ControlTooLong, LengthNotMinimal, LengthTooLarge,
    Masked, MessageInsideMessage, ReservedBits, UnknownOpcode, Unmasked,
};
use ws_frame::{CloseCode, Role};

use crate::feed::{Received, refuses};

#[test]
fn by_either_side() {
    for (wire, error) in [
        (&[0xC1][..], ReservedBits),
        (&[0xA1], ReservedBits),
        (&[0x91], ReservedBits),
        (&[0xC9], ReservedBits),
        (&[0x83], UnknownOpcode(3)),
        (&[0x07], UnknownOpcode(7)),
        (&[0x8B], UnknownOpcode(11)),
        (&[0x8F], UnknownOpcode(15)),
        (&[0x08], ControlFragmented),
        (&[0x09], ControlFragmented),
        (&[0x0A], ControlFragmented),
        (&[0x88, 126], ControlTooLong),
        (&[0x89, 126], ControlTooLong),
        (&[0x8A, 127], ControlTooLong),
        (&[0x81, 126, 0, 125], LengthNotMinimal),
        (&[0x82, 126, 0, 0], LengthNotMinimal),
        (&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], LengthNotMinimal),
        (&[0x82, 127, 0, 0, 0, 0, 0, 0, 0, 1], LengthNotMinimal),
        (&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], LengthTooLarge),
        (&[0x82, 127, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], LengthTooLarge),
        (&[0x80, 0], ContinuationWithoutStart),
        (&[0x00, 5], ContinuationWithoutStart),
        (&[0x01, 0, 0x81, 0], MessageInsideMessage),
        (&[0x02, 0, 0x00, 0, 0x02, 0], MessageInsideMessage),
        (&[0x02, 1, 7, 0x81, 0], MessageInsideMessage),
    ] {
        assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
        refuses(Role::Client, wire, &[], error);
        let after = [b"\x81\x02hi", wire].concat();
        refuses(Role::Client, &after, &[Received::Text("hi".into())], error);
        let after = [b"\x01\x01h\x80\x01i", wire].concat();
        refuses(Role::Client, &after, &[Received::Text("hi".into())], error);
    }
}

#[test]
fn by_the_mask_of_the_wrong_side() {
    for opcode in [0x81, 0x82, 0x88, 0x89, 0x8A] {
        for len in [0, 5, 125] {
            refuses(Role::Server, &[opcode, len], &[], Unmasked);
            refuses(Role::Client, &[opcode, 0x80 | len], &[], Masked);
        }
    }
}
