//! A client of `tidewire.v1` shows a token; the driver judges it, and from then on its grant holds.
#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used)]

use crate::common::{Server, TIDEWIRE, frame, limited_to, show, texts};
use tidewire_broker::Grant;
use tidewire_connection::{Connection, Identity, Refusal};
use tidewire_protocol::ErrorCode;

const TOKEN: &str = r#"{"type":"token","id":7,"token":"t1"}"#;

fn open(server: &mut Server, grant: Grant) -> Connection {
    let mut connection = server.open_with(grant, "c", Identity::default(), TIDEWIRE, &[]);
    server.output(&mut connection);
    connection
}

/// Answers the credential that waits, and gives what is said then.
fn judge(
    server: &mut Server,
    connection: &mut Connection,
    outcome: Result<Grant, Refusal>,
) -> Vec<String> {
    assert!(connection.has_credential());
    let pending = connection.poll_credential().unwrap();
    assert_eq!((pending.id, pending.credential.reveal()), (Some(7), "t1"));
    assert!(connection.poll_credential().is_none(), "the driver has it");
    connection.handle_authenticated(outcome, &mut server.worker, server.time);
    let mut said = texts(&server.output(connection));
    connection.handle_time(&mut server.worker, server.time);
    said.extend(texts(&server.output(connection)));
    said
}

fn refusal() -> Refusal {
    Refusal::InvalidCredential {
        code: ErrorCode::Unauthorized,
        reason: "the token has expired".into(),
    }
}

#[test]
fn a_token_allows_what_follows_it_also_in_the_same_packet() {
    let mut server = Server::new();
    let mut connection = open(&mut server, limited_to(&[], &["b"], &[]));
    let subscribe = r#"{"type":"subscribe","id":8,"channel":"a"}"#;
    server.ask(&mut connection, subscribe);
    assert!(show(&server.output(&mut connection)).contains(r#""id":8,"code":"forbidden""#));
    let packet = [frame(TOKEN), frame(subscribe)].concat();
    connection.handle_time(&mut server.worker, server.time);
    server.input(&mut connection, &packet);
    assert_eq!(texts(&server.output(&mut connection)), [""; 0], "nothing is answered before");
    assert!(!connection.wants_input(&server.worker), "nor read");
    let grant = limited_to(&[], &["a"], &[]).until(server.time.wall_ms + 60_000);
    let said = judge(&mut server, &mut connection, Ok(grant));
    assert_eq!(
        said,
        [
            r#"{"type":"granted","id":7,"expires_in_ms":60000}"#,
            r#"{"type":"subscribed","id":8,"channel":"a","position":"10-0"}"#
        ]
    );
}

#[test]
fn subscriptions_that_a_renewal_does_not_cover_end_and_the_others_continue() {
    let mut server = Server::new();
    let mut connection = open(&mut server, Grant::open());
    for (id, channel) in [(1, "a"), (2, "b")] {
        let request = format!(r#"{{"type":"subscribe","id":{id},"channel":"{channel}"}}"#);
        server.answer(&mut connection, &request);
    }
    server.ask(&mut connection, TOKEN);
    let said = judge(&mut server, &mut connection, Ok(limited_to(&[], &["b"], &[])));
    assert!(said[0].starts_with(r#"{"type":"unsubscribed","channel":"a","code":"forbidden""#));
    assert_eq!(said[1..], [r#"{"type":"granted","id":7}"#]);
    ["a", "b"].iter().for_each(|channel| server.text(channel, &format!("in {channel}")));
    let said = show(&server.output(&mut connection));
    assert!(said.contains("in b") && !said.contains("in a"), "{said}");
}

#[test]
fn a_renewal_that_is_refused_changes_nothing() {
    let mut server = Server::new();
    let grant = Grant::open().until(server.time.wall_ms + 60_000);
    let mut connection = open(&mut server, grant);
    server.answer(&mut connection, r#"{"type":"subscribe","id":1,"channel":"a"}"#);
    server.ask(&mut connection, TOKEN);
    let said = judge(&mut server, &mut connection, Err(refusal()));
    let error =
        r#"{"type":"error","id":7,"code":"unauthorized","message":"the token has expired"}"#;
    assert_eq!(said, [error]);
    server.text("a", "still there");
    assert!(show(&server.output(&mut connection)).contains("still there"));
    server.wait(&mut connection, 60_000);
    assert!(show(&server.output(&mut connection)).contains("4002"));
}

#[test]
fn without_a_number_only_a_refusal_is_answered() {
    for (outcome, count) in [(Ok(Grant::open()), 0), (Err(refusal()), 1)] {
        let mut server = Server::new();
        let mut connection = open(&mut server, Grant::open());
        server.ask(&mut connection, r#"{"type":"token","token":"t1"}"#);
        assert_eq!(connection.poll_credential().unwrap().id, None);
        connection.handle_authenticated(outcome, &mut server.worker, server.time);
        let said = texts(&server.output(&mut connection));
        assert_eq!(said.len(), count, "{said:?}");
        assert!(said.iter().all(|error| error.starts_with(r#"{"type":"error","code":"#)));
    }
}

#[test]
fn a_token_that_is_too_long_is_refused_unseen_and_one_that_waits_is_counted() {
    let mut server = Server::new();
    let mut connection = open(&mut server, Grant::open());
    let long = format!(r#"{{"type":"token","id":9,"token":"{}"}}"#, "x".repeat(16_385));
    let said = server.answer(&mut connection, &long);
    assert_eq!(
        said,
        [
            r#"{"type":"error","id":9,"code":"bad_request","message":"token has 16385 bytes; at most 16384 are allowed"}"#
        ]
    );
    assert!(!connection.has_credential());
    let longest = format!(r#"{{"type":"token","id":9,"token":"{}"}}"#, "x".repeat(16_384));
    server.ask(&mut connection, &longest);
    assert!(connection.held_input_bytes() >= 16_384);
}
