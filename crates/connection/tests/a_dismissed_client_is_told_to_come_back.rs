//! The server ends each wire properly, and says when to return.
#![allow(missing_docs)]

#[path = "common/common.rs"]
mod common;

use common::{RAW, SSE, STREAM, Server, TIDEWIRE, show};
use tidewire_connection::Parting;

#[test]
fn a_dismissed_client_is_told_to_come_back() {
    for (wire, ending) in [(SSE, "c\r\nretry: 750\n\n\r\n0\r\n\r\n"), (STREAM, "0\r\n\r\n")] {
        let mut server = Server::new();
        let mut connection = server.open(wire, &[("a", "now")]);
        server.output(&mut connection);
        connection.dismiss(750, &server.worker, server.time);
        server.text("a", "too late");
        assert_eq!(show(&server.output(&mut connection)), ending);
        assert_eq!(connection.parting(), Some(Parting::Dismissed));
    }
}

#[test]
fn a_websocket_closes_with_1001_and_tidewire_says_goodbye_first() {
    let mut server = Server::new();
    let close = b"\x88\x1a\x03\xe9the server is going away";
    let mut raw = server.open(RAW, &[("a", "now")]);
    raw.dismiss(750, &server.worker, server.time);
    assert_eq!(server.output(&mut raw), close);

    let mut tidewire = server.open(TIDEWIRE, &[]);
    server.output(&mut tidewire);
    tidewire.dismiss(750, &server.worker, server.time);
    let output = server.output(&mut tidewire);
    let goodbye = common::texts(output.strip_suffix(close).unwrap());
    assert_eq!(goodbye, [r#"{"type":"goodbye","code":1001,"retry_ms":750}"#]);
}

#[test]
fn what_was_half_sent_is_finished_first() {
    let mut server = Server::new();
    let mut connection = server.open(SSE, &[("a", "now")]);
    server.output(&mut connection);
    server.text("a", "half");
    let mut output = Vec::new();
    server.write(&mut connection, 10, &mut output);
    connection.dismiss(750, &server.worker, server.time);
    output.extend(server.output(&mut connection));
    let whole = "15\r\nid: 10-1\ndata: half\n\n\r\nc\r\nretry: 750\n\n\r\n0\r\n\r\n";
    assert_eq!(show(&output), whole);
}
