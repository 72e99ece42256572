//! Text is always UTF-8, and what is not becomes U+FFFD, one for each maximal subpart.

use crate::feed::{assert_seen, event, message};

#[test]
fn sound_text_of_every_width_arrives_as_it_was() {
    assert_seen("data:ok… é 🦀\n\n".as_bytes(), &[message("ok… é 🦀")]);
}

#[test]
fn a_cut_sequence_is_one_replacement() {
    for broken in [&b"\xC3"[..], b"\xE2\x80", b"\xF0\x9F", b"\xF0\x9F\xA6"] {
        let wire = [b"data:", broken, b"x", broken, b"\n\n"].concat();
        assert_seen(&wire, &[message("\u{FFFD}x\u{FFFD}")]);
    }
}

#[test]
fn bytes_that_cannot_follow_are_a_replacement_each() {
    let cases: [(&[u8], usize); 8] = [
        (b"\x80", 1),
        (b"\xFF\xFE", 2),
        (b"\xC0\x80", 2),
        (b"\xE0\x80\x80", 3),
        (b"\xED\xA0\x80", 3),
        (b"\xF0\x80\x80\x80", 4),
        (b"\xF4\x90\x80\x80", 4),
        (b"\xF8\x88\x80\x80\x80", 5),
    ];
    for (broken, replacements) in cases {
        let wire = [b"data:", broken, b"\n\n"].concat();
        assert_seen(&wire, &[message(&"\u{FFFD}".repeat(replacements))]);
    }
}

#[test]
fn a_sequence_cut_by_a_line_end_leaves_the_line_end_alone() {
    assert_seen(
        b"data:\xF0\x9F\ndata:\xA6\x80\r\xC3\n\n",
        &[message("\u{FFFD}\n\u{FFFD}\u{FFFD}")],
    );
}

#[test]
fn names_and_ids_are_decoded_alike() {
    assert_seen(b"event:\xE2\x80\nid:\xFF\ndata\n\n", &[event("\u{FFFD}", "", "\u{FFFD}")]);
}

#[test]
fn a_broken_byte_makes_a_field_unknown() {
    assert_seen(b"data\xFF:1\n\xFFdata:2\ndata:3\n\n", &[message("3")]);
}
