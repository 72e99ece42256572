//! An event source against a server on a socket, through `reqwest`.

#![allow(clippy::unwrap_used, reason = "a test may")]

use futures_util::StreamExt as _;
use sse_codec::source::{
    EventSource, EventSourceError, ReconnectPolicy, Refusal, ReqwestTransport,
};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Answers one request after the other, each on a connection of its own, and returns their heads.
async fn serve(listener: TcpListener, answers: Vec<String>) -> Vec<String> {
    let mut heads = Vec::new();
    for answer in answers {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        heads.push(String::from_utf8(head).unwrap().to_lowercase());
        socket.write_all(answer.as_bytes()).await.unwrap();
    }
    heads
}

fn client() -> reqwest::Client {
    // Another crate of the workspace may have given reqwest TLS without a provider, and then every client needs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n{body}")
}

/// What a source says of those answers, and which requests it makes.
async fn follow(
    answers: Vec<String>,
    policy: ReconnectPolicy,
) -> (Vec<Result<String, EventSourceError<reqwest::Error>>>, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    let server = tokio::spawn(serve(listener, answers));
    let client = client();
    let mut attempt = 0;
    let transport = ReqwestTransport::new(move || {
        attempt += 1;
        client.get(&url).bearer_auth(format!("token-{attempt}"))
    });
    let events = EventSource::with_policy(transport, policy);
    let seen = events.map(|event| event.map(sse_codec::OwnedEvent::into_data)).collect().await;
    (seen, server.await.unwrap())
}

const EVENT_STREAM: &str = "content-type: text/event-stream;charset=utf-8\r\n";

#[tokio::test]
async fn events_go_on_over_connections_until_204() {
    let answers = vec![
        answer("200 OK", EVENT_STREAM, "retry: 1\nid: é1\ndata: a\n\ndata: half"),
        answer("503 Service Unavailable", "retry-after: 0\r\ncontent-length: 0\r\n", ""),
        answer("200 OK", EVENT_STREAM, "data: b\n\n"),
        answer("204 No Content", "", ""),
    ];
    let policy = ReconnectPolicy::new().delay_min(Duration::from_millis(1));
    let (seen, heads) = follow(answers, policy.retries_unavailable(true)).await;
    assert_eq!(seen.into_iter().map(Result::unwrap).collect::<Vec<_>>(), ["a", "b"]);
    for (number, head) in heads.iter().enumerate() {
        assert!(head.starts_with("get /events http/1.1\r\n"), "{head}");
        assert!(head.contains("\r\naccept: text/event-stream\r\n"), "{head}");
        assert!(head.contains("\r\ncache-control: no-store\r\n"), "{head}");
        assert!(head.contains(&format!("bearer token-{}\r\n", number + 1)), "{head}");
        let has_id = head.contains("\r\nlast-event-id: é1\r\n");
        assert_eq!(has_id, number > 0, "{head}");
    }
}

#[tokio::test]
async fn a_page_is_no_event_stream() {
    let page = answer("200 OK", "content-type: text/html\r\n", "<p>hi");
    let (seen, _) = follow(vec![page], ReconnectPolicy::new()).await;
    assert!(
        matches!(&seen[..], [Err(EventSourceError::Refused(Refusal::ContentType))]),
        "{seen:?}"
    );
}

/// Trying again would not help, and would not be seen.
#[tokio::test]
async fn a_url_that_no_request_can_be_made_for_ends_it() {
    for url in ["http://", "no url", "ftp://127.0.0.1/"] {
        let client = client();
        let mut events = EventSource::reqwest(move || client.get(url));
        let first = tokio::time::timeout(Duration::from_secs(20), events.next()).await;
        let first = first.expect("it tries again");
        assert!(matches!(first, Some(Err(EventSourceError::Transport(_)))), "{url}: {first:?}");
        assert!(events.next().await.is_none());
    }
}

/// Whether `reqwest` has TLS is for the whole build to say. With it, this port refuses the connection, which
/// passes.
#[tokio::test]
async fn https_without_tls_ends_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    drop(listener);
    let client = client();
    let has_tls = !client
        .get(&url)
        .send()
        .await
        .is_err_and(|error| format!("{error:?}").contains("scheme is not http"));
    let mut updates = Box::pin(EventSource::reqwest(move || client.get(&url)).updates());
    let first = updates.next().await;
    assert_eq!(matches!(first, Some(Err(EventSourceError::Transport(_)))), !has_tls, "{first:?}");
}

/// A request has one `Accept`, though its maker has set another one.
#[tokio::test]
async fn the_headers_of_an_event_stream_take_the_place_of_others() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(serve(listener, vec![answer("204 No Content", "", "")]));
    let client = client();
    let events = EventSource::reqwest(move || client.get(&url).header("accept", "text/html"));
    assert_eq!(events.count().await, 0);
    let head = server.await.unwrap().remove(0);
    assert!(head.contains("accept: text/event-stream") && !head.contains("html"), "{head}");
}
