//! The example, as it stands, talks to a client that spells its bytes out.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

#[path = "../examples/echo.rs"]
#[expect(dead_code, reason = "`main` is for `cargo run`")]
mod echo;

/// A connection to a server of its own, that fails rather than waits.
fn connect() -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    thread::spawn(move || echo::serve(&listener));
    stream
}

fn request(version: u8) -> String {
    format!(
        "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-version: {version}\r\n\r\n"
    )
}

#[test]
fn a_conversation_from_handshake_to_close() {
    let mut stream = connect();
    let hello = [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58];
    // The first frame comes with the request, the second in two halves.
    stream.write_all(&[request(13).as_bytes(), &hello, &hello[..4]].concat()).unwrap();
    stream.write_all(&hello[4..]).unwrap();
    stream.write_all(b"\x89\x82\0\0\0\0hi\x88\x82\0\0\0\0\x03\xe9").unwrap();

    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let head_end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    let (head, frames) = answer.split_at(head_end);
    let head = str::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
    assert_eq!(frames, b"\x81\x05Hello\x81\x05Hello\x8a\x02hi\x88\x02\x03\xe9");
}

#[test]
fn a_broken_rule_is_answered_with_its_close_code() {
    let mut stream = connect();
    stream.write_all(&[request(13).as_bytes(), b"\x83"].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.ends_with(b"\r\n\r\n\x88\x02\x03\xea"), "{answer:?}");
}

#[test]
fn an_error_for_another_version_names_ours() {
    let mut stream = connect();
    stream.write_all(request(8).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    assert!(answer.contains("\r\nSec-WebSocket-Version: 13\r\n"), "{answer}");
}

/// The answer to a request that is not granted, until the server hangs up.
fn refusal(request: &str) -> String {
    let mut stream = connect();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_request_that_breaks_a_rule_of_the_specification_is_refused() {
    let sound = request(13);
    for (part, instead, status) in [
        ("GET /", "POST /", 405),
        ("HTTP/1.1", "HTTP/1.0", 505),
        ("Host: server.example.com\r\n", "", 400),
        ("Upgrade: websocket", "Upgrade: h2c", 426),
        ("Upgrade: websocket\r\n", "", 426),
        ("Connection: Upgrade", "Connection: close", 400),
        ("Connection: Upgrade\r\n", "", 400),
        (
            "Sec-WebSocket-Key: ",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-key: ",
            400,
        ),
        ("Upgrade: websocket", "Upgrade : websocket", 400),
        ("GET /chat HTTP/1.1", "GET", 400),
    ] {
        let request = sound.replacen(part, instead, 1);
        assert_ne!(request, sound, "{part}");
        let answer = refusal(&request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{instead}: {answer}");
        assert!(!answer.contains("Sec-WebSocket-Accept"), "{instead}: {answer}");
    }
}

#[test]
fn lists_and_cases_of_any_kind_are_granted() {
    let mut stream = connect();
    let request = request(13).replace("Upgrade: websocket", "upgrade: h2c, WebSocket");
    let request = request.replace("Connection: Upgrade", "connection: keep-alive,upgrade");
    stream.write_all(&[request.as_bytes(), b"\x88\x80\0\0\0\0"].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", answer.escape_ascii());
}
