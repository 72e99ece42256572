//! A position of another server or another epoch: the gap notice comes before any new position.
#![allow(missing_docs)]

use crate::common::{ALL, Server, TIDEWIRE, show};

#[test]
fn a_foreign_place_is_a_gap_before_any_place() {
    for (since, wires) in [("zz-7", &ALL[..]), ("not ours", &ALL[..]), ("10-9", &ALL[..])] {
        for wire in wires {
            let mut server = Server::new();
            server.text("a", "kept");
            let mut connection = server.open(*wire, &[("a", since)]);
            let output = show(&server.output(&mut connection));
            let gap = format!(r#"{{"type":"gap","channel":"a","from":"{since}","to":"10-0"}}"#);
            let (before, after) = output.split_once(&gap).unwrap_or_else(|| panic!("{output}"));
            assert!(after.contains("kept"), "{wire:?}: {output}");
            // A welcome comes first of all; a client that has a position keeps it.
            assert!(*wire == TIDEWIRE || !before.contains("10-0"), "{wire:?}: {output}");
        }
    }
}

#[test]
fn a_request_gets_the_gap_before_its_answer() {
    let mut server = Server::new();
    server.text("a", "kept");
    let mut connection = server.open(TIDEWIRE, &[]);
    server.output(&mut connection);
    let ask = r#"{"type":"subscribe","id":1,"channel":"a","since":"zz-7"}"#;
    let [gap, subscribed, message] = &server.answer(&mut connection, ask)[..] else { panic!() };
    assert_eq!(gap, r#"{"type":"gap","channel":"a","from":"zz-7","to":"10-0"}"#);
    assert_eq!(subscribed, r#"{"type":"subscribed","id":1,"channel":"a","position":"10-0"}"#);
    assert!(message.contains("kept"));
}
