//! The first bytes on each wire: where it begins, where the wire can say so.
#![allow(missing_docs)]

use crate::common::{ALL, SSE_EVENT, Server, show};

#[test]
fn each_wire_opens_with_its_place() {
    let mut server = Server::new();
    server.text("a", "old");
    let openings = [
        "16\r\nretry: 2000\nid: 10-1\n\n\r\n".to_owned(),
        "16\r\nretry: 2000\nid: 10-1\n\n\r\n".to_owned(),
        "14\r\n{\"position\":\"10-1\"}\n\r\n".to_owned(),
        String::new(),
        String::new(),
        "\u{81}\u{13}{\"position\":\"10-1\"}".to_owned(),
        String::new(),
    ];
    for (wire, opening) in ALL.into_iter().zip(openings) {
        let mut connection = server.open(wire, &[("a", "now")]);
        let output = server.output(&mut connection);
        let shown: String = output.iter().map(|byte| char::from(*byte)).collect();
        if wire == crate::common::TIDEWIRE {
            let welcome = r#"{"type":"welcome","connection":"c","version":"v","heartbeat_ms":20000,"position":"10-1"}"#;
            let place = r#"{"type":"position","position":"10-1"}"#;
            assert_eq!(crate::common::texts(&output), [welcome, place]);
        } else {
            assert_eq!(shown, opening, "{wire:?} {}", show(&output));
        }
    }
}

#[test]
fn an_event_stream_whose_heartbeat_is_an_event_opens_with_it() {
    let mut server = Server::new();
    server.text("a", "old");
    let mut connection = server.open(SSE_EVENT, &[("a", "now")]);
    let opening = "68\r\nretry: 2000\nid: 10-1\nevent: $position\n\
        data: {\"type\":\"position\",\"position\":\"10-1\",\"heartbeat_ms\":20000}\n\n\r\n";
    assert_eq!(show(&server.output(&mut connection)), opening);
}

#[test]
fn a_welcome_says_how_far_the_log_goes() {
    let mut server = Server::new();
    server.text("a", "old");
    server.text("a", "new");
    let mut connection = server.open(crate::common::TIDEWIRE, &[("a", "10-1")]);
    let texts = crate::common::texts(&server.output(&mut connection));
    let ends = texts.iter().map(|text| text.split("\"position\":").nth(1).unwrap_or_default());
    assert_eq!(ends.take(2).collect::<Vec<_>>(), ["\"10-2\"}", "\"10-1\"}"]);
}

#[test]
fn a_socket_that_follows_nothing_yet_is_welcomed_and_no_more() {
    let mut server = Server::new();
    let mut connection = server.open(crate::common::TIDEWIRE, &[]);
    assert_eq!(crate::common::texts(&server.output(&mut connection)).len(), 1);
}
