//! A quiet stream says where it stands; one that is behind gets messages instead.
#![allow(missing_docs)]

#[path = "common/common.rs"]
mod common;

use common::{RAW, SSE, STREAM, STREAM_RAW, Server, show};

#[test]
fn a_quiet_reader_hears_the_head_though_other_channels_moved_it() {
    for (wire, beat) in [
        (SSE, "a\r\nid: 10-2\n\n\r\n"),
        (STREAM, "14\r\n{\"position\":\"10-2\"}\n\r\n"),
        (STREAM_RAW, "1\r\n\n\r\n"),
    ] {
        let mut server = Server::new();
        let mut connection = server.open(wire, &[("a", "now")]);
        server.output(&mut connection);
        server.text("b", "x");
        server.text("b", "y");
        server.wait(&mut connection, 19_999);
        assert_eq!(server.output(&mut connection), b"", "too early");
        server.wait(&mut connection, 1);
        assert_eq!(show(&server.output(&mut connection)), beat);
        assert_eq!(server.output(&mut connection), b"", "once");
    }
}

#[test]
fn a_reader_that_is_behind_gets_messages_instead() {
    let mut server = Server::new();
    let mut connection = server.open(SSE, &[("a", "now")]);
    server.output(&mut connection);
    server.text("a", "news");
    server.wait(&mut connection, 20_000);
    assert_eq!(show(&server.output(&mut connection)), "15\r\nid: 10-1\ndata: news\n\n\r\n");
}

#[test]
fn a_websocket_has_pings_instead() {
    let mut server = Server::new();
    let mut connection = server.open(RAW, &[("a", "now")]);
    server.wait(&mut connection, 20_000);
    assert_eq!(server.output(&mut connection), b"\x89\x00");
}

#[test]
fn a_heartbeat_that_nobody_takes_is_not_asked_for_again() {
    let mut server = Server::new();
    let mut connection = server.open(SSE, &[("a", "now")]);
    server.output(&mut connection);
    server.wait(&mut connection, 20_000);
    assert!(server.write(&mut connection, 0, &mut Vec::new()));
    assert_eq!(connection.wake_at_ms(&server.worker.limits), 1_000 + 20_000 + 60_000);
}
