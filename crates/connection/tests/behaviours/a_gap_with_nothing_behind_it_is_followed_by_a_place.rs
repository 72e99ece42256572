//! A client that resumes on a quiet channel resumes after a gap for which it has had the notice.
#![allow(missing_docs)]

use crate::common::{SSE, STREAM, Server, show};
use tidewire_broker::{Retention, Rules};
use tidewire_connection::{Limits, Wire};

/// All that a reader receives which was at the first of three messages, of which `left` are left.
fn received(wire: Wire, left: usize) -> String {
    let retention = Retention { age_max_ms: 10, ..Retention::default() };
    let limits = tidewire_broker::Limits { rules: Rules::keeping(retention), ..Default::default() };
    let mut server = Server::with(limits, Limits::default());
    (0..3 - left).for_each(|_| server.text("a", "x"));
    server.time.wall_ms += 20;
    (0..left).for_each(|_| server.text("a", "x"));
    server.worker.broker.sweep(server.time.wall_ms, 10);
    let mut connection = server.open(wire, &[("a", "10-1")]);
    let output = show(&server.output(&mut connection));
    assert_eq!(server.output(&mut connection), b"", "once");
    output
}

#[test]
fn at_once_where_nothing_is_left() {
    let gap = r#"{"type":"gap","channel":"a","from":"10-1","to":"10-3"}"#;
    for (wire, place) in
        [(SSE, "a\r\nid: 10-3\n\n\r\n"), (STREAM, "14\r\n{\"position\":\"10-3\"}\n\r\n")]
    {
        let output = received(wire, 0);
        let (_, after) = output.split_once(gap).unwrap_or_else(|| panic!("{wire:?}: {output}"));
        assert!(after.ends_with(place), "{wire:?}: {output}");
    }
}

#[test]
fn not_where_a_message_follows_which_has_one() {
    let output = received(STREAM, 1);
    assert!(output.contains(r#""to":"10-2"}"#), "{output}");
    assert_eq!(output.matches(r#"{"position":""#).count(), 1, "the opening alone: {output}");
    assert_eq!(output.matches(r#""position":"10-3""#).count(), 1, "{output}");
}
