//! A grant that is replaced by a narrower one ends what it does not cover, with word of it; the rest goes on.
#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used)]

use crate::common::{
    ALL, JSON, RAW, SSE, SSE_JSON, STREAM, STREAM_RAW, Server, TIDEWIRE, limited_to, show,
};
use tidewire_broker::Grant;
use tidewire_connection::{CloseReason, Connection, Identity, Wire};

const REVOKED: &str = r#"{"type":"unsubscribed","channel":"b","code":"forbidden","message":"reading b is not allowed; the caller's grant does not cover it"}"#;

fn grant(server: &mut Server, connection: &mut Connection, grant: Grant) {
    connection.handle_granted(grant, &mut server.worker, server.time);
}

/// How a wire says that the subscription to `b` has ended.
fn word_of_it(wire: Wire) -> Vec<u8> {
    let chunk = |text: String| format!("{:x}\r\n{text}\r\n", text.len()).into_bytes();
    match wire {
        Wire::Sse { .. } => chunk(format!("event: $unsubscribed\ndata: {REVOKED}\n\n")),
        Wire::Stream { .. } => chunk(format!("{REVOKED}\n")),
        Wire::WebSocket(_) | Wire::Tidewire => {
            let len = u8::try_from(REVOKED.len()).unwrap();
            [&[0x81, 126, 0, len], REVOKED.as_bytes()].concat()
        }
    }
}

#[test]
fn each_wire_says_which_subscription_has_ended_and_the_other_goes_on() {
    for wire in [SSE, SSE_JSON, STREAM, STREAM_RAW, RAW, JSON, TIDEWIRE] {
        let mut server = Server::new();
        let mut connection = server.open(wire, &[("a", "now"), ("b", "now")]);
        server.output(&mut connection);
        server.text("b", "1st of b");
        server.text("a", "1st of a");
        grant(&mut server, &mut connection, limited_to(&["b"], &["a"], &[]));
        let said = server.output(&mut connection);
        assert!(said.starts_with(&word_of_it(wire)), "{wire:?}: {}", show(&said));
        server.text("b", "2nd of b");
        server.text("a", "2nd of a");
        let said = show(&said) + &show(&server.output(&mut connection));
        assert!(said.contains("1st of a") && said.contains("2nd of a"), "{wire:?}: {said}");
        assert!(!said.contains("of b"), "{wire:?}: {said}");
        let mut followed = Vec::new();
        server.worker.broker.each_channel(|channel| {
            followed.extend(channel.is_followed.then(|| channel.name.to_string()));
        });
        assert_eq!(followed, ["a"], "{wire:?}");
        assert_eq!(connection.close_reason(), None);
    }
}

#[test]
fn with_nothing_left_a_client_that_cannot_subscribe_is_disconnected() {
    const ERROR: &str = r#"{"type":"error","code":"forbidden","message":"the caller's grant covers none of the connection's subscriptions any more"}"#;
    const REASON: &str =
        "the caller's grant covers none of the connection's subscriptions any more";
    for wire in [SSE, SSE_JSON, STREAM, STREAM_RAW, RAW, JSON] {
        let mut server = Server::new();
        let mut connection = server.open(wire, &[("b", "now")]);
        server.output(&mut connection);
        server.text("b", "late");
        grant(&mut server, &mut connection, limited_to(&["b"], &["a"], &[]));
        let chunks = |text: String| format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len()).into_bytes();
        let end = match wire {
            Wire::Sse { .. } => chunks(format!("retry: 2000\nevent: $error\ndata: {ERROR}\n\n")),
            Wire::Stream { .. } => chunks(format!("{ERROR}\n")),
            _ => [&[0x88, 75, 0x03, 0xF0], REASON.as_bytes()].concat(),
        };
        let said = server.output(&mut connection);
        assert_eq!(show(&said), show(&[word_of_it(wire), end].concat()), "{wire:?}");
        server.wait(&mut connection, 3_000);
        assert_eq!(connection.close_reason(), Some(CloseReason::Revoked), "{wire:?}");
    }
}

