//! The server ends each wire properly, and says when to return.
#![allow(missing_docs)]

use crate::common::{GRACE_MS, RAW, SSE, STREAM, Server, TIDEWIRE, show};
use tidewire_broker::Broker;
use tidewire_connection::CloseReason;

#[test]
fn a_dismissed_client_is_asked_to_reconnect() {
    for (wire, last) in [(SSE, sse_goodbye(0)), (STREAM, format!("{}\n", goodbye(0)))] {
        let (mut server, mut connection) = Server::opened(wire);
        connection.dismiss(750, GRACE_MS, server.time);
        assert_eq!(show(&server.output(&mut connection)), last_chunk(&last));
        server.text("a", "too late");
        assert_eq!(server.output(&mut connection), b"");
        assert_eq!(connection.close_reason(), Some(CloseReason::Dismissed));
    }
}

#[test]
fn a_websocket_closes_with_1012_whose_reason_says_when_and_tidewire_says_goodbye_first() {
    let mut server = Server::new();
    let close = [b"\x88\x41\x03\xf4", goodbye(0).as_bytes()].concat();
    let mut raw = server.open(RAW, &[("a", "now")]);
    raw.dismiss(750, GRACE_MS, server.time);
    assert_eq!(show(&server.output(&mut raw)), show(&close));

    let mut tidewire = server.open(TIDEWIRE, &[]);
    server.output(&mut tidewire);
    tidewire.dismiss(750, GRACE_MS, server.time);
    let output = server.output(&mut tidewire);
    let said = crate::common::texts(output.strip_suffix(&*close).unwrap());
    assert_eq!(said, [goodbye(0)]);
}

#[test]
fn the_longest_goodbye_fits_into_a_close_frame() {
    let mut server = Server::over(Broker::new(u64::MAX, tidewire_broker::Limits::default()));
    let mut raw = server.open(RAW, &[("a", "now")]);
    server.output(&mut raw);
    raw.dismiss(u64::MAX, GRACE_MS, server.time);
    let output = show(&server.output(&mut raw));
    assert!(output.ends_with("\"retry_ms\":18446744073709551615}"), "{output}");
}

#[test]
fn what_was_half_sent_is_finished_first() {
    let (mut server, mut connection) = Server::opened(SSE);
    server.text("a", "half");
    let mut output = Vec::new();
    server.write(&mut connection, 10, &mut output);
    connection.dismiss(750, GRACE_MS, server.time);
    output.extend(server.output(&mut connection));
    let whole = format!("15\r\nid: 10-1\ndata: half\n\n\r\n{}", last_chunk(&sse_goodbye(1)));
    assert_eq!(show(&output), whole);
}

#[test]
fn what_was_published_before_is_received_before_the_goodbye() {
    for (wire, last, said) in [
        (SSE, "data: 99\n\n\r\n", sse_goodbye(100)),
        (STREAM, "\"data\":\"99\"}\n\r\n", format!("{}\n", goodbye(100))),
    ] {
        for bytes_max in [7, usize::MAX] {
            let mut server = Server::new();
            let mut connection = server.open(wire, &[("a", "now")]);
            (0..100).for_each(|number| server.text("a", &number.to_string()));
            connection.dismiss(750, GRACE_MS, server.time);
            let output = show(&server.output_by(&mut connection, bytes_max));
            assert!(output.ends_with(&format!("{last}{}", last_chunk(&said))), "{output}");
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
    // Not all that there is has been delivered, so its place is that of the last message.
    let unplaced = r#"{"type":"goodbye","code":1012,"retry_ms":750}"#;
    let said = format!("retry: 750\nevent: $goodbye\ndata: {unplaced}\n\n");
    assert_eq!(show(&output), format!("12\r\nid: 10-1\ndata: 0\n\n\r\n{}", last_chunk(&said)));
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
    let output = show(&server.output(&mut connection));
    assert!(output.contains("retry: 750\n"), "{output}");
}

/// What is said on every wire to a client that has everything up to this offset.
fn goodbye(offset: u64) -> String {
    format!(r#"{{"type":"goodbye","code":1012,"position":"10-{offset}","retry_ms":750}}"#)
}

/// The last block of an event stream.
fn sse_goodbye(offset: u64) -> String {
    let data = goodbye(offset);
    format!("retry: 750\nid: 10-{offset}\nevent: $goodbye\ndata: {data}\n\n")
}

/// A chunk and the end of the response.
fn last_chunk(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}
