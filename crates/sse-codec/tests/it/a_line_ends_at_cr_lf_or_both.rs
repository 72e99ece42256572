//! CR LF, CR and LF each end a line, at once, also where the network cuts between CR and LF.

use crate::feed::{assert_seen, message};
use sse_codec::{Item, Parser};

#[test]
fn every_end_ends_a_line() {
    for wire in
        [&b"data:x\n\n"[..], b"data:x\r\r", b"data:x\r\n\r\n", b"data:x\n\r", b"data:x\r\n\n"]
    {
        assert_seen(wire, &[message("x")]);
    }
}

#[test]
fn ends_may_be_mixed() {
    assert_seen(b"data:test\r\ndata\ndata:test\r\n\r", &[message("test\n\ntest")]);
}

#[test]
fn cr_lf_is_one_end_and_lf_cr_are_two() {
    assert_seen(b"data:1\r\ndata:2\n\n", &[message("1\n2")]);
    assert_seen(b"data:1\n\rdata:2\n\n", &[message("1"), message("2")]);
}

#[test]
fn blank_lines_between_events_mean_nothing() {
    assert_seen(b"\n\r\n\rdata:1\n\n\n\n\r\rdata:2\n\n", &[message("1"), message("2")]);
}

#[test]
fn an_event_does_not_wait_for_the_byte_after_cr() {
    let mut parser = Parser::new();
    let mut input = &b"data:1\r\r"[..];
    assert!(matches!(parser.parse(&mut input), Ok(Some(Item::Event(event))) if event.data == "1"));
    let mut input = &b"\ndata:2\r\n\r"[..];
    assert!(matches!(parser.parse(&mut input), Ok(Some(Item::Event(event))) if event.data == "2"));
    assert_eq!(input, b"");
}

#[test]
fn a_skipped_line_ends_like_any_other() {
    for end in ["\r", "\n", "\r\n"] {
        let wire = format!("data:1{end}:comment{end}unknown{end}data:2{end}{end}");
        assert_seen(wire.as_bytes(), &[message("1\n2")]);
    }
}

#[test]
fn other_unicode_line_ends_are_text() {
    let wire = "data:a\u{2028}b\u{85}c\u{B}d\u{C}e\n\n";
    assert_seen(wire.as_bytes(), &[message("a\u{2028}b\u{85}c\u{B}d\u{C}e")]);
}
