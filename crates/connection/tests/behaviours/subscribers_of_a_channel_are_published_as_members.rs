//! Presence: subscribing by name joins, and every way to end leaves.
#![allow(missing_docs)]

use crate::common::{ALL, SSE, STREAM, Server, TIDEWIRE};
use tidewire_connection::{CloseReason, Connection, Identity};

const JOINED: &str = r#"{"type":"message","channel":"$presence.room.a","position":"10-1","time":5,"key":"c","data":{"connection":"c","since":5}}"#;
const LEFT: &str =
    r#"{"type":"message","channel":"$presence.room.a","position":"10-2","time":5,"key":"c"}"#;

/// A subscriber to joins and leaves that is not a member itself.
fn watcher(server: &mut Server) -> Connection {
    let mut watcher = server.open_as("w", Identity::default(), TIDEWIRE, &[]);
    server.ask(&mut watcher, r#"{"type":"subscribe","id":1,"channel":"$presence.room.a"}"#);
    server.output(&mut watcher);
    watcher
}

fn received(server: &mut Server, watcher: &mut Connection) -> Vec<String> {
    server.publish_presence();
    crate::common::texts(&server.output(watcher))
}

#[test]
fn a_subscriber_of_any_wire_joins_and_leaves() {
    for wire in ALL {
        let mut server = Server::with_presence();
        let mut watcher = watcher(&mut server);
        let connection = server.open(wire, &[("room.a", "now"), ("room.a", "earliest")]);
        assert_eq!(received(&mut server, &mut watcher), [JOINED], "{wire:?}");
        connection.leave(&mut server.worker);
        assert_eq!(received(&mut server, &mut watcher), [LEFT], "{wire:?}");
    }
}

#[test]
fn a_connection_that_is_dropped_where_it_stands_leaves_too() {
    let mut server = Server::with_presence();
    let mut watcher = watcher(&mut server);
    drop(server.open(SSE, &[("room.a", "now")]));
    assert!(received(&mut server, &mut watcher).is_empty());
    let connection = server.open(SSE, &[("room.a", "now")]);
    received(&mut server, &mut watcher);
    drop(connection);
    assert_eq!(received(&mut server, &mut watcher), [LEFT]);
}

#[test]
fn a_client_that_answers_no_ping_leaves_when_it_is_given_up() {
    let mut server = Server::with_presence();
    let mut watcher = watcher(&mut server);
    let mut connection = server.open(TIDEWIRE, &[("room.a", "now")]);
    received(&mut server, &mut watcher);
    server.wait(&mut connection, 20_000);
    server.output(&mut connection);
    server.wait(&mut connection, 19_999);
    assert_eq!((connection.close_reason(), server.publish_presence()), (None, 0));
    server.wait(&mut connection, 1);
    assert_eq!(connection.close_reason(), Some(CloseReason::Silent));
    connection.leave(&mut server.worker);
    assert_eq!(server.publish_presence(), 1);
}

#[test]
fn patterns_polls_and_channels_without_presence_join_nothing() {
    let mut server = Server::with_presence();
    let _pattern = server.open(STREAM, &[("room.*", "now"), (">", "now")]);
    let _other = server.open(STREAM, &[("lobby", "now")]);
    let _listed = server.open(STREAM, &[("$presence.room.a", "now")]);
    let _poll = server.poll("room.a", "now", 1_000);
    assert_eq!(server.publish_presence(), 0);
}

#[test]
fn each_subscription_says_who_it_is_or_leaves_it_as_it_was_said_at_first() {
    let mut server = Server::with_presence();
    let mut watcher = watcher(&mut server);
    let identity = Identity::new(Some("ada"), Some("[1]")).unwrap();
    let mut connection = server.open_as("c", identity, TIDEWIRE, &[]);
    server.ask(&mut connection, r#"{"type":"subscribe","id":1,"channel":"room.a"}"#);
    assert!(
        received(&mut server, &mut watcher)[0]
            .ends_with(r#""data":{"connection":"c","user":"ada","info":[1],"since":5}}"#)
    );
    server.ask(&mut connection, r#"{"type":"unsubscribe","id":2,"channel":"room.a"}"#);
    assert_eq!(received(&mut server, &mut watcher), [LEFT]);
    let again = r#"{"type":"subscribe","id":3,"channel":"room.a","user":"bob","info":{"x":2}}"#;
    server.ask(&mut connection, again);
    assert!(
        received(&mut server, &mut watcher)[0]
            .ends_with(r#""data":{"connection":"c","user":"bob","info":{"x":2},"since":5}}"#)
    );
}

#[test]
fn who_says_too_much_is_refused_and_follows_nothing() {
    let mut server = Server::with_presence();
    let mut connection = server.open(TIDEWIRE, &[]);
    server.output(&mut connection);
    let info = "x".repeat(1_023);
    let ask = format!(r#"{{"type":"subscribe","id":1,"channel":"room.a","info":"{info}"}}"#);
    let refused = r#"{"type":"error","id":1,"code":"bad_request","message":"info has 1025 bytes; at most 1024 are allowed"}"#;
    assert_eq!(server.answer(&mut connection, &ask), [refused]);
    assert_eq!(server.publish_presence(), 0);
    assert_eq!(server.answer(&mut connection, &ask.replacen("xx", "", 1)).len(), 1);
    assert_eq!(server.publish_presence(), 1);
}

#[test]
fn a_member_that_subscribes_and_unsubscribes_all_the_time_is_published_once() {
    let mut server = Server::with_presence();
    let mut connection = server.open(TIDEWIRE, &[]);
    for _ in 0..100 {
        server.ask(&mut connection, r#"{"type":"subscribe","id":1,"channel":"room.a"}"#);
        server.ask(&mut connection, r#"{"type":"unsubscribe","id":2,"channel":"room.a"}"#);
        server.output(&mut connection);
    }
    assert_eq!(server.publish_presence(), 0);
    server.ask(&mut connection, r#"{"type":"subscribe","id":1,"channel":"room.a"}"#);
    assert_eq!(server.publish_presence(), 1);
}
