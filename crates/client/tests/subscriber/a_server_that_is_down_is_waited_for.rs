//! A server that is away is asked again, on the same wire, until it is back or the caller gives up.

use crate::scripted::{Answer, Server, error, first_line, soon, texts};
use futures_util::StreamExt;
use std::{future::poll_fn, task::Poll};
use tidewire_client::{SubscribeError, Wire};

#[tokio::test]
async fn an_unavailable_server_is_asked_again_on_the_same_wire() {
    let problem = r#"{"type":"urn:tidewire:problem:unavailable","title":"Not now","status":503,"detail":"","code":"unavailable"}"#;
    let hi =
        "id: a-2\ndata: {\"channel\":\"x\",\"position\":\"a-2\",\"time\":0,\"data\":\"hi\"}\n\n";
    let mut server = Server::start([
        Answer::problem("503 Service Unavailable", problem),
        Answer::new("502 Bad Gateway", "text/html", ""),
        Answer::problem("429 Too Many Requests\r\nretry-after: 0", "{}"),
        Answer::sse(hi).hold(),
    ])
    .await;
    let mut deliveries = server.subscribe(&["x"]).wire(Wire::Sse).stream();
    assert_eq!(texts(&mut deliveries, 1).await, ["hi"]);
    for _ in 0..4 {
        assert!(first_line(&server.received().await).starts_with("GET /events?"));
    }
}

#[tokio::test]
async fn who_allows_so_many_attempts_gets_an_error_after_them() {
    for wire in [Wire::Auto, Wire::WebSocket, Wire::Sse, Wire::Stream, Wire::Poll] {
        let server = Server::start([]).await;
        let mut deliveries = server.subscribe(&["x"]).wire(wire).attempts_max(3).stream();
        let SubscribeError::Unreachable { attempts: 3, cause } = error(&mut deliveries).await
        else {
            panic!()
        };
        assert!(cause.contains("refused"), "{cause}");
    }
}

#[tokio::test]
async fn an_outage_is_reported_from_the_failure_until_something_is_received() {
    let id = "id: a-2\n\n";
    let server = Server::start([Answer::sse(id), Answer::sse(id).hold()]).await;
    let mut deliveries = server.subscribe(&["x"]).wire(Wire::Sse).stream();
    let mut reported = Vec::new();
    soon(poll_fn(|cx| {
        assert!(deliveries.poll_next_unpin(cx).is_pending());
        let outage = deliveries.outage().map(|outage| outage.was_connected);
        if reported.last() != Some(&outage) {
            reported.push(outage);
        }
        match deliveries.position() {
            Some(_) if reported.len() > 1 && outage.is_none() => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }))
    .await;
    assert_eq!(reported, [None, Some(true), None]);
}
