//! Every future is dropped after one poll, on a stream that takes hundreds of them for a message.

use crate::trickle::Trickle;
use futures_util::FutureExt as _;
use tokio::io::duplex;
use ws_frame::tokio::WebSocket;
use ws_frame::{CloseCode, Connection, Limits, Message};

fn pair() -> (WebSocket<Trickle>, WebSocket<Trickle>) {
    let (left, right) = duplex(1 << 20);
    let client = Connection::client(Limits::default(), || [1, 2, 3, 4]);
    let server = Connection::server(Limits::default());
    (
        WebSocket::from_parts(Trickle::new(left), client),
        WebSocket::from_parts(Trickle::new(right), server),
    )
}

#[test]
fn a_message_is_sent_once_and_received_once() {
    let (mut client, mut server) = pair();
    for text in ["first", "příliš žluťoučký 🐎", ""] {
        let mut polls = 1;
        if client.send(text).now_or_never().is_none() {
            while client.flush().now_or_never().is_none() {
                polls += 1;
            }
        }
        assert!(polls > 4, "{polls}");
        let received = loop {
            if let Some(received) = server.receive().now_or_never() {
                break received.unwrap();
            }
        };
        assert_eq!(received, Some(Message::from(text)));
    }
}

#[test]
fn a_closing_handshake_ends_all_the_same() {
    let (mut client, mut server) = pair();
    let (mut client_closed, mut server_closed) = (false, false);
    while !(client_closed && server_closed) {
        client_closed |= client
            .close(CloseCode::NORMAL, "bye")
            .now_or_never()
            .is_some_and(|closed| closed.is_ok());
        server_closed |= matches!(server.receive().now_or_never(), Some(Ok(None)));
    }
    assert!(matches!(server.receive().now_or_never(), Some(Ok(None))));
}
