//! The id of an event is that of its own block; the last id may be an older one, or one that was stored.

use sse_codec::{Item, Parser};

/// The id and the last id of each event, fed in pieces of that size.
fn ids(mut parser: Parser, wire: &[u8], piece_bytes: usize) -> Vec<(Option<String>, String)> {
    let mut ids = Vec::new();
    for mut piece in wire.chunks(piece_bytes) {
        while let Some(item) = parser.parse(&mut piece).unwrap() {
            if let Item::Event(event) = item {
                ids.push((event.id.map(String::from), event.last_event_id.to_owned()));
            }
        }
    }
    ids
}

#[track_caller]
fn assert_ids(parser: fn() -> Parser, wire: &[u8], expected: &[(Option<&str>, &str)]) {
    for piece_bytes in 1..=wire.len() {
        let ids = ids(parser(), wire, piece_bytes);
        let ids: Vec<_> = ids.iter().map(|(id, last)| (id.as_deref(), last.as_str())).collect();
        assert_eq!(ids, expected, "by {piece_bytes}");
    }
}

#[test]
fn only_the_event_of_its_block_has_an_id() {
    let wire = b"data:a\n\nid:1\ndata:b\n\ndata: c\n\nevent:x\ndata:d\nid: 2\n\n";
    assert_ids(Parser::new, wire, &[(None, ""), (Some("1"), "1"), (None, "1"), (Some("2"), "2")]);
}

#[test]
fn a_block_without_data_gives_its_id_to_no_event() {
    assert_ids(Parser::new, b"id:1\n\ndata:a\n\n", &[(None, "1")]);
}

#[test]
fn an_id_that_resets_is_one_and_an_id_with_nul_is_none() {
    assert_ids(Parser::new, b"id:1\n\nid\ndata:a\n\n", &[(Some(""), "")]);
    assert_ids(Parser::new, b"id:1\n\nid:\0\ndata:a\n\n", &[(None, "1")]);
}

#[test]
fn a_stored_id_is_the_last_one_from_the_first_event_on() {
    let stored = || Parser::new().with_last_event_id("42");
    let wire = b"data: x\n\nevent:e\ndata:y\n\nid:43\ndata:z\n\n";
    assert_ids(stored, wire, &[(None, "42"), (None, "42"), (Some("43"), "43")]);
    assert_ids(stored, b"id:\ndata:z\n\n", &[(Some(""), "")]);
}
