//! How a connection ended: closed, cut, or broken off because of an error.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use ws_frame::tokio::WebSocket;
use ws_frame::{CloseCode, Connection, Error, Limits, OwnedEvent, ProtocolError, SendError};

#[tokio::test]
async fn a_stream_that_ends_without_a_close_is_an_error_once() {
    for sent in [&b""[..], b"\x81", b"\x81\x85\0\0\0\0he"] {
        let (mut peer, stream) = duplex(64);
        peer.write_all(sent).await.unwrap();
        drop(peer);
        let mut socket = WebSocket::from_parts(stream, Connection::server(Limits::default()));
        let error = socket.receive().await.unwrap_err();
        assert!(matches!(error, Error::Ended), "{error:?}");
        assert_eq!(socket.receive().await.unwrap(), None);
    }
}

#[tokio::test]
async fn an_error_closes_with_its_code_and_ends_the_stream() {
    let (mut peer, stream) = duplex(64);
    peer.write_all(b"\x81\x82\0\0\0\0\xc3\x28").await.unwrap();
    let mut socket = WebSocket::from_parts(stream, Connection::server(Limits::default()));
    let error = socket.receive().await.unwrap_err();
    assert!(matches!(error, Error::Protocol(ProtocolError::TextNotUtf8)), "{error:?}");
    assert_eq!(socket.receive().await.unwrap(), None);
    let late = socket.send("late").await.unwrap_err();
    assert!(matches!(late, Error::Send(SendError::Closed)), "{late:?}");
    let mut sent = Vec::new();
    peer.read_to_end(&mut sent).await.unwrap();
    assert_eq!(sent, b"\x88\x02\x03\xef");
}

#[tokio::test]
async fn the_reason_of_a_close_comes_as_an_event() {
    let (left, right) = duplex(64);
    let client = Connection::client(Limits::default(), || [9; 4]);
    let mut client = WebSocket::from_parts(left, client);
    let mut server = WebSocket::from_parts(right, Connection::server(Limits::default()));
    client.ping(b"?").await.unwrap();
    client.send_close(CloseCode::GOING_AWAY, "bye").await.unwrap();
    assert!(matches!(server.receive_event().await.unwrap(), Some(OwnedEvent::Ping(_))));
    let Some(OwnedEvent::Close(Some(close))) = server.receive_event().await.unwrap() else {
        panic!("no close");
    };
    assert_eq!((close.code, close.reason.as_str()), (CloseCode::GOING_AWAY, "bye"));
    assert_eq!(server.receive_event().await.unwrap(), None);
    assert!(matches!(client.receive_event().await.unwrap(), Some(OwnedEvent::Pong(_))));
    assert!(matches!(client.receive_event().await.unwrap(), Some(OwnedEvent::Close(Some(_)))));
    assert_eq!(client.receive_event().await.unwrap(), None);
}
