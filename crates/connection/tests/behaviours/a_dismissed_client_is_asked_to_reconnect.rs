//! The server ends each wire properly, and says when to return.
#![allow(missing_docs)]

use crate::common::{GRACE_MS, RAW, SSE, STREAM, Server, TIDEWIRE, show};
use tidewire_connection::CloseReason;

#[test]
fn a_dismissed_client_is_asked_to_reconnect() {
    for (wire, ending) in [(SSE, "c\r\nretry: 750\n\n\r\n0\r\n\r\n"), (STREAM, "0\r\n\r\n")] {
        let (mut server, mut connection) = Server::opened(wire);
        connection.dismiss(750, GRACE_MS, server.time);
        assert_eq!(show(&server.output(&mut connection)), ending);
        server.text("a", "too late");
        assert_eq!(server.output(&mut connection), b"");
        assert_eq!(connection.close_reason(), Some(CloseReason::Dismissed));
    }
}

#[test]
fn a_websocket_closes_with_1001_and_tidewire_says_goodbye_first() {
    let mut server = Server::new();
    let close = b"\x88\x1d\x03\xe9the server is shutting down";
    let mut raw = server.open(RAW, &[("a", "now")]);
    raw.dismiss(750, GRACE_MS, server.time);
    assert_eq!(server.output(&mut raw), close);

    let mut tidewire = server.open(TIDEWIRE, &[]);
    server.output(&mut tidewire);
    tidewire.dismiss(750, GRACE_MS, server.time);
    let output = server.output(&mut tidewire);
    let goodbye = crate::common::texts(output.strip_suffix(close).unwrap());
    assert_eq!(goodbye, [r#"{"type":"goodbye","code":1001,"retry_ms":750}"#]);
}

#[test]
fn what_was_half_sent_is_finished_first() {
    let (mut server, mut connection) = Server::opened(SSE);
    server.text("a", "half");
    let mut output = Vec::new();
    server.write(&mut connection, 10, &mut output);
    connection.dismiss(750, GRACE_MS, server.time);
    output.extend(server.output(&mut connection));
    let whole = "15\r\nid: 10-1\ndata: half\n\n\r\nc\r\nretry: 750\n\n\r\n0\r\n\r\n";
    assert_eq!(show(&output), whole);
}

#[test]
fn what_was_published_before_is_received_before_the_goodbye() {
    for (wire, last, ending) in [
        (SSE, "data: 99\n\n\r\n", "c\r\nretry: 750\n\n\r\n0\r\n\r\n"),
        (STREAM, "\"data\":\"99\"}\n\r\n", "0\r\n\r\n"),
    ] {
        for bytes_max in [7, usize::MAX] {
            let mut server = Server::new();
            let mut connection = server.open(wire, &[("a", "now")]);
            (0..100).for_each(|number| server.text("a", &number.to_string()));
            connection.dismiss(750, GRACE_MS, server.time);
            let output = show(&server.output_by(&mut connection, bytes_max));
            assert!(output.ends_with(&format!("{last}{ending}")), "{output}");
            assert_eq!(connection.close_reason(), Some(CloseReason::Dismissed));
        }
    }
}

#[test]
fn a_slow_client_gets_the_notice_all_the_same() {
    let (mut server, mut connection) = Server::opened(SSE);
    (0..100).for_each(|number| server.text("a", &number.to_string()));
    connection.dismiss(750, GRACE_MS, server.time);
    let mut output = Vec::new();
    server.write(&mut connection, 10, &mut output);
    assert!(connection.wake_at_ms(&server.worker.limits) <= server.time.steady_ms + GRACE_MS);
    server.wait(&mut connection, GRACE_MS);
    output.extend(server.output(&mut connection));
    let whole = "12\r\nid: 10-1\ndata: 0\n\n\r\nc\r\nretry: 750\n\n\r\n0\r\n\r\n";
    assert_eq!(show(&output), whole);
}

#[test]
fn a_server_that_says_so_again_gives_no_more_time() {
    let (mut server, mut connection) = Server::opened(SSE);
    (0..100).for_each(|number| server.text("a", &number.to_string()));
    for _ in 0..GRACE_MS {
        connection.dismiss(750, GRACE_MS, server.time);
        server.write(&mut connection, 0, &mut Vec::new());
        server.wait(&mut connection, 1);
    }
    assert_eq!(show(&server.output(&mut connection)), "c\r\nretry: 750\n\n\r\n0\r\n\r\n");
}
