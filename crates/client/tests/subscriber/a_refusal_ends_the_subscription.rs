//! What the server refuses in its own words is not tried again, on no wire.

use crate::scripted::{Answer, Server, error, next, soon};
use tidewire_client::{ErrorCode, SubscribeError, Wire};

#[tokio::test]
async fn a_problem_ends_the_stream_with_what_it_says() {
    let body = r#"{"type":"urn:tidewire:problem:bad_channel","title":"Invalid channel or pattern","status":400,"detail":"a space","code":"bad_channel"}"#;
    for wire in [Wire::Auto, Wire::WebSocket, Wire::Sse, Wire::Stream, Wire::Poll] {
        let server = Server::start([Answer::problem("400 Bad Request", body)]).await;
        let mut deliveries = server.subscribe(&["x y"]).wire(wire).stream();
        let SubscribeError::Refused(problem) = error(&mut deliveries).await else { panic!() };
        assert_eq!(problem.error_code(), Some(ErrorCode::BadChannel));
        assert_eq!(problem.detail, "a space");
        assert!(next(&mut deliveries).await.is_none());
    }
}

#[tokio::test]
async fn a_strangers_refusal_counts_when_no_wire_is_left() {
    let server = Server::start([Answer::new("403 Forbidden", "text/html", "no")]).await;
    let mut deliveries = server.subscribe(&["x"]).wire(Wire::Sse).stream();
    let refusal = "the server refused the subscription: Forbidden: the answer was 403 Forbidden";
    assert_eq!(error(&mut deliveries).await.to_string(), refusal);
}

#[tokio::test]
async fn nothing_to_subscribe_to_is_an_error() {
    let server = Server::start([]).await;
    let mut deliveries = server.subscribe(&[]).stream();
    assert_eq!(soon(error(&mut deliveries)).await, SubscribeError::NoChannel);
}
