//! What lay in one piece of input is lent from there. Only the rest is copied, into buffers that
//! are used again.

use sse_codec::{Event, Item, Parser};

#[track_caller]
fn last_event<'p>(parser: &'p mut Parser, head: &[u8], mut tail: &'p [u8]) -> Event<'p> {
    assert_eq!(parser.parse(&mut &*head), Ok(None));
    match parser.parse(&mut tail) {
        Ok(Some(Item::Event(event))) => event,
        other => panic!("no event but {other:?}"),
    }
}

fn lies_in(text: &str, input: &[u8]) -> bool {
    input.as_ptr_range().contains(&text.as_ptr())
}

#[test]
fn a_block_in_one_piece_is_borrowed() {
    for input in [&b"event:said\ndata:hell\xC3\xB6\n\n"[..], b"data: hello\nevent: said\r\n\r\n"] {
        let mut parser = Parser::new();
        let event = last_event(&mut parser, b"", input);
        assert!(lies_in(event.name, input), "{event:?}");
        assert!(lies_in(event.data, input), "{event:?}");
    }
}

#[test]
fn an_event_of_one_line_is_borrowed() {
    for input in [&b"data: hello\n\n"[..], b"data: hello\r\n\r\n", b"data:hello\r\r"] {
        let mut parser = Parser::new();
        let event = last_event(&mut parser, b"", input);
        assert_eq!(event.data, "hello");
        assert!(lies_in(event.data, input), "{event:?}");
    }
}

#[test]
fn of_a_cut_block_the_line_in_one_piece_is_borrowed() {
    let tail = b"id\ndata:hello\n\n";
    let mut parser = Parser::new();
    let event = last_event(&mut parser, b"event:sa", tail);
    assert_eq!((event.name, event.data), ("said", "hello"));
    assert!(!lies_in(event.name, tail), "{event:?}");
    assert!(lies_in(event.data, tail), "{event:?}");
}

#[test]
fn a_cut_line_several_lines_and_broken_text_are_copied() {
    for (head, tail, expected) in [
        (&b"data:he"[..], &b"llo\n\n"[..], "hello"),
        (b"", b"data:he\ndata:llo\n\n", "he\nllo"),
        (b"", b"data:\xFF\n\n", "\u{FFFD}"),
        (b"", b"data: \xFF\n\n", "\u{FFFD}"),
    ] {
        let mut parser = Parser::new();
        let event = last_event(&mut parser, head, tail);
        assert_eq!(event.data, expected);
        assert!(!lies_in(event.data, tail), "{event:?}");
    }
}
