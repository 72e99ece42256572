//! The last event id: set by a blank line, kept from event to event, reset by an empty one.

use crate::feed::{assert_seen, event, feed_every_way, message};
use sse_codec::{Limits, Parser};

fn last_event_id(wire: &[u8]) -> String {
    feed_every_way(Limits::default(), wire).last_event_id
}

#[test]
fn an_id_persists() {
    assert_seen(
        b"id: 1\ndata: 1\n\ndata:2\n\n",
        &[event("message", "1", "1"), event("message", "2", "1")],
    );
}

#[test]
fn an_id_changes_and_persists() {
    assert_seen(
        b"id: 1\ndata: 1\n\nid: 2\ndata:2\n\ndata:3\n\n",
        &[event("message", "1", "1"), event("message", "2", "2"), event("message", "3", "2")],
    );
}

#[test]
fn an_empty_id_resets() {
    for reset in ["id:", "id", "id: "] {
        let wire = format!("id: 1\ndata: 1\n\n{reset}\ndata:2\n\ndata:3\n\n");
        assert_seen(wire.as_bytes(), &[event("message", "1", "1"), message("2"), message("3")]);
    }
}

#[test]
fn an_id_beyond_ascii_is_kept() {
    assert_seen("id: …\ndata:x\n\n".as_bytes(), &[event("message", "x", "…")]);
}

#[test]
fn an_id_with_nul_is_ignored() {
    assert_seen(b"id: \0\0\ndata:hello\n\n", &[message("hello")]);
    assert_seen(b"id:1\nid:2\x003\ndata:x\n\n", &[event("message", "x", "1")]);
}

#[test]
fn of_two_ids_in_a_block_the_later_counts() {
    assert_seen(b"id:1\ndata:x\nid:2\n\n", &[event("message", "x", "2")]);
}

#[test]
fn a_block_of_only_an_id_counts_and_dispatches_nothing() {
    assert_seen(b"id: x\n\n", &[]);
    assert_eq!(last_event_id(b"id: x\n\n"), "x");
    assert_eq!(last_event_id(b"id: x\n\nid\n\n"), "");
}

#[test]
fn an_id_without_its_blank_line_does_not_count() {
    assert_eq!(last_event_id(b"id:1\n\nid:2\ndata:x\n"), "1");
    assert_eq!(last_event_id(b"id:1\n\nid:2"), "1");
    assert_seen(b"retry:x\ndata:test1\n\nid:test\ndata:test2", &[message("test1")]);
}

#[test]
fn a_restart_keeps_the_id_and_drops_what_was_unfinished() {
    let mut parser = Parser::new();
    assert_eq!(parser.parse(&mut &b"id:1\n\nid:2\ndata:cut\nda"[..]), Ok(None));
    parser.restart();
    assert_eq!(parser.parse(&mut &b"ta:x\n\n"[..]), Ok(None));
    assert_eq!(parser.last_event_id(), "1");
}
