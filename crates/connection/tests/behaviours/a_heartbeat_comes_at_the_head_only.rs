//! A quiet stream says where it stands; one that is behind gets messages instead.
#![allow(missing_docs)]

use crate::common::{JSON, RAW, SSE, SSE_EVENT, STREAM, STREAM_RAW, Server, TIDEWIRE, show, texts};
use tidewire_connection::{Connection, Wire};

/// A quiet connection, while other channels had news, when its heartbeat is due and not before.
fn when_a_heartbeat_is_due(wire: Wire) -> (Server, Connection) {
    let (mut server, mut connection) = Server::opened(wire);
    server.text("b", "x");
    server.text("b", "y");
    server.wait(&mut connection, 19_999);
    assert_eq!(server.output(&mut connection), b"", "too early");
    server.wait(&mut connection, 1);
    (server, connection)
}

#[test]
fn a_quiet_reader_gets_the_head_though_other_channels_moved_it() {
    for (wire, beat) in [
        (SSE, "a\r\nid: 10-2\n\n\r\n"),
        (
            SSE_EVENT,
            "5c\r\nid: 10-2\nevent: $position\n\
            data: {\"type\":\"position\",\"position\":\"10-2\",\"heartbeat_ms\":20000}\n\n\r\n",
        ),
        (STREAM, "14\r\n{\"position\":\"10-2\"}\n\r\n"),
        (STREAM_RAW, "1\r\n\n\r\n"),
    ] {
        let (mut server, mut connection) = when_a_heartbeat_is_due(wire);
        assert_eq!(show(&server.output(&mut connection)), beat);
        assert_eq!(server.output(&mut connection), b"", "once");
    }
}

#[test]
fn a_reader_that_is_behind_gets_messages_instead() {
    let (mut server, mut connection) = Server::opened(SSE);
    server.text("a", "news");
    server.wait(&mut connection, 20_000);
    assert_eq!(show(&server.output(&mut connection)), "15\r\nid: 10-1\ndata: news\n\n\r\n");
}

#[test]
fn a_raw_websocket_has_pings_instead() {
    let mut server = Server::new();
    let mut connection = server.open(RAW, &[("a", "now")]);
    server.wait(&mut connection, 20_000);
    assert_eq!(server.output(&mut connection), b"\x89\x00");
}

#[test]
fn a_heartbeat_that_nobody_takes_is_not_asked_for_again() {
    let (mut server, mut connection) = Server::opened(SSE);
    server.wait(&mut connection, 20_000);
    assert!(server.write(&mut connection, 0, &mut Vec::new()));
    assert_eq!(connection.wake_at_ms(&server.worker.limits), 1_000 + 20_000 + 60_000);
}

#[test]
fn a_websocket_of_json_gets_its_position_beside_a_ping() {
    for (wire, beat) in
        [(JSON, r#"{"position":"10-2"}"#), (TIDEWIRE, r#"{"type":"position","position":"10-2"}"#)]
    {
        let (mut server, mut connection) = when_a_heartbeat_is_due(wire);
        let mut output = Vec::new();
        assert!(server.write(&mut connection, usize::MAX, &mut output));
        assert_eq!(output[..2], *b"\x89\x00", "in one write");
        assert_eq!(texts(&output[2..]), [beat]);
        assert_eq!(server.output(&mut connection), b"", "once");
    }
}

#[test]
fn a_socket_that_follows_nothing_gets_the_head() {
    let mut server = Server::new();
    let mut connection = server.open(TIDEWIRE, &[]);
    server.output(&mut connection);
    server.text("b", "x");
    server.wait(&mut connection, 20_000);
    let output = server.output(&mut connection);
    assert_eq!(texts(&output[2..]), [r#"{"type":"position","position":"10-1"}"#]);
}
