//! The halves of a socket: two tasks, or two threads, neither of which waits for the other.

use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio::time::timeout;
use ws_frame::tokio::WebSocket;
use ws_frame::{CloseCode, Connection, Limits, Message, Options, blocking};

#[tokio::test]
async fn a_ping_is_answered_while_the_sender_sends_nothing() {
    let (mut peer, stream) = duplex(1 << 10);
    let socket = WebSocket::from_parts(stream, Connection::server(Limits::default()));
    let (_sender, mut receiver) = socket.split();
    let task = tokio::spawn(async move { receiver.receive().await });
    peer.write_all(b"\x89\x82\0\0\0\0hi").await.unwrap();
    let mut pong = [0; 4];
    peer.read_exact(&mut pong).await.unwrap();
    assert_eq!(&pong, b"\x8a\x02hi");
    peer.write_all(b"\x81\x81\0\0\0\0a").await.unwrap();
    assert_eq!(task.await.unwrap().unwrap(), Some("a".into()));
}

/// The stream is full, so the sender waits; then the receiver has a pong to write, and the stream knows
/// only one waker. Both go on when there is room.
#[tokio::test]
async fn a_sender_that_waits_is_woken_though_the_receiver_wrote_meanwhile() {
    let (mut peer, stream) = duplex(64);
    let socket = WebSocket::from_parts(stream, Connection::server(Limits::default()));
    let (mut sender, mut receiver) = socket.split();
    let sending = tokio::spawn(async move { sender.send(vec![7; 1_000]).await });
    tokio::task::yield_now().await;
    let receiving = tokio::spawn(async move {
        let first = receiver.receive().await.unwrap();
        (first, receiver.receive().await.unwrap())
    });
    peer.write_all(b"\x89\x81\0\0\0\0?\x81\x81\0\0\0\0a").await.unwrap();
    tokio::task::yield_now().await;
    let mut received = vec![0; 4 + 1_000 + 3];
    let in_time = timeout(Duration::from_secs(20), peer.read_exact(&mut received)).await;
    in_time.expect("the sender was not woken").unwrap();
    assert!(received.ends_with(b"\x07\x8a\x01?"), "{:?}", &received[1_000..]);
    sending.await.unwrap().unwrap();
    peer.write_all(b"\x88\x80\0\0\0\0").await.unwrap();
    assert_eq!(receiving.await.unwrap(), (Some("a".into()), None));
}

#[tokio::test]
async fn either_half_closes() {
    let (left, right) = duplex(64);
    let client = Connection::client(Limits::default(), || [9; 4]);
    let (mut client, mut from_server) = WebSocket::from_parts(left, client).split();
    let mut server = WebSocket::from_parts(right, Connection::server(Limits::default()));
    client.send("last words").await.unwrap();
    client.close(CloseCode::GOING_AWAY, "").await.unwrap();
    assert_eq!(server.receive().await.unwrap(), Some("last words".into()));
    assert_eq!(server.receive().await.unwrap(), None);
    assert_eq!(from_server.receive().await.unwrap(), None);
    assert!(client.send("too late").await.is_err());
}

#[test]
fn threads_send_while_another_one_receives() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let echo = thread::spawn(move || {
        let stream = listener.accept().unwrap().0;
        let mut socket = blocking::WebSocket::accept(stream).unwrap();
        while let Some(message) = socket.receive().unwrap() {
            socket.ping(b"").unwrap();
            socket.send(message).unwrap();
        }
    });
    let socket = blocking::WebSocket::connect_with(&url, &Options::default()).unwrap();
    let (sender, mut receiver) = socket.split(TcpStream::try_clone).unwrap();
    let senders: Vec<_> = (0..4)
        .map(|number| {
            let mut sender = sender.clone();
            thread::spawn(move || (0..50).for_each(|_| sender.send(vec![number; 100]).unwrap()))
        })
        .collect();
    for _ in 0..200 {
        let Some(Message::Binary(bytes)) = receiver.receive().unwrap() else { panic!() };
        assert!(bytes.len() == 100 && bytes.iter().all(|byte| *byte == bytes[0]));
    }
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    sender.clone().close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(receiver.receive().unwrap(), None);
    echo.join().unwrap();
}
