//! A script in a browser sees no ping and no pong, so none of them may put its heartbeat off.
#![allow(missing_docs)]

use crate::common::{RAW, Server, TIDEWIRE, texts};

/// A client's pong of nothing, and a ping, under masks of zeros.
const PONG: &[u8] = b"\x8a\x80\0\0\0\0";
const PING: &[u8] = b"\x89\x80\0\0\0\0";
const BEAT: &str = r#"{"type":"position","position":"10-0"}"#;

#[test]
fn a_client_that_pings_all_the_time_gets_positions_all_the_same() {
    let (mut server, mut connection) = Server::opened(TIDEWIRE);
    for _ in 0..19 {
        server.wait(&mut connection, 1_000);
        server.input(&mut connection, PING);
        assert_eq!(server.output(&mut connection), b"\x8a\x00");
    }
    server.wait(&mut connection, 1_000);
    assert_eq!(texts(&server.output(&mut connection)), [BEAT]);
}

#[test]
fn heartbeats_keep_their_time_though_pongs_come_late() {
    let (mut server, mut connection) = Server::opened(TIDEWIRE);
    for _ in 0..5 {
        server.wait(&mut connection, 20_000);
        let output = server.output(&mut connection);
        // The ping is sent too, although the client sent something less than a heartbeat ago.
        assert_eq!(output[..2], *b"\x89\x00");
        assert_eq!(texts(&output[2..]), [BEAT]);
        server.time.steady_ms += 300;
        server.input(&mut connection, PONG);
        server.time.steady_ms -= 300;
        assert_eq!(connection.wake_at_ms(&server.worker.limits), server.time.steady_ms + 20_000);
    }
}

#[test]
fn a_ping_of_which_only_a_byte_is_taken_is_no_heartbeat_either() {
    let (mut server, mut connection) = Server::opened(TIDEWIRE);
    server.wait(&mut connection, 19_000);
    server.input(&mut connection, PING);
    let mut output = Vec::new();
    server.write(&mut connection, 1, &mut output);
    server.write(&mut connection, 1, &mut output);
    assert_eq!(output, b"\x8a\x00");
    server.wait(&mut connection, 1_000);
    assert_eq!(texts(&server.output(&mut connection)), [BEAT]);
}

#[test]
fn pongs_of_which_a_part_was_taken_cost_no_message() {
    let mut server = Server::new();
    let mut connection = server.open(RAW, &[("a", "now")]);
    server.input(&mut connection, &PING.repeat(10));
    let mut output = Vec::new();
    server.write(&mut connection, 18, &mut output);
    server.text("a", "x");
    server.write(&mut connection, 2, &mut output);
    output.extend(server.output(&mut connection));
    assert_eq!(output, [&b"\x8a\x00".repeat(10)[..], b"\x81\x01x"].concat());
}