#[test]
fn a_client_that_can_subscribe_stays_and_may_have_what_is_covered() {
    let mut server = Server::new();
    let mut connection = server.open(TIDEWIRE, &[("b", "now")]);
    server.output(&mut connection);
    grant(&mut server, &mut connection, limited_to(&[], &["a"], &[]));
    assert_eq!(server.output(&mut connection), word_of_it(TIDEWIRE));
    let answer = |server: &mut Server, connection: &mut Connection, request: &str| {
        server.answer(connection, request).join("\n")
    };
    let subscribe = r#"{"type":"subscribe","id":1,"channel":"b"}"#;
    assert!(answer(&mut server, &mut connection, subscribe).contains("forbidden"));
    let publish = r#"{"type":"publish","id":2,"channel":"a","data":1}"#;
    assert!(answer(&mut server, &mut connection, publish).contains("forbidden"));
    let subscribe = r#"{"type":"subscribe","id":3,"channel":"a"}"#;
    assert!(answer(&mut server, &mut connection, subscribe).contains("subscribed"));
    grant(&mut server, &mut connection, Grant::open());
    assert_eq!(show(&server.output(&mut connection)), "");
    let subscribe = r#"{"type":"subscribe","id":4,"channel":"b"}"#;
    assert!(answer(&mut server, &mut connection, subscribe).contains("subscribed"));
}

#[test]
fn what_another_subscription_selects_too_is_delivered_once_and_not_lost() {
    for wire in ALL {
        let mut server = Server::new();
        (0..3).for_each(|n| server.text("a.b", &format!("<{n}>")));
        // One catches up while the other is live.
        let mut connection = server.open(wire, &[("a.*", "10-0"), ("a.b", "10-1")]);
        let mut said = Vec::new();
        server.write(&mut connection, 40, &mut said);
        grant(&mut server, &mut connection, limited_to(&[], &["a.b"], &[]));
        (3..6).for_each(|n| server.text("a.b", &format!("<{n}>")));
        server.text("a.c", "secret");
        said.extend(server.output(&mut connection));
        let said = show(&said);
        for n in 1..6 {
            assert_eq!(said.matches(&format!("<{n}>")).count(), 1, "{wire:?}, {n}: {said}");
        }
        assert!(!said.contains("secret"), "{wire:?}: {said}");
    }
}

#[test]
fn a_member_leaves_where_it_may_not_be_and_stays_elsewhere() {
    for wire in ALL {
        let mut server = Server::with_presence();
        let follows = [("room.a", "now"), ("room.b", "now"), ("room.c", "now")];
        let mut connection = server.open(wire, &follows);
        assert_eq!(server.publish_presence(), 3, "{wire:?}");
        server.output(&mut connection);
        grant(&mut server, &mut connection, limited_to(&[], &["room.a", "room.b"], &["room.a"]));
        assert_eq!(server.publish_presence(), 2, "{wire:?}");
        server.text("room.b", "still read");
        let said = show(&server.output(&mut connection));
        assert!(said.contains("still read"), "{wire:?}: {said}");
        assert_eq!(said.matches(r#""code":"forbidden""#).count(), 1, "{wire:?}: {said}");
        connection.handle_gone();
        connection.leave(&mut server.worker);
        assert_eq!(server.publish_presence(), 1, "{wire:?}");
    }
}

#[test]
fn a_member_whose_connection_is_closing_stays_as_long_as_its_newest_grant() {
    for wire in [RAW, JSON, TIDEWIRE] {
        let mut server = Server::with_presence();
        let first = Grant::open().until(server.time.wall_ms + 500);
        let mut connection =
            server.open_with(first, "c", Identity::default(), wire, &[("room.a", "now")]);
        assert_eq!(server.publish_presence(), 1, "{wire:?}");
        // A frame without a mask: the server closes, and waits for the client to do so too.
        server.input(&mut connection, b"\x81\x01x");
        server.output(&mut connection);
        let longer = Grant::open().until(server.time.wall_ms + 800);
        grant(&mut server, &mut connection, longer);
        server.wait(&mut connection, 500);
        assert_eq!(server.publish_presence(), 0, "{wire:?}");
        server.wait(&mut connection, 300);
        assert_eq!(server.publish_presence(), 1, "{wire:?}");
    }
}
