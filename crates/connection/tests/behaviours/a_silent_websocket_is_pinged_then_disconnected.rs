//! Twenty seconds of silence, a ping, twenty more, the end; any byte starts it over.
#![allow(missing_docs)]

use crate::common::{JSON, RAW, Server, TIDEWIRE};
use tidewire_connection::CloseReason;

#[test]
fn a_silent_websocket_is_pinged_then_disconnected() {
    for (wire, beat) in [
        (RAW, &b""[..]),
        (JSON, b"\x81\x13{\"position\":\"10-0\"}"),
        (TIDEWIRE, b"\x81\x25{\"type\":\"position\",\"position\":\"10-0\"}"),
    ] {
        let (mut server, mut connection) = Server::opened(wire);
        assert_eq!(connection.wake_at_ms(&server.worker.limits), 21_000);
        server.wait(&mut connection, 20_000);
        assert_eq!(server.output(&mut connection), [b"\x89\x00", beat].concat());
        server.wait(&mut connection, 19_999);
        assert_eq!(connection.close_reason(), None);
        server.wait(&mut connection, 1);
        assert_eq!(connection.close_reason(), Some(CloseReason::Silent));
    }
}

#[test]
fn a_pong_starts_it_over() {
    let mut server = Server::new();
    let mut connection = server.open(RAW, &[("a", "now")]);
    server.wait(&mut connection, 20_000);
    assert_eq!(server.output(&mut connection), b"\x89\x00");
    server.wait(&mut connection, 10_000);
    server.input(&mut connection, b"\x8a\x80\0\0\0\0");
    server.wait(&mut connection, 10_000);
    assert_eq!((connection.close_reason(), server.output(&mut connection)), (None, vec![]));
    assert_eq!(connection.wake_at_ms(&server.worker.limits), 1_000 + 30_000 + 20_000);
}

#[test]
fn a_ping_is_answered_with_its_payload() {
    let mut server = Server::new();
    let mut connection = server.open(RAW, &[("a", "now")]);
    server.input(&mut connection, b"\x89\x82\0\0\0\0ab");
    assert_eq!(server.output(&mut connection), b"\x8a\x02ab");
}
