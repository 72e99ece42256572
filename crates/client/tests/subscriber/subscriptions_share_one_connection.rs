//! A second subscription begins on the WebSocket of the first, and each of them is read as what was asked for.

use crate::scripted::{Answer, Server, message, next, soon, text_frame};
use futures_util::StreamExt as _;
use std::collections::BTreeMap;
use tidewire_client::{Delivery, SubscribeError};

const WELCOME: &str = r#"{"type":"welcome","connection":"c","version":"0.1.0","heartbeat_ms":20000,"position":"a-5"}"#;

fn frames(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| text_frame(text)).collect()
}

#[tokio::test]
async fn and_one_whose_payload_does_not_fit_says_so_and_goes_on() {
    let first = frames(&[
        WELCOME,
        r#"{"type":"position","position":"a-5"}"#,
        r#"{"type":"message","channel":"x","position":"a-6","time":0,"data":"one"}"#,
    ]);
    let rest = frames(&[
        r#"{"type":"subscribed","id":1,"channel":"orders.*","position":"a-6"}"#,
        r#"{"type":"message","channel":"orders.a","position":"a-7","time":0,"data":{"apples":"many"}}"#,
        r#"{"type":"message","channel":"orders.a","position":"a-8","time":0,"data":{"apples":3}}"#,
        r#"{"type":"message","channel":"x","position":"a-9","time":0,"data":"two"}"#,
    ]);
    // One answer, so a second connection would be refused.
    let mut server = Server::start([Answer::websocket(0, first).then(rest).hold()]).await;
    let mut texts = server.client.subscribe_raw("x").stream();
    assert_eq!(message(&mut texts).await.position.offset, 6);

    let mut orders = server.client.subscribe::<BTreeMap<String, u32>>("orders.*").stream();
    let unreadable = soon(orders.next()).await.unwrap().unwrap_err();
    assert!(matches!(unreadable, SubscribeError::Undecodable { .. }) && !unreadable.is_final());
    assert_eq!(
        unreadable.to_string(),
        "the message at a-7 of orders.a cannot be read: invalid type: string \"many\", expected u32 at line 1 column 16"
    );
    let Some(Ok(Delivery::Message(order))) = soon(orders.next()).await else { panic!() };
    assert_eq!((order.channel.as_str(), order.data["apples"]), ("orders.a", 3));
    assert!(
        matches!(next(&mut texts).await, Some(Ok(Delivery::Message(it))) if it.position.offset == 9)
    );

    server.received().await;
    let frame = server.received().await;
    assert_eq!(frame, r#"{"type":"subscribe","id":1,"channel":"orders.*","since":"now"}"#);
}
