//! A peer that asks for answers and does not read them is not read: memory is bounded.

use futures_util::FutureExt as _;
use tokio::io::{AsyncWriteExt as _, duplex};
use ws_frame::tokio::WebSocket;
use ws_frame::{Connection, Limits};

#[test]
fn pings_without_end_are_taken_up_to_a_bound() {
    let (mut peer, stream) = duplex(1 << 10);
    let mut socket = WebSocket::from_parts(stream, Connection::server(Limits::default()));
    let ping = [&b"\x89\xfd\0\0\0\0"[..], &[b'?'; 125]].concat();
    let mut taken = 0;
    while let Some(written) = peer.write(&ping[taken % ping.len()..]).now_or_never() {
        taken += written.unwrap();
        assert!(socket.receive().now_or_never().is_none());
        assert!(taken < 256 << 10, "the server takes pings without end");
    }
    // Some 64 KiB of pongs wait, and what fits in the stream and in the read buffer.
    assert!(taken > 32 << 10, "{taken}");
}

#[test]
fn a_sender_waits_for_its_peer_to_read() {
    let (_peer, stream) = duplex(1 << 10);
    let mut socket = WebSocket::from_parts(stream, Connection::server(Limits::default()));
    let mut fed = 0;
    while socket.feed(vec![0; 1 << 10]).now_or_never().is_some() {
        fed += 1;
        assert!(fed < 128, "the socket takes messages without end");
    }
    assert!(fed >= 64, "{fed}");
}
