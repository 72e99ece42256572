//! A handshake that fails says which side did what, to both sides.

use std::error::Error as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use ws_frame::tokio::WebSocket;
use ws_frame::{Error, HandshakeError, OpenError, Options, ResponseError, UrlError};

#[tokio::test]
async fn a_server_judges_the_request_and_the_client_learns_it() {
    let (left, right) = duplex(4 << 10);
    let options = Options::default().header("Origin", "https://evil.example");
    let client = WebSocket::client(left, "ws://a.example/chat?x", &options);
    let server = WebSocket::accept_with(right, &options, |request| {
        assert_eq!(request.target(), "/chat?x");
        assert_eq!(request.header("host"), Some("a.example"));
        match request.header("origin") {
            Some("https://good.example") => Ok(()),
            _ => Err(403),
        }
    });
    let (client, server) = tokio::join!(client, server);
    let refused = ResponseError::NotSwitched { status: 403 };
    assert!(matches!(server, Err(Error::Open(OpenError::Refused { status: 403 }))));
    let error = client.unwrap_err();
    assert!(matches!(error, Error::Open(OpenError::Response(found)) if found == refused));
    assert_eq!(error.to_string(), "the WebSocket was not opened");
    let causes = error.source().unwrap();
    assert_eq!(causes.to_string(), "the server's answer opens no WebSocket");
    let root = causes.source().unwrap();
    assert_eq!(root.to_string(), "the server answered 403 instead of 101");
}

#[tokio::test]
async fn what_is_no_request_is_answered_with_its_status() {
    for (request, status, error) in [
        (
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            426,
            OpenError::Request(HandshakeError::UpgradeMissing),
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", 405, HandshakeError::MethodNotGet.into()),
        ("\x16\x03\x01\r\n\r\n", 400, OpenError::NotHttp),
    ] {
        let (mut left, right) = duplex(4 << 10);
        left.write_all(request.as_bytes()).await.unwrap();
        let found = WebSocket::accept(right).await.unwrap_err();
        assert!(matches!(found, Error::Open(found) if found == error), "{found:?}");
        let mut response = String::new();
        left.read_to_string(&mut response).await.unwrap();
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
        assert!(response.contains("\r\nSec-WebSocket-Version: 13\r\n"), "{response}");
    }
}

#[tokio::test]
async fn a_stream_that_ends_early_and_a_head_without_end_are_named() {
    let (left, right) = duplex(64 << 10);
    drop(left);
    let ended = WebSocket::accept(right).await.unwrap_err();
    assert!(matches!(ended, Error::Open(OpenError::Ended)), "{ended:?}");

    let (mut left, right) = duplex(64 << 10);
    left.write_all(&[b'a'; 40 << 10]).await.unwrap();
    let long = WebSocket::accept(right).await.unwrap_err();
    assert!(matches!(long, Error::Open(OpenError::HeadTooLong)), "{long:?}");
}

#[tokio::test]
async fn an_address_or_header_that_cannot_be_is_refused_before_anything_is_sent() {
    let url = WebSocket::connect("http://a.example").await.unwrap_err();
    assert!(matches!(url, Error::Open(OpenError::Url(UrlError::Scheme))), "{url:?}");
    let tls = WebSocket::connect("wss://a.example").await.unwrap_err();
    assert!(matches!(tls, Error::Open(OpenError::TlsNeeded)), "{tls:?}");

    for options in [
        Options::default().header("Cookie", "a\r\nX-Evil: 1"),
        Options::default().header("X Evil", ""),
        Options::default().subprotocol("a, b"),
    ] {
        let (left, mut right) = duplex(64);
        let error = WebSocket::client(left, "ws://a", &options).await.unwrap_err();
        assert!(matches!(error, Error::Open(OpenError::HeaderInvalid)), "{error:?}");
        assert_eq!(right.read(&mut [0]).await.unwrap(), 0);
    }
}
