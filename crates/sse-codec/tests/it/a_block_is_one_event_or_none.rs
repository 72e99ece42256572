//! A blank line dispatches what its block holds: data makes an event, everything else alone none.

use crate::feed::{assert_seen, event, message};
use sse_codec::{Item, Parser};

#[test]
fn a_data_line_is_an_event_even_if_empty() {
    assert_seen(
        b"data:\n\ndata\ndata\n\ndata:test\n\n",
        &[message(""), message("\n"), message("test")],
    );
}

#[test]
fn nul_is_data_like_any_other() {
    assert_seen(b"data:\0\n\n", &[message("\0")]);
}

#[test]
fn a_name_holds_for_its_block_only() {
    assert_seen(b"event:test\ndata:x\n\ndata:x\n\n", &[event("test", "x", ""), message("x")]);
}

#[test]
fn an_empty_name_is_message() {
    assert_seen(b"event: \ndata:data\n\n", &[message("data")]);
    assert_seen(b"event: test\nevent\ndata:data\n\n", &[message("data")]);
}

#[test]
fn a_block_without_data_drops_its_name() {
    assert_seen(b"event:test\n\ndata:x\n\n", &[message("x")]);
}

#[test]
fn the_unfinished_tail_is_no_event() {
    assert_seen(b"data:1\n\ndata:2\n", &[message("1")]);
    assert_seen(b"data:1\n\ndata:2", &[message("1")]);
}

#[test]
fn what_follows_an_event_is_left_for_the_next_call() {
    let mut parser = Parser::new();
    let mut input = &b"data:1\n\ndata:2\n\n"[..];
    assert!(matches!(parser.parse(&mut input), Ok(Some(Item::Event(event))) if event.data == "1"));
    assert_eq!(input, b"data:2\n\n");
    assert!(matches!(parser.parse(&mut input), Ok(Some(Item::Event(event))) if event.data == "2"));
    assert_eq!(parser.parse(&mut input), Ok(None));
}
