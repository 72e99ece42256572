//! Subprotocol, headers and compression, over tokio and over `std`.

use std::net::{TcpListener, TcpStream};
use std::thread;
use tokio::io::duplex;
use ws_frame::deflate::{Config, Level};
use ws_frame::{Limits, Message, Options, blocking, tokio::WebSocket};

fn options() -> Options {
    let limits = Limits::new().message_bytes_max(2_000);
    let options = Options::default().limits(limits).subprotocol("a.v2").subprotocol("a.v1");
    options.compress(Config::default(), Level::DEFAULT)
}

#[tokio::test]
async fn over_tokio() {
    let (left, right) = duplex(64);
    let offer = Options::default().subprotocol("b").subprotocol("a.v1").subprotocol("a.v2");
    let offer = offer.compress(Config::default(), Level::FASTEST).header("X-Trace", "1");
    let ours = options();
    let client = WebSocket::client(left, "ws://a.example", &offer);
    let server = WebSocket::accept_with(right, &ours, |request| {
        assert_eq!(request.header("x-trace"), Some("1"));
        Ok(())
    });
    let (client, server) = tokio::join!(client, server);
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    // The client's order decides.
    assert_eq!((client.subprotocol(), server.subprotocol()), (Some("a.v1"), Some("a.v1")));
    let long = Message::from("over and over ".repeat(100));
    let (sent, received) = tokio::join!(client.send(long.clone()), server.receive());
    sent.unwrap();
    assert_eq!(received.unwrap(), Some(long.clone()));
    // More than the pipe holds at once if it were not compressed.
    assert!(futures_util::FutureExt::now_or_never(server.send(long)).is_some());
}

#[test]
fn over_std() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/x", listener.local_addr().unwrap());
    let client = thread::spawn(move || {
        let mut socket = blocking::WebSocket::connect_with(&url, &options()).unwrap();
        assert_eq!(socket.subprotocol(), Some("a.v2"));
        socket.send("Hello ".repeat(300)).unwrap();
        let answer = socket.receive().unwrap().unwrap();
        socket.close(ws_frame::CloseCode::NORMAL, "bye").unwrap();
        answer
    });
    let stream: TcpStream = listener.accept().unwrap().0;
    let mut server = blocking::WebSocket::accept_with(stream, &options(), |_| Ok(())).unwrap();
    let message = server.receive().unwrap().unwrap();
    server.ping(b"?").unwrap();
    server.send(message.clone()).unwrap();
    assert_eq!(server.receive().unwrap(), None);
    assert_eq!(client.join().unwrap(), message);
}
