//! When the grant of a connection expires, the client is notified and gets nothing more; with a new grant it resumes
//! and has missed nothing.
#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used)]

use crate::common::{
    ALL, JSON, RAW, SSE, SSE_EVENT, SSE_JSON, STREAM, STREAM_RAW, Server, TIDEWIRE, frame,
    limited_to, show,
};
use tidewire_broker::{Forbidden, Grant};
use tidewire_connection::{CloseReason, Connection, Identity, Wire};

/// A connection whose grant has `left_ms` left.
fn open(server: &mut Server, left_ms: u64, wire: Wire, follows: &[(&str, &str)]) -> Connection {
    let grant = Grant::open().until(server.time.wall_ms + left_ms);
    server.open_with(grant, "c", Identity::default(), wire, follows)
}

/// What each wire says last.
fn last_words(wire: Wire) -> Vec<u8> {
    const ERROR: &str = r#"{"type":"error","code":"expired","message":"the caller's grant has expired; get a new one, and resume from the last position"}"#;
    const REASON: &str = "the grant has expired; get a new one, reconnect and resume";
    let chunks = |text: String| format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len()).into_bytes();
    let close = [&[0x88, 60, 0x0F, 0xA2], REASON.as_bytes()].concat();
    match wire {
        Wire::Sse { .. } => chunks(format!("retry: 2000\nevent: $error\ndata: {ERROR}\n\n")),
        Wire::Stream { .. } => chunks(format!("{ERROR}\n")),
        Wire::WebSocket(_) => close,
        Wire::Tidewire => {
            let goodbye = r#"{"type":"goodbye","code":4002,"retry_ms":2000}"#;
            [&[0x81, 46], goodbye.as_bytes(), &close].concat()
        }
    }
}

#[test]
fn each_wire_says_that_it_has_expired_and_delivers_nothing_more() {
    for wire in [SSE, SSE_JSON, SSE_EVENT, STREAM, STREAM_RAW, RAW, JSON, TIDEWIRE] {
        let mut server = Server::new();
        // The notice before the end is in `a_grant_that_expires_soon_is_announced_once`.
        server.worker.limits.expiry_notice_ms = 0;
        let mut connection = open(&mut server, 500, wire, &[("a", "now")]);
        server.output(&mut connection);
        assert_eq!(connection.wake_at_ms(&server.worker.limits), server.time.steady_ms + 500);
        server.wait(&mut connection, 499);
        server.text("a", "in time");
        assert!(show(&server.output(&mut connection)).contains("in time"), "{wire:?}");
        server.text("a", "late");
        server.wait(&mut connection, 1);
        let said = server.output(&mut connection);
        assert_eq!(show(&said), show(&last_words(wire)), "{wire:?}");
        assert_eq!(said, last_words(wire), "{wire:?}");
        server.text("a", "later");
        server.wait(&mut connection, 3_000);
        assert_eq!(show(&server.output(&mut connection)), "", "{wire:?}");
        assert_eq!(connection.close_reason(), Some(CloseReason::Expired), "{wire:?}");
    }
}

#[test]
fn who_comes_back_with_a_new_grant_has_missed_nothing() {
    for wire in ALL {
        let mut server = Server::new();
        let mut connection = open(&mut server, 500, wire, &[("a", "now")]);
        server.output(&mut connection);
        server.text("a", "1st");
        let received = show(&server.output(&mut connection));
        server.text("a", "2nd");
        server.wait(&mut connection, 500);
        let last = show(&server.output(&mut connection));
        assert!(received.contains("1st") && !last.contains("2nd"), "{wire:?}: {last}");
        let grant = Grant::open().until(server.time.wall_ms);
        let refused = server.try_open(grant, wire, &[("a", "10-1")]);
        assert_eq!(refused.unwrap_err(), Forbidden::Expired);
        let mut again = open(&mut server, 500, wire, &[("a", "10-1")]);
        let received = show(&server.output(&mut again));
        assert!(received.contains("2nd") && !received.contains("1st"), "{wire:?}: {received}");
    }
}

