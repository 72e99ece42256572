//! Comments are items for a parser that is to report them, and nothing for any other.

use crate::feed::assert_seen;
use sse_codec::{Field, Item, Limits, Parser};

/// What a parser reports, in pieces of that size: comments, and events in brackets.
fn reported(mut parser: Parser, wire: &[u8], piece_bytes: usize) -> Result<Vec<String>, Field> {
    let mut reported = Vec::new();
    for mut piece in wire.chunks(piece_bytes) {
        while let Some(item) = parser.parse(&mut piece).map_err(|error| error.field)? {
            match item {
                Item::Comment(text) => reported.push(text.to_owned()),
                Item::Event(event) => reported.push(format!("[{}: {}]", event.name, event.data)),
                other => panic!("{other:?}"),
            }
        }
    }
    Ok(reported)
}

#[track_caller]
fn assert_reported(wire: &[u8], expected: &[&str]) {
    for piece_bytes in 1..=wire.len() {
        let reported = reported(Parser::new().with_comments(), wire, piece_bytes).unwrap();
        assert_eq!(reported, expected, "{} by {piece_bytes}", wire.escape_ascii());
    }
}

#[test]
fn a_comment_is_its_text_less_one_space() {
    assert_reported(b":a\n: b\r\n:  c\r:\n: \n::d\n\n", &["a", "b", " c", "", "", ":d"]);
    assert_reported(b": \xC3\xA9\xFF\n", &["\u{E9}\u{FFFD}"]);
}

#[test]
fn a_comment_within_a_block_comes_before_its_event_and_changes_nothing() {
    let wire = b"event: e\n:1\ndata: a\n: 2\ndata: b\n:3\n\n:4\n\ndata: c\n\n";
    assert_reported(wire, &["1", "2", "3", "[e: a\nb]", "4", "[message: c]"]);
}

#[test]
fn other_lines_that_are_ignored_stay_so() {
    assert_reported(b"x: y\n :z\nd\ndata x\n\n: end\n", &["end"]);
}

#[test]
fn a_parser_that_was_not_asked_reports_none() {
    assert_seen(b":a\n: b\n\n", &[]);
}

#[test]
fn a_restart_keeps_reporting() {
    let mut parser = Parser::new().with_comments();
    parser.restart();
    assert_eq!(reported(parser, b": a\n", 9), Ok(vec!["a".to_owned()]));
}

#[test]
fn a_comment_that_is_asked_for_is_limited_as_a_field_is() {
    let limits = Limits::new().field_bytes_max(3);
    for piece_bytes in 1..10 {
        let parser = || Parser::with_limits(limits).with_comments();
        assert_eq!(reported(parser(), b": 123\n", piece_bytes), Ok(vec!["123".to_owned()]));
        assert_eq!(reported(parser(), b": 1234\n", piece_bytes), Err(Field::Comment));
        assert_eq!(reported(parser(), b":\xFF\xFF\n", piece_bytes), Err(Field::Comment));
        assert_eq!(reported(Parser::with_limits(limits), b": 1234\n", piece_bytes), Ok(vec![]));
    }
}
