//! Text that is not UTF-8 is refused at the byte that shows it, wherever a cut falls.

use ws_frame::ProtocolError::TextNotUtf8;
use ws_frame::{CloseCode, Role};

use crate::feed::{Received, receives, refuses};

#[test]
fn code_points_may_be_cut_anywhere() {
    let text = "aé€\u{10348}\u{10FFFF}\u{D7FF}\u{E000}z";
    let len = text.len() as u8;
    let whole = [&[0x81, len], text.as_bytes()].concat();
    receives(Role::Client, &whole, &[Received::Text(text.into())]);
    let mut in_single_bytes = vec![0x01, 0];
    for byte in text.bytes() {
        in_single_bytes.extend([0x00, 1, byte]);
    }
    in_single_bytes.extend([0x80, 0]);
    receives(Role::Client, &in_single_bytes, &[Received::Text(text.into())]);
}

#[test]
fn a_bad_byte_is_refused_before_its_frame_has_ended() {
    assert_eq!(TextNotUtf8.close_code(), CloseCode::INVALID_PAYLOAD);
    for bad in [
        &[0x80][..],
        &[0xC0],
        &[0xC1],
        &[0xF5],
        &[0xFF],
        &[0xC3, 0x28],
        &[0xE0, 0x9F],
        &[0xED, 0xA0],
        &[0xE2, 0x82, 0x28],
        &[0xF0, 0x8F],
        &[0xF4, 0x90],
        &[0xF0, 0x90, 0x8D, 0x28],
    ] {
        refuses(Role::Client, &[&[0x81, 126, 1, 0], bad].concat(), &[], TextNotUtf8);
        refuses(Role::Client, &[b"\x01\x7d plain ", bad].concat(), &[], TextNotUtf8);
        let (front, last) = bad.split_at(bad.len() - 1);
        let cut = [&[0x01, front.len() as u8], front, &[0x00, 9], last].concat();
        refuses(Role::Client, &cut, &[], TextNotUtf8);
    }
}

#[test]
fn a_text_may_not_end_inside_a_code_point() {
    for cut in [&[0xC3][..], &[0xE2, 0x82], &[0xF0], &[0xF0, 0x90, 0x8D]] {
        let len = cut.len() as u8;
        refuses(Role::Client, &[&[0x81, len], cut].concat(), &[], TextNotUtf8);
        let empty_last = [&[0x01, len], cut, &[0x00, 0, 0x80, 0]].concat();
        refuses(Role::Client, &empty_last, &[], TextNotUtf8);
    }
}

#[test]
fn binary_may_hold_anything_and_leaves_nothing_for_the_text_behind_it() {
    receives(
        Role::Client,
        b"\x02\x02\xff\xc3\x80\x01\xe2\x01\x01\xc3\x80\x01\xa9\x81\x01a",
        &[
            Received::Binary(vec![0xFF, 0xC3, 0xE2]),
            Received::Text("é".into()),
            Received::Text("a".into()),
        ],
    );
}

#[test]
fn a_masked_text_is_checked_unmasked() {
    // The first is UTF-8 only unmasked, the second only masked.
    let wire = [0x81, 0x82, 0xFF, 0x00, 0x00, 0x00, 0x3C, 0xA9];
    receives(Role::Server, &wire, &[Received::Text("é".into())]);
    let wire = [0x81, 0x85, 0x80, 0x80, 0x80, 0x80, b'H', b'H'];
    refuses(Role::Server, &wire, &[], TextNotUtf8);
}
