//! A client that has read the response head is subscribed: it receives all that is published after that.

use super::*;
use std::io::{ErrorKind, Read as _};

#[actix_web::test]
async fn a_client_that_has_read_the_head_receives_what_is_published_after_it() {
    let server = Running::with(2, |broker| Arc::new(MemoryEngine::new(broker)));
    let (address, broker) = (server.address, server.broker.clone());
    let tries = move || {
        for attempt in 0..TRIES {
            for request in REQUESTS {
                let text = format!("m{attempt}.");
                let mut client = std::net::TcpStream::connect(address).unwrap();
                client.write_all(request.as_bytes()).unwrap();
                let mut received = read_head(&mut client);
                let (permit, draft) = message(&text);
                let position = broker.append(permit, draft, 1).unwrap();
                client.set_nonblocking(false).unwrap();
                client.set_read_timeout(Some(DRAIN)).unwrap();
                let mut buffer = [0; 4_096];
                while !String::from_utf8_lossy(&received).contains(&text) {
                    let read = client.read(&mut buffer).unwrap_or(0);
                    let received_text = String::from_utf8_lossy(&received);
                    assert!(read > 0, "try {attempt}: {position:?} was missed: {received_text}");
                    received.extend_from_slice(&buffer[..read]);
                }
            }
        }
    };
    rt::task::spawn_blocking(tries).await.unwrap();
    server.end(DRAIN).await;
}

#[actix_web::test]
async fn the_place_at_which_a_stream_opens_is_before_what_is_published_after_its_head() {
    let server = Running::with(2, |broker| Arc::new(MemoryEngine::new(broker)));
    let (address, broker) = (server.address, server.broker.clone());
    let tries = move || {
        for _ in 0..TRIES {
            let mut client = std::net::TcpStream::connect(address).unwrap();
            client.write_all(b"GET /events?channel=a HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            let mut received = read_head(&mut client);
            let (permit, draft) = message("late");
            let position = broker.append(permit, draft, 1).unwrap();
            client.set_nonblocking(false).unwrap();
            client.set_read_timeout(Some(DRAIN)).unwrap();
            let mut buffer = [0; 4_096];
            while !received.windows(6).any(|line| line == b"\ndata:") {
                let read = client.read(&mut buffer).unwrap();
                received.extend_from_slice(&buffer[..read]);
            }
            let received = String::from_utf8_lossy(&received);
            let ids: Vec<u64> = received
                .lines()
                .filter_map(|line| line.strip_prefix("id: ")?.rsplit('-').next()?.parse().ok())
                .collect();
            assert!(ids[0] < position.offset, "{position:?} in {received}");
        }
    };
    rt::task::spawn_blocking(tries).await.unwrap();
    server.end(DRAIN).await;
}

/// Looks again and again, since sleeping would take longer than what has to be found.
fn read_head(client: &mut std::net::TcpStream) -> Vec<u8> {
    client.set_nonblocking(true).unwrap();
    let (start, mut received, mut buffer) = (Instant::now(), Vec::new(), [0; 4_096]);
    while !received.windows(4).any(|end| end == b"\r\n\r\n") {
        assert!(start.elapsed() < DRAIN, "no head came");
        match client.read(&mut buffer) {
            Ok(read) => received.extend_from_slice(&buffer[..read]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    received
}

fn message(text: &str) -> (Permit, Draft) {
    let channel = "a".parse().unwrap();
    let permit = Grant::open().permit(&channel).unwrap();
    (permit, Draft::new(Content::Text(text.to_owned().into())))
}

const TRIES: usize = 150;

macro_rules! handshake {
    ($path:literal, $more:literal) => {
        concat!(
            "GET ",
            $path,
            " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            $more,
            "\r\n"
        )
    };
}

/// Every wire that stays, on a channel and on a pattern.
const REQUESTS: [&str; 7] = [
    "GET /events?channel=a HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /events?channel=* HTTP/1.0\r\nHost: localhost\r\n\r\n",
    "GET /stream?channel=a&since=now HTTP/1.1\r\nHost: localhost\r\n\r\n",
    handshake!("/ws?channel=a", ""),
    handshake!("/ws?channel=*&format=json", ""),
    handshake!("/ws?channel=a", "Sec-WebSocket-Protocol: tidewire.v1\r\n"),
    handshake!("/?channel=a", ""),
];
