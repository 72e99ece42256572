//! The close handshake, begun by either side.
#![allow(missing_docs)]

use crate::common::{GRACE_MS, RAW, Server, TIDEWIRE, frame};
use tidewire_connection::CloseReason;

#[test]
fn the_client_closes() {
    let mut server = Server::new();
    let mut connection = server.open(RAW, &[("a", "now")]);
    server.input(&mut connection, b"\x88\x85\0\0\0\0\x03\xe8bye");
    server.text("a", "too late");
    assert_eq!(connection.close_reason(), None, "the answer has to go out first");
    assert_eq!(server.output(&mut connection), b"\x88\x02\x03\xe8");
    assert_eq!(connection.close_reason(), Some(CloseReason::Left));
}

#[test]
fn the_server_closes_and_the_client_answers() {
    let mut server = Server::new();
    let mut connection = server.open(RAW, &[("a", "now")]);
    connection.dismiss(500, GRACE_MS, server.time);
    assert_eq!(server.output(&mut connection)[..4], *b"\x88\x41\x03\xf4");
    server.text("a", "too late");
    assert_eq!(server.output(&mut connection), b"");
    server.input(&mut connection, &frame("passed over"));
    server.input(&mut connection, b"\x88\x82\0\0\0\0\x03\xe9");
    assert_eq!(server.output(&mut connection), b"");
    assert_eq!(connection.close_reason(), Some(CloseReason::Dismissed));
    assert_eq!(server.worker.broker.head(), 1, "what came after the close was not published");
}

#[test]
fn a_client_that_never_answers_is_disconnected_in_time() {
    let mut server = Server::new();
    let mut connection = server.open(RAW, &[("a", "now")]);
    connection.dismiss(500, GRACE_MS, server.time);
    server.output(&mut connection);
    assert_eq!(connection.wake_at_ms(&server.worker.limits), 4_000);
    server.wait(&mut connection, 3_000);
    assert_eq!(connection.close_reason(), Some(CloseReason::Dismissed));
}

#[test]
fn no_answer_follows_a_close() {
    let mut server = Server::new();
    let mut connection = server.open(TIDEWIRE, &[]);
    server.output(&mut connection);
    let mut input = frame(r#"{"type":"publish","id":1,"channel":"a","data":"x"}"#);
    input.extend_from_slice(b"\x81\x01x");
    server.input(&mut connection, &input);
    let output = server.output(&mut connection);
    assert_eq!(&output[..4], b"\x88\x1e\x03\xea", "{}", crate::common::show(&output));
    assert_eq!(output.len(), 2 + 0x1e);
}

#[test]
fn a_client_that_ends_its_side_is_still_answered() {
    let mut server = Server::new();
    let mut connection = server.open(RAW, &[("a", "now")]);
    server.input(&mut connection, b"\x88\x80\0\0\0\0");
    connection.handle_end_of_input();
    assert!(!connection.wants_input(&server.worker), "an end must not be read again");
    assert_eq!(server.output(&mut connection), b"\x88\x00");
    assert_eq!(connection.close_reason(), Some(CloseReason::Left));
}

#[test]
fn a_client_that_is_gone_is_not_waited_for() {
    let mut server = Server::new();
    let mut connection = server.open(RAW, &[("a", "now")]);
    server.input(&mut connection, b"\x88\x80\0\0\0\0");
    connection.handle_gone();
    assert_eq!(connection.close_reason(), Some(CloseReason::Left));
}
