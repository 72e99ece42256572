//! A connection reports how much it holds, and a driver that sees all connections can make it drop that.
#![allow(missing_docs, clippy::indexing_slicing)]

use crate::common::{RAW, SSE, Server, TIDEWIRE, texts};
use tidewire_connection::CloseReason;

#[test]
fn an_unfinished_message_is_refused_with_1013_and_passed_over() {
    for wire in [RAW, TIDEWIRE] {
        let (mut server, mut connection) = Server::opened(wire);
        assert_eq!(connection.held_input_bytes(), 0);
        server.input(&mut connection, b"\x81\xfe\x03\xe8\0\0\0\0");
        server.input(&mut connection, &[b'x'; 600]);
        assert!((600..=1_000).contains(&connection.held_input_bytes()));
        connection.refuse_input("too many", &server.worker, server.time);
        assert_eq!(connection.held_input_bytes(), 0);
        let output = server.output(&mut connection);
        let (goodbye, close) = output.split_at(output.len() - 12);
        assert_eq!(close, b"\x88\x0a\x03\xf5too many");
        let goodbyes = texts(goodbye).iter().filter(|text| text.contains("1013")).count();
        assert_eq!(goodbyes, usize::from(wire == TIDEWIRE));
        server.input(&mut connection, &[b'x'; 400]);
        assert_eq!((connection.held_input_bytes(), connection.has_publishes()), (0, false));
        server.input(&mut connection, b"\x88\x80\0\0\0\0");
        server.output(&mut connection);
        assert_eq!(connection.close_reason(), Some(CloseReason::Refused));
    }
}

#[test]
fn a_message_takes_no_more_room_than_it_may_have() {
    let (mut server, mut connection) = Server::opened(RAW);
    let length = u64::try_from(server.worker.limits.message_bytes_max).unwrap();
    server.input(&mut connection, &[&b"\x82\xff"[..], &length.to_be_bytes(), &[0; 4]].concat());
    for _ in 0..15 {
        server.input(&mut connection, &[b'x'; 64 << 10]);
    }
    let held = connection.held_input_bytes();
    assert!((15 << 16..=1 << 20).contains(&held), "{held}");
}

#[test]
fn a_half_sent_message_is_held_once_the_log_has_let_it_go() {
    let mut server = Server::keeping(1);
    let mut connection = server.open(SSE, &[("a", "now")]);
    server.output(&mut connection);
    server.text("a", &"x".repeat(10_000));
    server.write(&mut connection, 5_000, &mut Vec::new());
    assert!(connection.is_inside_message());
    assert!(connection.held_output_bytes() < 100, "the log has it");
    server.text("a", "the next");
    assert!(connection.held_output_bytes() > 20_000, "payload and encoding");
    connection.give_up_output();
    assert_eq!(connection.close_reason(), Some(CloseReason::Stalled));
}
