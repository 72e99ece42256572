//! A message moves only the subscriptions that have begun, so none is taken for a repeat of itself.

use crate::scripted::{Answer, Server, message, text_frame};
use tidewire_client::{Since, Subscription, Wire};

const WELCOME: &str = r#"{"type":"welcome","connection":"c","version":"0.1.0","heartbeat_ms":20000,"position":"a-5"}"#;

fn frames(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| text_frame(text)).collect()
}

async fn channels(deliveries: &mut Subscription, count: usize) -> Vec<String> {
    let mut channels = Vec::new();
    for _ in 0..count {
        channels.push(message(deliveries).await.channel);
    }
    channels
}

#[tokio::test]
async fn a_subscription_that_begins_later_and_earlier_still_catches_up() {
    let body = frames(&[
        WELCOME,
        r#"{"type":"subscribed","id":1,"channel":"chat.*","position":"a-1"}"#,
        r#"{"type":"message","channel":"chat.a","position":"a-2","time":0,"data":1}"#,
        r#"{"type":"subscribed","id":2,"channel":">","position":"a-0"}"#,
        r#"{"type":"message","channel":"news.a","position":"a-1","time":0,"data":1}"#,
        r#"{"type":"message","channel":"chat.a","position":"a-2","time":0,"data":1}"#,
        r#"{"type":"message","channel":"end","position":"a-3","time":0,"data":1}"#,
    ]);
    let server = Server::start([Answer::websocket(2, body).hold()]).await;
    let subscribe = server.subscribe(&["chat.*", ">"]).since(Since::Earliest);
    let mut deliveries = subscribe.wire(Wire::WebSocket).stream();
    assert_eq!(channels(&mut deliveries, 3).await, ["chat.a", "news.a", "end"]);
}

#[tokio::test]
async fn after_a_cut_each_catches_up_from_its_own_place() {
    let first = frames(&[
        WELCOME,
        r#"{"type":"subscribed","id":1,"channel":"orders.eu.*","position":"a-5"}"#,
        r#"{"type":"subscribed","id":2,"channel":"orders.>","position":"a-5"}"#,
    ]);
    let second = frames(&[
        WELCOME,
        r#"{"type":"subscribed","id":1,"channel":"orders.eu.*","position":"a-5"}"#,
        r#"{"type":"message","channel":"orders.eu.x","position":"a-7","time":0,"data":1}"#,
        r#"{"type":"subscribed","id":2,"channel":"orders.>","position":"a-5"}"#,
        r#"{"type":"message","channel":"orders.us.x","position":"a-6","time":0,"data":1}"#,
        r#"{"type":"message","channel":"orders.eu.x","position":"a-7","time":0,"data":1}"#,
        r#"{"type":"message","channel":"orders.us.y","position":"a-8","time":0,"data":1}"#,
    ]);
    let mut server =
        Server::start([Answer::websocket(2, first), Answer::websocket(2, second).hold()]).await;
    let subscribe = server.subscribe(&["orders.eu.*", "orders.>"]).wire(Wire::WebSocket);
    let mut deliveries = subscribe.stream();
    let received = channels(&mut deliveries, 3).await;
    assert_eq!(received, ["orders.eu.x", "orders.us.x", "orders.us.y"]);
    for since in ["now", "now", "a-5", "a-5"] {
        let mut said = server.received().await;
        if said.starts_with("GET ") {
            said = server.received().await;
        }
        assert!(said.ends_with(&format!(r#""since":"{since}"}}"#)), "{said}");
    }
}