#[test]
fn a_new_grant_before_the_end_prolongs_it_whatever_the_wall_clock_does() {
    for wire in ALL {
        let mut server = Server::new();
        let mut connection = open(&mut server, 500, wire, &[("a", "now")]);
        server.output(&mut connection);
        server.wait(&mut connection, 499);
        let grant = Grant::open().until(server.time.wall_ms + 100);
        connection.handle_granted(grant, &mut server.worker, server.time);
        server.time.wall_ms += 1_000_000;
        server.wait(&mut connection, 99);
        server.text("a", "in time");
        let received = show(&server.output(&mut connection));
        assert!(
            received.contains("in time") && !received.contains("expired"),
            "{wire:?}: {received}"
        );
        server.wait(&mut connection, 1);
        assert_eq!(server.output(&mut connection), last_words(wire), "{wire:?}");

        let mut connection = open(&mut server, 500, wire, &[("a", "now")]);
        server.output(&mut connection);
        connection.handle_granted(Grant::open(), &mut server.worker, server.time);
        server.wait(&mut connection, 500);
        assert_eq!(show(&server.output(&mut connection)), "", "{wire:?}");
    }
}

#[test]
fn a_message_that_is_half_sent_is_sent_to_its_end_and_no_other_is() {
    for wire in ALL {
        let mut server = Server::new();
        let mut connection = open(&mut server, 500, wire, &[("a", "now")]);
        server.output(&mut connection);
        server.text("a", &"x".repeat(100));
        server.text("a", "late");
        let mut said = Vec::new();
        server.write(&mut connection, 50, &mut said);
        server.wait(&mut connection, 500);
        said.extend(server.output(&mut connection));
        assert!(said.ends_with(&last_words(wire)), "{wire:?}: {}", show(&said));
        let said = show(&said);
        assert!(said.contains(&"x".repeat(100)) && !said.contains("late"), "{wire:?}: {said}");
    }
}

#[test]
fn what_it_asks_for_after_that_is_not_done() {
    let mut server = Server::new();
    let mut connection = open(&mut server, 500, TIDEWIRE, &[]);
    server.output(&mut connection);
    server.time.steady_ms += 500;
    // Bytes may come before the turn in which the time is noticed.
    for request in [
        r#"{"type":"publish","id":1,"channel":"a","data":1}"#,
        r#"{"type":"subscribe","id":2,"channel":"a"}"#,
    ] {
        server.input(&mut connection, &frame(request));
    }
    assert_eq!(server.output(&mut connection), last_words(TIDEWIRE));
    assert_eq!(server.worker.broker.head(), 0);
    let mut raw = open(&mut server, 500, RAW, &[("a", "now")]);
    server.output(&mut raw);
    server.time.steady_ms += 500;
    server.input(&mut raw, &frame("hello"));
    assert_eq!(server.output(&mut raw), last_words(RAW));
    assert_eq!(server.worker.broker.head(), 0);
}

#[test]
fn a_member_has_left_at_that_moment_though_its_client_reads_nothing() {
    for wire in ALL {
        let mut server = Server::with_presence();
        let mut connection = open(&mut server, 500, wire, &[("room.a", "now")]);
        assert_eq!(server.publish_presence(), 1, "{wire:?}");
        server.text("room.a", "news");
        server.write(&mut connection, 1, &mut Vec::new());
        assert!(connection.is_blocked());
        server.wait(&mut connection, 500);
        assert_eq!((server.publish_presence(), connection.close_reason()), (1, None), "{wire:?}");
    }
}

#[test]
fn a_goodbye_that_comes_first_is_said_and_one_that_comes_later_is_not() {
    let mut server = Server::new();
    let mut connection = open(&mut server, 500, RAW, &[("a", "now")]);
    server.output(&mut connection);
    connection.dismiss(100, 5_000, server.time);
    let goodbye = show(&server.output(&mut connection));
    assert!(goodbye.contains("1012"), "{goodbye}");
    let grant = limited_to(&[], &["a"], &[]).until(server.time.wall_ms + 500);
    let mut connection = server.open_with(grant, "c", Identity::default(), RAW, &[("a", "now")]);
    server.output(&mut connection);
    server.wait(&mut connection, 500);
    connection.dismiss(100, 5_000, server.time);
    assert_eq!(server.output(&mut connection), last_words(RAW));
}
