//! Retention has passed the reader: word of it on every wire, then the rest.
#![allow(missing_docs)]

use crate::common::{ALL, Server, show};

#[test]
fn a_gap_notice_comes_before_what_is_left() {
    for wire in ALL {
        let mut server = Server::keeping(1);
        ["one", "two", "three"].iter().for_each(|text| server.text("a", text));
        let mut connection = server.open(wire, &[("a", "10-1")]);
        let output = show(&server.output(&mut connection));
        let gap = r#"{"type":"gap","channel":"a","from":"10-1","to":"10-2"}"#;
        let (before, after) =
            output.split_once(gap).unwrap_or_else(|| panic!("{wire:?}: {output}"));
        assert!(!before.contains("three") && after.contains("three"), "{wire:?}: {output}");
        assert!(!output.contains("two"), "{wire:?}: {output}");
    }
}

#[test]
fn its_bytes_on_sse_are_an_event_without_id() {
    let mut server = Server::keeping(1);
    ["one", "two", "three"].iter().for_each(|text| server.text("a", text));
    let mut connection = server.open(crate::common::SSE, &[("a", "10-1")]);
    let output = show(&server.output(&mut connection));
    let gap = "4a\r\nevent: $gap\ndata: {\"type\":\"gap\",\"channel\":\"a\",\"from\":\"10-1\",\"to\":\"10-2\"}\n\n\r\n";
    assert!(output.contains(gap), "{output}");
}
