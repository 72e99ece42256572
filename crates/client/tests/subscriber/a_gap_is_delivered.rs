//! A gap comes before what follows it, and does not move the position by itself.

use crate::scripted::{Answer, Server, message, next, text_frame};
use tidewire_client::{Delivery, Since, Subscription, Wire};

async fn expect_a_gap_and_a_message(mut deliveries: Subscription) {
    let Some(Ok(Delivery::Gap(gap))) = next(&mut deliveries).await else { panic!() };
    assert_eq!((gap.channel.as_str(), gap.from.as_str()), ("x", "a-1"));
    assert_eq!(gap.to.to_string(), "b-9");
    assert_eq!(message(&mut deliveries).await.position.to_string(), "b-10");
}

fn subscribe(server: &Server, wire: Wire) -> Subscription {
    let since = Since::After("a-1".parse().unwrap());
    server.subscribe(&["x"]).since(since).wire(wire).stream()
}

const GAP: &str = r#"{"type":"gap","channel":"x","from":"a-1","to":"b-9"}"#;
const MESSAGE: &str = r#"{"channel":"x","position":"b-10","time":0,"data":"hi"}"#;

#[tokio::test]
async fn over_sse() {
    let body = format!(
        "event: $gap\ndata: {GAP}\n\nevent: $new\ndata: ?\n\nid: b-10\ndata: {MESSAGE}\n\n"
    );
    let server = Server::start([Answer::sse(&body).hold()]).await;
    expect_a_gap_and_a_message(subscribe(&server, Wire::Sse)).await;
}

#[tokio::test]
async fn over_ndjson() {
    let body = format!("{GAP}\n{MESSAGE}\n");
    let server = Server::start([Answer::new("200 OK", "application/x-ndjson", &body).hold()]).await;
    expect_a_gap_and_a_message(subscribe(&server, Wire::Stream)).await;
}

#[tokio::test]
async fn over_a_poll() {
    let body = format!(r#"{{"messages":[{MESSAGE}],"position":"b-10","gaps":[{GAP}]}}"#);
    let server = Server::start([Answer::json(&body)]).await;
    expect_a_gap_and_a_message(subscribe(&server, Wire::Poll)).await;
}

#[tokio::test]
async fn over_a_websocket() {
    let mut body = text_frame(GAP);
    body.extend(text_frame(&MESSAGE.replacen('{', r#"{"type":"message","#, 1)));
    let server = Server::start([Answer::websocket(0, body).hold()]).await;
    expect_a_gap_and_a_message(subscribe(&server, Wire::WebSocket)).await;
}
