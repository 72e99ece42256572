//! A connection whose grant is for reading follows what it likes, and changes nothing that others
//! could notice: it is not listed as a member, and its publishes are refused.
#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used)]

use crate::common::{ALL, JSON, RAW, Server, TIDEWIRE, frame, show};
use tidewire_broker::Grant;
use tidewire_connection::{Connection, Identity, Wire};

fn open(server: &mut Server, wire: Wire, subscriptions: &[(&str, &str)]) -> Connection {
    let identity = Identity::new(Some("admin"), None).unwrap();
    server.open_with(Grant::reading(), "c", identity, wire, subscriptions)
}

#[test]
fn it_follows_a_channel_with_presence_and_is_not_among_the_members() {
    for wire in ALL {
        let mut server = Server::with_presence();
        let mut connection = open(&mut server, wire, &[("room.a", "now")]);
        assert_eq!(server.publish_presence(), 0, "{wire:?}");
        server.text("room.a", "hello");
        let received = show(&server.output(&mut connection));
        assert!(received.contains("hello"), "{wire:?}: {received}");
    }
}

#[test]
fn it_gets_the_reason_why_it_may_not_join_or_publish() {
    let mut server = Server::with_presence();
    let mut connection = open(&mut server, TIDEWIRE, &[]);
    server.output(&mut connection);
    let subscribe = r#"{"type":"subscribe","id":1,"channel":"room.a"}"#;
    let refused = r#"{"type":"error","id":1,"code":"forbidden","message":"joining room.a is not allowed; the caller may only read"}"#;
    assert_eq!(server.answer(&mut connection, subscribe), [refused]);
    let publish = r#"{"type":"publish","id":2,"channel":"a","data":1}"#;
    let refused = r#"{"type":"error","id":2,"code":"forbidden","message":"publishing to a is not allowed; the caller may only read"}"#;
    assert_eq!(server.answer(&mut connection, publish), [refused]);
    assert_eq!((server.publish_presence(), server.worker.broker.head()), (0, 0));
}

#[test]
fn a_raw_socket_is_closed_for_trying() {
    for wire in [RAW, JSON] {
        let mut server = Server::new();
        let mut connection = open(&mut server, wire, &[("a", "now")]);
        server.output(&mut connection);
        server.input(&mut connection, &frame("hello"));
        let close = server.output(&mut connection);
        assert_eq!(&close[..4], [0x88, 31, 3, 240], "1008, policy violation");
        assert_eq!(show(&close[4..]), "this connection may only read");
        assert_eq!(server.worker.broker.head(), 0);
    }
}
