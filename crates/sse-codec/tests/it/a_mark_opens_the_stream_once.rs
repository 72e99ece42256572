//! One byte order mark at the very start is dropped; any other is part of its line.

use crate::feed::{assert_seen, message};
use sse_codec::{Item, Parser};

#[test]
fn a_mark_at_the_start_is_dropped_and_a_later_one_is_not() {
    assert_seen(
        b"\xEF\xBB\xBFdata:1\n\n\xEF\xBB\xBFdata:2\n\ndata:3\n\n",
        &[message("1"), message("3")],
    );
}

#[test]
fn of_two_marks_one_is_dropped() {
    assert_seen(
        b"\xEF\xBB\xBF\xEF\xBB\xBFdata:1\n\ndata:2\n\ndata:3\n\n",
        &[message("2"), message("3")],
    );
}

#[test]
fn part_of_a_mark_belongs_to_the_first_line() {
    for wire in
        [&b"\xEFdata:1\ndata:2\n\n"[..], b"\xEF\xBBdata:1\ndata:2\n\n", b"\xEF\xBB\ndata:2\n\n"]
    {
        assert_seen(wire, &[message("2")]);
    }
    assert_seen(b"\xBBdata:1\ndata:2\n\n", &[message("2")]);
    assert_seen(b"\xEF\xEF\xBB\xBFdata:1\ndata:2\n\n", &[message("2")]);
}

#[test]
fn part_of_a_mark_is_not_a_blank_line() {
    assert_seen(b"\xEF\xBB\n\ndata:1\n\n", &[message("1")]);
}

#[test]
fn a_mark_after_the_first_line_end_is_text() {
    assert_seen(b"\n\xEF\xBB\xBFdata:1\ndata:2\n\n", &[message("2")]);
}

#[test]
fn a_mark_in_a_value_is_text() {
    assert_seen(b"data:\xEF\xBB\xBFx\n\n", &[message("\u{FEFF}x")]);
}

#[test]
fn a_restarted_stream_may_open_with_a_mark_again() {
    let mut parser = Parser::new();
    assert_eq!(parser.parse(&mut &b"data:cut off"[..]), Ok(None));
    parser.restart();
    let mut input = &b"\xEF\xBB\xBFdata:1\n\n"[..];
    assert!(matches!(parser.parse(&mut input), Ok(Some(Item::Event(event))) if event.data == "1"));
}
