//! A gap on a quiet channel is reported once, however often the connection is cut.

use crate::scripted::{Answer, Server, first_line, next, text_frame};
use tidewire_client::{Delivery, Since, Wire};

const WELCOME: &str = r#"{"type":"welcome","connection":"c","version":"0.1.0","heartbeat_ms":20000,"position":"a-9"}"#;
const BEGUN: &str = r#"{"type":"position","position":"a-1"}"#;
const GAP: &str = r#"{"type":"gap","channel":"x.*","from":"a-1","to":"a-9"}"#;

fn frames(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| text_frame(text)).collect()
}

#[tokio::test]
async fn it_is_not_repeated_after_reconnects_and_what_is_left_still_comes() {
    let quiet = || Answer::websocket(0, frames(&[WELCOME, BEGUN, GAP]));
    let left = r#"{"type":"message","channel":"x.y","position":"a-7","time":0,"data":"left"}"#;
    let lively = Answer::websocket(0, frames(&[WELCOME, BEGUN, GAP, left])).hold();
    let server = Server::start([quiet(), quiet(), quiet(), lively]).await;
    let since = Since::After("a-1".parse().unwrap());
    let mut deliveries = server.subscribe(&["x.*"]).since(since).wire(Wire::WebSocket).stream();

    let Some(Ok(Delivery::Gap(gap))) = next(&mut deliveries).await else { panic!() };
    assert_eq!((gap.from.as_str(), gap.to.to_string().as_str()), ("a-1", "a-9"));
    let Some(Ok(Delivery::Message(message))) = next(&mut deliveries).await else { panic!() };
    assert_eq!(message.text().unwrap(), "left");
}

#[tokio::test]
async fn a_place_of_another_epoch_moves_to_where_the_server_goes_on() {
    let foreign = r#"{"type":"gap","channel":"x.*","from":"a-1","to":"b-4"}"#;
    let first = Answer::websocket(0, frames(&[WELCOME, foreign]));
    let last = r#"{"type":"message","channel":"x.y","position":"b-5","time":0,"data":"on"}"#;
    let begun = r#"{"type":"position","position":"b-4"}"#;
    let second = Answer::websocket(0, frames(&[WELCOME, begun, last])).hold();
    let mut server = Server::start([first, second]).await;
    let since = Since::After("a-1".parse().unwrap());
    let mut deliveries = server.subscribe(&["x.*"]).since(since).wire(Wire::WebSocket).stream();

    let Some(Ok(Delivery::Gap(_))) = next(&mut deliveries).await else { panic!() };
    let Some(Ok(Delivery::Message(_))) = next(&mut deliveries).await else { panic!() };
    for since in ["a-1", "b-4"] {
        let line = format!("GET /ws?channel=x.*&since={since} HTTP/1.1");
        assert_eq!(first_line(&server.received().await), line);
    }
}
