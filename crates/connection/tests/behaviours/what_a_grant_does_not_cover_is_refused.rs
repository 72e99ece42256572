//! What a grant does not cover is refused in each way of reading: subscribing on every transport, polls, pages of
//! history and of members; and nothing of the refused request is left behind.
#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used)]

use crate::common::{ALL, Server, TIDEWIRE, follow, limited_to};
use std::task::{Poll, Waker};
use tidewire_broker::{Action, Forbidden};
use tidewire_connection::{Finding, Identity, LongPoll, Subscription};

fn not_covered(pattern: &str) -> Forbidden {
    Forbidden::NotCovered { action: Action::Subscribe, pattern: pattern.parse().unwrap() }
}

#[test]
fn a_connection_that_would_follow_it_is_not_opened() {
    for wire in ALL {
        let mut server = Server::with_presence();
        let grant = limited_to(&[], &["room.a"], &["room.a"]);
        let subscriptions = [("room.a", "now"), ("room.*", "now")];
        let opened = server.try_open(grant, wire, &subscriptions);
        assert_eq!(opened.unwrap_err(), not_covered("room.*"), "{wire:?}");
        assert_eq!((server.worker.lane.len(), server.publish_presence()), (0, 0), "{wire:?}");
        let grant = limited_to(&[], &["room.*"], &[]);
        assert!(server.try_open(grant, wire, &subscriptions).is_ok(), "{wire:?}");
    }
}

#[test]
fn a_poll_of_it_is_refused_and_so_is_the_search_for_where_it_begins() {
    let mut server = Server::new();
    let (grant, worker) = (limited_to(&[], &["a"], &[]), &mut server.worker);
    let subscriptions = [follow("a", "now"), follow("b", "now")];
    let opened = LongPoll::open(&subscriptions, &grant, 0, worker, server.time);
    assert_eq!((opened.unwrap_err(), worker.lane.len()), (not_covered("b"), 0));
    let broker = &worker.broker;
    let find = |pattern| {
        let (mut subscriptions, mut finding) = ([follow(pattern, "@2")], Finding::new(server.time));
        Subscription::find(&mut subscriptions, &grant, broker, &mut finding, Waker::noop())
    };
    assert_eq!(find("a"), Poll::Ready(Ok(())));
    assert_eq!(find("b"), Poll::Ready(Err(not_covered("b"))));
}

#[test]
fn each_request_that_reads_is_refused_under_its_number() {
    let mut server = Server::with_presence();
    server.text("b", "secret");
    server.text("room.b", "secret");
    let grant = limited_to(&[], &["a", "room.a"], &["room.a"]);
    let mut connection =
        server.open_with(grant, "c", Identity::default(), TIDEWIRE, &[("a", "now")]);
    server.output(&mut connection);
    for (request, doing) in [
        (r#""type":"subscribe","channel":"b""#, "reading b"),
        (r#""type":"subscribe","channel":"b","since":"@2""#, "reading b"),
        (r#""type":"subscribe","channel":">","since":"earliest""#, "reading >"),
        (r#""type":"subscribe","channel":"$presence.room.b""#, "reading $presence.room.b"),
        (r#""type":"history","channel":"b""#, "reading b"),
        (r#""type":"history","channel":">","before":"now""#, "reading >"),
        (r#""type":"presence","channel":"room.b""#, "listing the members of room.b"),
        (r#""type":"publish","channel":"a","data":1"#, "publishing to a"),
    ] {
        let answer = server.answer(&mut connection, &format!(r#"{{"id":1,{request}}}"#));
        let refused = format!(
            r#"{{"type":"error","id":1,"code":"forbidden","message":"{doing} is not allowed; the caller's grant does not cover it"}}"#
        );
        assert_eq!(answer, [refused], "{request}");
    }
    assert_eq!(server.publish_presence(), 0);
    for request in [
        r#"{"id":2,"type":"subscribe","channel":"room.a"}"#,
        r#"{"id":3,"type":"subscribe","channel":"$presence.room.a"}"#,
        r#"{"id":4,"type":"history","channel":"a"}"#,
        r#"{"id":5,"type":"presence","channel":"room.a"}"#,
    ] {
        let answer = server.answer(&mut connection, request).join("\n");
        assert!(!answer.contains("error") && !answer.contains("secret"), "{request}: {answer}");
    }
}
