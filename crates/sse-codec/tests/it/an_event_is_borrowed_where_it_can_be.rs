//! What lay in one piece of input is lent from it, and only the rest was copied.

use sse_codec::{Event, Item, Parser};
use std::borrow::Cow::{Borrowed, Owned};

#[track_caller]
fn last_event<'p>(parser: &'p mut Parser, head: &[u8], mut tail: &'p [u8]) -> Event<'p> {
    assert_eq!(parser.parse(&mut &*head), Ok(None));
    match parser.parse(&mut tail) {
        Ok(Some(Item::Event(event))) => event,
        other => panic!("no event but {other:?}"),
    }
}

#[test]
fn a_block_in_one_piece_is_borrowed() {
    let mut parser = Parser::new();
    let event = last_event(&mut parser, b"", b"event:said\ndata:hello\n\n");
    assert!(matches!(event.event, Borrowed("said")));
    assert!(matches!(event.data, Borrowed("hello")));
}

#[test]
fn of_a_cut_block_the_line_in_one_piece_is_borrowed() {
    let mut parser = Parser::new();
    let event = last_event(&mut parser, b"event:sa", b"id\ndata:hello\n\n");
    assert!(matches!(&event.event, Owned(text) if text == "said"));
    assert!(matches!(event.data, Borrowed("hello")));
}

#[test]
fn a_cut_line_several_lines_and_broken_text_are_owned() {
    for (head, tail, expected) in [
        (&b"data:he"[..], &b"llo\n\n"[..], "hello"),
        (b"", b"data:he\ndata:llo\n\n", "he\nllo"),
        (b"", b"data:\xFF\n\n", "\u{FFFD}"),
    ] {
        let mut parser = Parser::new();
        let event = last_event(&mut parser, head, tail);
        assert!(matches!(&event.data, Owned(text) if text == expected), "{event:?}");
    }
}
