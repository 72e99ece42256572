//! WebSockets that begin in an HTTP library: the types of `http`, hyper's server, axum's handlers.

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, Version, header};
use tokio::net::TcpListener;
use ws_frame::deflate::{Config, Level};
use ws_frame::http::{accept, accept_request, grant, refuse, request, verify};
use ws_frame::tokio::WebSocket;
use ws_frame::{
    CloseCode, Error, HandshakeError, HandshakeKey, Message, OpenError, Options, ResponseError,
    UrlError,
};

#[path = "../../examples/axum_echo.rs"]
#[expect(dead_code, reason = "`main` is for `cargo run`")]
mod axum_echo;
#[path = "../../examples/hyper_echo.rs"]
#[expect(dead_code, reason = "`main` is for `cargo run`")]
mod hyper_echo;

fn options() -> Options {
    let options = Options::default().subprotocol("a.v1").subprotocol("a.v2").header("X-Trace", "1");
    options.compress(Config::default(), Level::DEFAULT)
}

fn asked() -> (HandshakeKey, Request<()>) {
    let key = HandshakeKey::from_random(*b"the sample nonce");
    let uri = Uri::from_static("ws://server.example.com:81/chat?room=1");
    (key.clone(), request(uri, &key, &options()).unwrap())
}

#[test]
fn a_request_in_types_of_http_is_granted_and_the_response_verified() {
    let (key, asked) = asked();
    // RFC 6455 §4.1: the path, and the scheme and host elsewhere.
    assert_eq!(asked.uri(), "/chat?room=1");
    assert_eq!(asked.headers()[header::HOST], "server.example.com:81");
    assert_eq!(asked.headers()[header::SEC_WEBSOCKET_PROTOCOL], "a.v1, a.v2");
    assert_eq!(asked.headers()["x-trace"], "1");
    assert_eq!(accept_request(&asked), Ok(key.clone()));

    let ours = Options::default().subprotocol("a.v2").compress(Config::default(), Level::DEFAULT);
    let (response, agreed) = grant::<()>(asked.headers(), &key, &ours);
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(response.headers()[header::SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(agreed.subprotocol.as_deref(), Some("a.v2"));
    let (mut server, concluded) = (agreed.connection, verify(&response, &key, &options()).unwrap());
    assert_eq!(concluded.subprotocol.as_deref(), Some("a.v2"));
    let (message, mut client) = (Message::from("again ".repeat(100)), concluded.connection);
    server.send(&message).unwrap();
    assert!(server.output().len() < 100, "it is not compressed");
    client.room().extend_from_slice(server.output());
    assert_eq!(client.next_event().unwrap(), Some(message.into()));
}

#[test]
fn a_request_that_cannot_be_made_is_refused() {
    let key = HandshakeKey::from_random(*b"the sample nonce");
    let bare = request::<()>(Uri::from_static("ws://a"), &key, &Options::default()).unwrap();
    assert_eq!(bare.uri(), "/");
    for (uri, options, error) in [
        ("/chat", Options::default(), OpenError::Url(UrlError::Host)),
        ("ws://me:secret@a/", Options::default(), OpenError::Url(UrlError::Credentials)),
        ("ws://a/", Options::default().subprotocol("a, b"), OpenError::HeaderInvalid),
        ("ws://a/", Options::default().header("a b", ""), OpenError::HeaderInvalid),
    ] {
        let found = request::<()>(Uri::from_static(uri), &key, &options).unwrap_err();
        assert_eq!(found, error, "{uri}");
    }
}

#[test]
fn a_response_has_the_headers_of_the_options() {
    let (key, asked) = asked();
    let options = Options::default().header("Set-Cookie", "a").header("Set-Cookie", "b");
    let (response, _) = grant::<()>(asked.headers(), &key, &options.header("X", "a\r\nY: b"));
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a", "b"]);
    assert!(!response.headers().contains_key("x"));
}

#[test]
fn every_token_of_a_request_is_checked() {
    let (_, asked) = asked();
    for (name, value, error) in [
        (header::HOST, "", None),
        (header::UPGRADE, "h2c", Some(HandshakeError::UpgradeMissing)),
        (header::UPGRADE, "websocket2", Some(HandshakeError::UpgradeMissing)),
        (header::UPGRADE, "h2c, WebSocket", None),
        (header::CONNECTION, "close, upgraded", Some(HandshakeError::ConnectionMissing)),
        (header::CONNECTION, "keep-alive, upgrade", None),
        (header::SEC_WEBSOCKET_VERSION, "8", Some(HandshakeError::VersionUnsupported)),
        (header::SEC_WEBSOCKET_KEY, "c2hvcnQ=", Some(HandshakeError::KeyInvalid)),
    ] {
        let mut headers = asked.headers().clone();
        headers.insert(&name, HeaderValue::from_static(value));
        assert_eq!(accept(&headers).err(), error, "{name}: {value}");
        headers.remove(&name);
        assert!(accept(&headers).is_err(), "without {name}");
    }
    assert_eq!(accept(&HeaderMap::new()), Err(HandshakeError::HostMissing));
    let mut old = asked;
    *old.version_mut() = Version::HTTP_2;
    assert_eq!(accept_request(&old), Err(HandshakeError::HttpVersionUnsupported));
}

#[test]
fn every_token_of_a_response_is_checked() {
    let (key, asked) = asked();
    for (name, value, error) in [
        (header::UPGRADE, "websocket, h2c", ResponseError::UpgradeInvalid),
        (header::CONNECTION, "close", ResponseError::ConnectionInvalid),
        (
            header::SEC_WEBSOCKET_ACCEPT,
            "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            ResponseError::AcceptInvalid,
        ),
        (header::SEC_WEBSOCKET_PROTOCOL, "a.v3", ResponseError::SubprotocolNotOffered),
        (header::SEC_WEBSOCKET_EXTENSIONS, "x-other", ResponseError::ExtensionNotOffered),
    ] {
        let (mut response, _) = grant::<()>(asked.headers(), &key, &options());
        response.headers_mut().insert(&name, HeaderValue::from_static(value));
        let found = verify(&response, &key, &options()).unwrap_err();
        assert_eq!(found, OpenError::Response(error), "{name}: {value}");
    }
    let forbidden = Response::builder().status(403).body(()).unwrap();
    let found = verify(&forbidden, &key, &options()).unwrap_err();
    assert_eq!(found, OpenError::Response(ResponseError::NotSwitched { status: 403 }));
}

#[test]
fn a_refusal_has_the_headers_that_its_status_wants() {
    let version = refuse(HandshakeError::VersionUnsupported);
    assert_eq!(version.status(), StatusCode::UPGRADE_REQUIRED);
    assert_eq!(version.headers()[header::SEC_WEBSOCKET_VERSION], "13");
    assert_eq!(version.headers()[header::UPGRADE], "websocket");
    assert_eq!(refuse(HandshakeError::MethodNotGet).headers()[header::ALLOW], "GET");
    assert_eq!(refuse(HandshakeError::KeyInvalid).status(), StatusCode::BAD_REQUEST);
}

/// Sends a message to an echo server, compressed if it agrees; then closes.
async fn converse(url: &str) {
    let options = Options::default().compress(Config::default(), Level::DEFAULT);
    let mut socket = WebSocket::connect_with(url, &options).await.unwrap();
    let message = Message::from("Hello ".repeat(1_000));
    socket.send(message.clone()).await.unwrap();
    assert_eq!(socket.receive().await.unwrap(), Some(message));
    socket.close(CloseCode::NORMAL, "").await.unwrap();
}

#[tokio::test]
async fn a_server_on_hyper_echoes_and_refuses_what_is_no_websocket() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(hyper_echo::serve(stream));
        }
    });
    converse(&format!("ws://{address}")).await;
    refused(address).await;
}

#[tokio::test]
async fn a_handler_of_axum_echoes_and_refuses_what_is_no_websocket() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, axum_echo::router()).await });
    converse(&format!("ws://{address}")).await;
    refused(address).await;
    let elsewhere = WebSocket::connect(&format!("ws://{address}/other")).await.unwrap_err();
    let not_found = OpenError::Response(ResponseError::NotSwitched { status: 404 });
    assert!(matches!(elsewhere, Error::Open(error) if error == not_found), "{elsewhere:?}");
}

async fn refused(address: std::net::SocketAddr) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    let lower = response.to_lowercase();
    assert!(lower.starts_with("http/1.1 426 "), "{response}");
    assert!(lower.contains("\r\nsec-websocket-version: 13\r\n"), "{response}");
}

#[test]
fn a_rejection_says_why() {
    use std::error::Error as _;
    use ws_frame::axum::Rejection;
    let rejection = Rejection::from(HandshakeError::UpgradeMissing);
    assert_eq!(rejection.to_string(), "the request does not ask for a WebSocket");
    assert_eq!(rejection.source().unwrap().to_string(), HandshakeError::UpgradeMissing.to_string());
    let response = axum::response::IntoResponse::into_response(Rejection::NotUpgradable);
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
}
