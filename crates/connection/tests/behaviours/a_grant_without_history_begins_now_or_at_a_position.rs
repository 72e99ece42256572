//! With a grant that does not include history, reading begins with `now` or after a position, on every transport; what
//! else looks back is refused, and nothing of it is left behind.
#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::{ALL, Server, TIDEWIRE, follow};
use crate::held_back::HeldBack;
use std::task::{Poll, Waker};
use tidewire_broker::{Forbidden, Grant, Permissions};
use tidewire_connection::{Finding, Identity, LongPoll, Subscription};

/// Everything, from now on.
fn from_now_on() -> Grant {
    let [publish, subscribe, presence] = [0; 3].map(|_| vec![">".parse().unwrap()]);
    Grant::limited_to(Permissions { publish, subscribe, presence, history: false })
}

const PAST: [&str; 4] = ["earliest", "@2", "5m", "an id of another server"];

#[test]
fn a_connection_that_would_look_back_is_not_opened() {
    for wire in ALL {
        let mut server = Server::with_presence();
        for since in PAST {
            let opened = server.try_open(from_now_on(), wire, &[("room.a", since)]);
            assert_eq!(opened.unwrap_err(), Forbidden::History, "{wire:?} {since}");
            assert_eq!((server.worker.lane.len(), server.publish_presence()), (0, 0), "{since}");
        }
        for since in ["now", "7-0", "someoneelse-5"] {
            assert!(server.try_open(from_now_on(), wire, &[("a", since)]).is_ok(), "{since}");
        }
    }
}

#[test]
fn a_poll_that_would_look_back_is_refused_and_so_is_the_search_for_where_it_begins() {
    let mut server = Server::new();
    for since in PAST {
        let (worker, grant) = (&mut server.worker, from_now_on());
        let opened = LongPoll::open(&[follow("a", since)], &grant, 0, worker, server.time);
        assert_eq!((opened.unwrap_err(), worker.lane.len()), (Forbidden::History, 0), "{since}");
        let (mut finding, mut asked) = (Finding::new(server.time), [follow("a", since)]);
        let broker = &worker.broker;
        let found = Subscription::find(&mut asked, &grant, broker, &mut finding, Waker::noop());
        assert_eq!(found, Poll::Ready(Err(Forbidden::History)), "{since}");
    }
}

#[test]
fn each_request_that_would_look_back_is_refused_under_its_number() {
    let mut server = Server::with_presence();
    server.text("room.a", "secret");
    let identity = Identity::default();
    let mut connection = server.open_with(from_now_on(), "c", identity, TIDEWIRE, &[]);
    server.output(&mut connection);
    for request in [
        r#""type":"subscribe","channel":"room.a","since":"earliest""#,
        r#""type":"subscribe","channel":"room.*","since":"@2""#,
        r#""type":"history","channel":"room.a""#,
        r#""type":"history","channel":"room.a","since":"7-0""#,
        r#""type":"history","channel":"room.a","before":"now""#,
    ] {
        let answer = server.answer(&mut connection, &format!(r#"{{"id":1,{request}}}"#)).join("");
        let refused = r#"{"type":"error","id":1,"code":"forbidden","message":"reading messages"#;
        assert!(answer.starts_with(refused) && !answer.contains("secret"), "{request}: {answer}");
    }
    assert_eq!(server.publish_presence(), 0, "it has joined what it may not follow");
    let answer = server.answer(&mut connection, r#"{"id":2,"type":"presence","channel":"room.a"}"#);
    assert!(answer.join("").contains(r#""members":[]"#), "{answer:?}");
}

#[test]
fn a_page_or_subscription_that_waits_is_refused_when_the_grant_loses_history() {
    for request in [
        r#"{"type":"history","id":1,"channel":"cold"}"#,
        r#"{"type":"subscribe","id":1,"channel":"cold","since":"@2"}"#,
    ] {
        let (archive, broker) = HeldBack::broker(36);
        let mut server = Server::over(broker);
        let mut connection = server.open(TIDEWIRE, &[]);
        server.output(&mut connection);
        server.ask(&mut connection, request);
        assert!(server.output(&mut connection).is_empty() && archive.asked() > 0, "{request}");
        connection.handle_granted(from_now_on(), &mut server.worker, server.time);
        let said = String::from_utf8_lossy(&server.output(&mut connection)).into_owned();
        assert!(said.contains(r#""id":1,"code":"forbidden""#), "{request}: {said}");
        archive.open();
        assert!(server.output(&mut connection).is_empty(), "{request}");
    }
}
