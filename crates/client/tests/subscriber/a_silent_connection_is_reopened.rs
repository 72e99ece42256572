//! A connection on which the server falls silent is taken for dead, though it never ends.

use crate::scripted::{Answer, Server, header, text_frame, texts};
use std::time::Duration;
use tidewire_client::Wire;

#[tokio::test]
async fn over_sse_after_two_and_a_half_heartbeats() {
    let message = |offset| {
        format!(
            "id: a-{offset}\ndata: {{\"channel\":\"x\",\"position\":\"a-{offset}\",\"time\":0,\"data\":\"{offset}\"}}\n\n"
        )
    };
    let mut server =
        Server::start([Answer::sse(&message(2)).hold(), Answer::sse(&message(3)).hold()]).await;
    let subscribe = server.subscribe(&["x"]).wire(Wire::Sse);
    let mut deliveries = subscribe.heartbeat(Duration::from_millis(100)).stream();
    assert_eq!(texts(&mut deliveries, 2).await, ["2", "3"]);
    server.received().await;
    assert_eq!(header(&server.received().await, "last-event-id"), Some("a-2"));
}

#[tokio::test]
async fn over_a_websocket_as_its_welcome_says() {
    let answer = |offset| {
        let mut body = text_frame(
            r#"{"type":"welcome","connection":"c","version":"0","heartbeat_ms":100,"position":"a-1"}"#,
        );
        body.extend(text_frame(&format!(
            r#"{{"type":"message","channel":"x","position":"a-{offset}","time":0,"data":"{offset}"}}"#
        )));
        Answer::websocket(0, body).hold()
    };
    let server = Server::start([answer(2), answer(3)]).await;
    let mut deliveries = server.subscribe(&["x"]).wire(Wire::WebSocket).stream();
    assert_eq!(texts(&mut deliveries, 2).await, ["2", "3"]);
}
