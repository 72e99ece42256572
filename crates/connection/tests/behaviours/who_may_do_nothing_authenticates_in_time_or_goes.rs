//! A connection whose grant is empty has to authenticate by its first request: what it may send and how long it may take
//! is bounded, and everything else ends it with the close code 4501.
#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used)]

use crate::common::{RAW, Server, TIDEWIRE, frame, limited_to, show};
use tidewire_broker::Grant;
use tidewire_connection::{CloseReason, Connection, Identity, Refusal};
use tidewire_protocol::ErrorCode;

const TOKEN: &str = r#"{"type":"token","id":7,"token":"t1"}"#;

fn open(server: &mut Server) -> Connection {
    let empty = limited_to(&[], &[], &[]);
    let mut connection = server.open_with(empty, "c", Identity::default(), TIDEWIRE, &[]);
    assert!(show(&server.output(&mut connection)).contains("welcome"));
    connection
}

/// The goodbye and the close frame of 4501.
fn last_words() -> Vec<u8> {
    let (goodbye, reason) = (
        r#"{"type":"goodbye","code":4501}"#,
        "no valid token came, which has to be the first request",
    );
    [&[0x81, 30], goodbye.as_bytes(), &[0x88, 56, 0x11, 0x95], reason.as_bytes()].concat()
}

fn check_end(server: &mut Server, connection: &mut Connection, error: &str) {
    let said = server.output(connection);
    assert!(said.ends_with(&last_words()), "{}", show(&said));
    assert!(show(&said).contains(error), "{}", show(&said));
    assert!(error.is_empty() == (said.len() == last_words().len()), "{}", show(&said));
    server.wait(connection, 3_000);
    assert_eq!(connection.close_reason(), Some(CloseReason::Unauthenticated));
}

#[test]
fn who_sends_nothing_or_only_pings_is_gone_after_the_deadline() {
    for pings in [false, true] {
        let mut server = Server::new();
        let mut connection = open(&mut server);
        assert_eq!(connection.wake_at_ms(&server.worker.limits), server.time.steady_ms + 10_000);
        server.wait(&mut connection, 9_999);
        if pings {
            server.input(&mut connection, &[0x89, 0x80, 0, 0, 0, 0]);
            assert_eq!(server.output(&mut connection), [0x8A, 0]);
        }
        assert_eq!(show(&server.output(&mut connection)), "");
        server.wait(&mut connection, 1);
        check_end(&mut server, &mut connection, "");
    }
}

#[test]
fn a_request_that_is_no_token_is_refused_under_its_number_and_ends_it() {
    for request in [
        r#"{"type":"subscribe","id":1,"channel":"a"}"#,
        r#"{"type":"unsubscribe","id":1,"channel":"a"}"#,
        r#"{"type":"history","id":1,"channel":"a"}"#,
        r#"{"type":"publish","id":1,"channel":"a","data":1}"#,
        r#"{"type":"jump","id":1}"#,
        r#"{"type":"token","id":1}"#,
    ] {
        let mut server = Server::new();
        let mut connection = open(&mut server);
        server.input(&mut connection, &[frame(request), frame(TOKEN)].concat());
        check_end(&mut server, &mut connection, r#"{"type":"error","id":1,"code":"unauthorized""#);
        assert_eq!(server.worker.broker.head(), 0);
    }
}

#[test]
fn a_token_that_is_refused_ends_it() {
    let mut server = Server::new();
    let mut connection = open(&mut server);
    server.input(&mut connection, &frame(TOKEN));
    connection.poll_credential().unwrap();
    let refusal = Refusal::InvalidCredential { code: ErrorCode::Unauthorized, reason: "no".into() };
    connection.handle_authenticated(Err(refusal), &mut server.worker, server.time);
    check_end(&mut server, &mut connection, r#""id":7,"code":"unauthorized","message":"no""#);
}

#[test]
fn what_it_may_send_before_is_bounded_in_bytes() {
    let mut server = Server::new();
    let mut connection = open(&mut server);
    // A message in fragments that never ends.
    let mut fragment = vec![0x01, 0xFE, 0x10, 0x00, 0, 0, 0, 0];
    fragment.extend([b'x'; 4_096]);
    for _ in 0..7 {
        server.input(&mut connection, &fragment);
        assert_eq!(show(&server.output(&mut connection)), "");
        fragment[0] = 0x00;
    }
    server.input(&mut connection, &fragment);
    check_end(&mut server, &mut connection, "");
    assert_eq!(connection.held_input_bytes(), 0);
}

#[test]
fn a_token_in_time_ends_the_wait_and_the_bound() {
    let mut server = Server::new();
    let mut connection = open(&mut server);
    server.wait(&mut connection, 9_999);
    server.input(&mut connection, &frame(TOKEN));
    connection.poll_credential().unwrap();
    connection.handle_authenticated(Ok(Grant::open()), &mut server.worker, server.time);
    assert!(show(&server.output(&mut connection)).contains("granted"));
    server.wait(&mut connection, 5);
    let publish =
        format!(r#"{{"type":"publish","id":8,"channel":"a","data":"{}"}}"#, "x".repeat(50_000));
    assert!(server.answer(&mut connection, &publish)[0].contains("published"));
    assert_eq!(connection.close_reason(), None);
}

#[test]
fn who_may_do_something_or_has_no_commands_need_not() {
    let mut server = Server::new();
    for (grant, wire) in
        [(limited_to(&[], &["a"], &[]), TIDEWIRE), (limited_to(&[], &[], &[]), RAW)]
    {
        let mut connection = server.open_with(grant, "c", Identity::default(), wire, &[]);
        server.output(&mut connection);
        server.wait(&mut connection, 10_000);
        assert_eq!(show(&server.output(&mut connection)), "", "{wire:?}");
    }
}
