//! The example, as it stands, follows a server that spells its bytes out.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use ws_frame::HandshakeKey;

#[path = "../examples/subscribe.rs"]
#[expect(dead_code, reason = "`main` is for `cargo run`")]
mod subscribe;

/// What the example prints, and how it ends, with a server that answers its request so.
fn follow(serve: impl FnOnce(TcpStream) + Send + 'static) -> (String, Result<(), String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        serve(stream);
    });
    let mut printed = Vec::new();
    let outcome = subscribe::follow(&address, "lobby", &mut printed);
    server.join().unwrap();
    (String::from_utf8(printed).unwrap(), outcome.map_err(|error| error.to_string()))
}

/// Grants the request, with frames right after the answer.
fn grant(stream: &mut TcpStream, early: &[u8]) {
    let accept = accept(stream);
    let head = format!("{HEAD}sec-websocket-accept: {accept}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), early].concat()).unwrap();
}

/// A sound answer, less the line that each request has answered otherwise.
const HEAD: &str = "HTTP/1.1 101 Yes\r\nupgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
    Sec-WebSocket-Protocol: tidewire.v1\r\n";

/// Reads the request, and says what answers its key.
fn accept(stream: &mut TcpStream) -> String {
    let request = read_head(stream);
    assert!(request.starts_with("GET /ws HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nSec-WebSocket-Protocol: tidewire.v1\r\n"), "{request}");
    let key = request.split("Sec-WebSocket-Key: ").nth(1).unwrap().lines().next().unwrap();
    HandshakeKey::parse(key).unwrap().accept()
}

/// The next frame as it was before its mask: the first two bytes, then the payload.
fn read_frame(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 6];
    stream.read_exact(&mut head).unwrap();
    let [first, second, key @ ..] = head;
    assert!((0x80..0xFE).contains(&second), "a mask, and a length in one byte");
    let mut payload = vec![0; (second & 0x7F).into()];
    stream.read_exact(&mut payload).unwrap();
    let payload = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
    [first, second].into_iter().chain(payload).collect()
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn it_subscribes_prints_answers_pings_and_closes() {
    let (printed, outcome) = follow(|mut stream| {
        grant(&mut stream, b"\x81\x07welcome\x81\x05he");
        let subscribe = read_frame(&mut stream);
        let (head, request) = subscribe.split_at(2);
        assert_eq!(head, [0x81, 0x80 | 45]);
        assert_eq!(request, br#"{"type":"subscribe","id":1,"channel":"lobby"}"#);
        stream.write_all(b"llo\x89\x02up\x01\x02in\x80\x05 two.").unwrap();
        assert_eq!(read_frame(&mut stream), b"\x8a\x82up");
        stream.write_all(b"\x88\x02\x03\xe9").unwrap();
        assert_eq!(read_frame(&mut stream), b"\x88\x82\x03\xe9");
    });
    assert_eq!(printed, "welcome\nhello\nin two.\n");
    assert_eq!(outcome, Ok(()));
}

#[test]
fn a_refusal_is_shown() {
    let (_, outcome) = follow(|mut stream| {
        read_head(&mut stream);
        stream.write_all(b"HTTP/1.1 503 Full\r\n\r\n").unwrap();
    });
    let error = outcome.unwrap_err();
    assert!(
        error.contains("opens no WebSocket, the server answered 503 instead of 101:\n"),
        "{error}"
    );
    assert!(error.ends_with("HTTP/1.1 503 Full\\r\\n\\r\\n"), "{error}");
}

/// How the example ends with an answer that has `instead` in place of `part`.
fn outcome_with(part: &'static str, instead: &'static str) -> Result<(), String> {
    let (_, outcome) = follow(move |mut stream| {
        let sound = format!("{HEAD}Sec-WebSocket-Accept: {}\r\n\r\n", accept(&mut stream));
        assert!(sound.contains(part), "{part}");
        stream.write_all(sound.replacen(part, instead, 1).as_bytes()).unwrap();
    });
    outcome
}

#[test]
fn an_answer_that_breaks_a_rule_of_the_specification_is_refused() {
    let (chosen, other) = ("Sec-WebSocket-Protocol: tidewire.v1", "Sec-WebSocket-Protocol: soap");
    for (part, instead, words) in [
        ("upgrade: WebSocket\r\n", "", "Upgrade is not websocket"),
        ("upgrade: WebSocket", "upgrade: h2c", "Upgrade is not websocket"),
        ("Connection: keep-alive, Upgrade\r\n", "", "Connection does not contain Upgrade"),
        ("Upgrade\r\n", "close\r\n", "Connection does not contain Upgrade"),
        ("Sec-WebSocket-Accept: ", "Sec-WebSocket-Accept: x", "does not fit the key"),
        ("HTTP/1.1 101", "HTTP/1.1 200", "answered 200 instead of 101"),
        (chosen, other, "subprotocol that was not offered"),
        ("Sec-WebSocket-Protocol: tidewire.v1\r\n", "", "does not speak tidewire.v1"),
        (chosen, "Sec-WebSocket-Extensions: permessage-deflate", "extension that was not offered"),
        ("HTTP/1.1 101", "SIP/2.0 101", "is no HTTP"),
    ] {
        let error = outcome_with(part, instead).unwrap_err();
        assert!(error.contains(words), "{instead}: {error}");
    }
}

#[test]
fn an_answer_to_another_key_is_refused() {
    let (_, outcome) = follow(|mut stream| {
        read_head(&mut stream);
        let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        stream.write_all(format!("{HEAD}{accept}\r\n\r\n").as_bytes()).unwrap();
    });
    assert!(outcome.unwrap_err().contains("does not fit the key"));
}
