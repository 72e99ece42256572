//! A raw client that breaks the protocol still receives what it has published before, then the close.
#![allow(missing_docs)]

use crate::common::{GRACE_MS, JSON, RAW, Server, frame};
use tidewire_broker::{Engine as _, MemoryEngine, Publishing};
use tidewire_connection::{CloseReason, Connection, Limits, Refusal};

/// A frame of a reserved opcode, which is answered with 1002.
const BROKEN: &[u8] = b"\x83\x80\0\0\0\0";

/// A raw client that has said `hi` and broken the protocol in one read.
fn broken(server: &mut Server) -> Connection {
    let mut connection = server.open(RAW, &[("a", "now")]);
    server.input(&mut connection, &[&frame("hi"), BROKEN].concat());
    connection
}

#[test]
fn the_echo_comes_first() {
    for wire in [RAW, JSON] {
        let mut server = Server::new();
        let mut connection = server.open(wire, &[("a", "now")]);
        server.input(&mut connection, &[&frame("hi"), BROKEN, &frame("ignored")].concat());
        let output = server.output(&mut connection);
        let close = output.windows(4).position(|bytes| bytes.ends_with(b"\x03\xea"));
        let hi = output.windows(2).position(|bytes| bytes == b"hi");
        assert!(hi.is_some() && hi < close, "{output:?}");
        assert_eq!(server.worker.broker.head(), 1);
    }
}

#[test]
fn until_then_nothing_is_read_and_afterwards_all_has_been_said() {
    let mut server = Server::new();
    let mut connection = broken(&mut server);
    assert!(!connection.wants_input(&server.worker));
    assert!(!connection.has_said_all());
    let mut output = Vec::new();
    assert!(server.write(&mut connection, usize::MAX, &mut output));
    assert_eq!(output, b"\x81\x02hi");
    assert!(!connection.has_said_all());
    server.output(&mut connection);
    assert!(connection.has_said_all());
    assert!(connection.wants_input(&server.worker));
    connection.handle_end_of_input();
    server.output(&mut connection);
    assert_eq!(connection.close_reason(), Some(CloseReason::Refused));
}

#[test]
fn an_echo_of_half_a_write_is_finished_before_the_close() {
    let mut server = Server::new();
    let mut connection = broken(&mut server);
    let output = server.output_by(&mut connection, 1);
    assert!(output.starts_with(b"\x81\x02hi\x88"), "{output:?}");
}

#[test]
fn an_answer_that_comes_after_the_echo_lets_the_close_go() {
    let mut server = Server::new();
    let mut connection = server.open(RAW, &[("a", "now")]);
    let mut input = [&frame("hi"), BROKEN].concat();
    connection.handle_input(&mut input, &mut server.worker, server.time);
    let publish = connection.poll_publish().unwrap();
    let engine = MemoryEngine::new(server.worker.broker.clone());
    let publishing = engine.publish(publish.permit, publish.draft, server.time.wall_ms);
    let Publishing::Done(outcome) = publishing else { panic!("it answers at once") };

    // An engine that waits for its disk answers when the message may be on its way already.
    assert_eq!(server.output(&mut connection), b"\x81\x02hi");
    let outcome = outcome.map_err(Refusal::from);
    connection.handle_published(publish.id, outcome, &server.worker, server.time);
    assert!(server.output(&mut connection).starts_with(b"\x88"));
    assert!(connection.has_said_all());
}

#[test]
fn an_echo_is_awaited_also_behind_a_pong() {
    let mut server = Server::new();
    let mut connection = server.open(RAW, &[("a", "now")]);
    let ping = b"\x89\x80\0\0\0\0";
    server.input(&mut connection, &[&ping[..], &frame("hi"), BROKEN].concat());
    // A write that takes no more than the pong.
    let mut output = Vec::new();
    server.write(&mut connection, 2, &mut output);
    assert_eq!(output, b"\x8a\x00");
    assert!(server.output(&mut connection).starts_with(b"\x81\x02hi\x88"));
}

#[test]
fn one_that_is_dismissed_meanwhile_is_read_again_for_its_close() {
    let mut server = Server::new();
    let mut connection = broken(&mut server);
    connection.dismiss(1_000, GRACE_MS, server.time);
    assert!(!connection.wants_input(&server.worker), "the goodbye has not been said yet");
    server.wait(&mut connection, GRACE_MS);
    assert!(connection.wants_input(&server.worker));
}

#[test]
fn a_client_that_never_takes_its_echo_is_disconnected() {
    let mut server = Server::new();
    let mut connection = broken(&mut server);
    server.write(&mut connection, 0, &mut Vec::new());
    server.wait(&mut connection, Limits::default().stall_ms);
    assert_eq!(connection.close_reason(), Some(CloseReason::Stalled));
}
