//! Some time before a grant expires its client is notified, once for each grant, so that it can renew it in place.
#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used)]

use crate::common::{ALL, JSON, RAW, SSE, SSE_JSON, STREAM, STREAM_RAW, Server, TIDEWIRE, show};
use tidewire_broker::Grant;
use tidewire_connection::{Connection, Identity, Limits, Wire};

/// A connection whose grant has `left_ms` left, after its opening.
fn open(server: &mut Server, left_ms: u64, wire: Wire) -> Connection {
    let grant = Grant::open().until(server.time.wall_ms + left_ms);
    let mut connection = server.open_with(grant, "c", Identity::default(), wire, &[("a", "now")]);
    server.output(&mut connection);
    connection
}

/// The notice, as `wire` has it.
fn notice(wire: Wire, in_ms: u64) -> Vec<u8> {
    let json = format!(r#"{{"type":"expiring","in_ms":{in_ms}}}"#);
    let chunk = |text: String| format!("{:x}\r\n{text}\r\n", text.len()).into_bytes();
    match wire {
        Wire::Sse { .. } => chunk(format!("event: $expiring\ndata: {json}\n\n")),
        Wire::Stream { .. } => chunk(format!("{json}\n")),
        Wire::WebSocket(_) | Wire::Tidewire => {
            [&[0x81, u8::try_from(json.len()).unwrap()], json.as_bytes()].concat()
        }
    }
}

fn quiet() -> Server {
    let limits = Limits { heartbeat_ms: 1_000_000, ..Limits::default() };
    Server::with(tidewire_broker::Limits::default(), limits)
}

#[test]
fn each_wire_says_half_a_minute_before_that_it_expires() {
    for wire in [SSE, SSE_JSON, STREAM, STREAM_RAW, RAW, JSON, TIDEWIRE] {
        let mut server = quiet();
        let mut connection = open(&mut server, 100_000, wire);
        assert_eq!(connection.wake_at_ms(&server.worker.limits), server.time.steady_ms + 70_000);
        server.wait(&mut connection, 69_999);
        assert_eq!(show(&server.output(&mut connection)), "", "{wire:?}");
        server.wait(&mut connection, 1);
        assert_eq!(show(&server.output(&mut connection)), show(&notice(wire, 30_000)), "{wire:?}");
        assert_eq!(connection.wake_at_ms(&server.worker.limits), server.time.steady_ms + 30_000);
        server.wait(&mut connection, 29_999);
        assert_eq!(show(&server.output(&mut connection)), "", "{wire:?}: only once");
    }
}

#[test]
fn the_notice_of_a_short_grant_comes_after_half_of_it() {
    for wire in ALL {
        let mut server = quiet();
        let mut connection = open(&mut server, 20_000, wire);
        server.wait(&mut connection, 9_999);
        assert_eq!(show(&server.output(&mut connection)), "", "{wire:?}");
        server.wait(&mut connection, 1);
        assert_eq!(server.output(&mut connection), notice(wire, 10_000), "{wire:?}");
    }
}

#[test]
fn each_new_grant_has_a_notice_of_its_own_and_an_endless_one_none() {
    for wire in ALL {
        let mut server = quiet();
        let mut connection = open(&mut server, 100_000, wire);
        server.wait(&mut connection, 60_000);
        for _ in 0..2 {
            let grant = Grant::open().until(server.time.wall_ms + 50_000);
            connection.handle_granted(grant, &mut server.worker, server.time);
            server.wait(&mut connection, 24_999);
            assert_eq!(show(&server.output(&mut connection)), "", "{wire:?}");
            server.wait(&mut connection, 1);
            assert_eq!(server.output(&mut connection), notice(wire, 25_000), "{wire:?}");
        }
        connection.handle_granted(Grant::open(), &mut server.worker, server.time);
        server.wait(&mut connection, 100_000);
        assert_eq!(show(&server.output(&mut connection)), "", "{wire:?}");
    }
}

#[test]
fn a_late_turn_says_how_long_is_left() {
    let mut server = quiet();
    let mut connection = open(&mut server, 100_000, TIDEWIRE);
    server.wait(&mut connection, 75_000);
    assert_eq!(server.output(&mut connection), notice(TIDEWIRE, 25_000));
}

#[test]
fn without_a_notice_to_give_there_is_none() {
    let limits = Limits { expiry_notice_ms: 0, heartbeat_ms: 1_000_000, ..Limits::default() };
    let mut server = Server::with(tidewire_broker::Limits::default(), limits);
    let mut connection = open(&mut server, 100_000, TIDEWIRE);
    server.wait(&mut connection, 99_999);
    assert_eq!(show(&server.output(&mut connection)), "");
}

#[test]
fn a_notice_comes_among_messages_and_delays_none() {
    let mut server = quiet();
    let mut connection = open(&mut server, 100_000, STREAM_RAW);
    server.text("a", "before");
    server.wait(&mut connection, 70_000);
    server.text("a", "after");
    let said = show(&server.output(&mut connection));
    let at = |part| said.find(part).unwrap_or_else(|| panic!("{part} is not in {said}"));
    assert!(at("before") < at("after") && said.contains("expiring"), "{said}");
}
