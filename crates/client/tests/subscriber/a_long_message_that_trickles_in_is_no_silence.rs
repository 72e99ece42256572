//! A message that takes longer than the deadline is waited for, as long as more of it comes.

use crate::scripted::{Answer, Server, message, text_frame};
use std::time::Duration;
use tidewire_client::{Since, Wire};

#[tokio::test]
async fn a_long_message_that_trickles_in_is_no_silence() {
    let welcome = r#"{"type":"welcome","connection":"c","version":"0.1.0","heartbeat_ms":400,"position":"a-1"}"#;
    let subscribed = r#"{"type":"subscribed","id":1,"channel":"x","position":"a-1"}"#;
    let long = "long ".repeat(150);
    let data =
        format!(r#"{{"type":"message","channel":"x","position":"a-2","time":0,"data":"{long}"}}"#);
    let frames = [welcome, subscribed, &data].iter().flat_map(|text| text_frame(text)).collect();
    // About three seconds, with a second for the deadline.
    let answer = Answer::websocket(0, frames).slowly(Duration::from_millis(50)).hold();
    let server = Server::start([answer]).await;
    let since = Since::After("a-1".parse().unwrap());
    let mut deliveries = server.subscribe(&["x"]).since(since).wire(Wire::WebSocket).stream();
    assert_eq!(message(&mut deliveries).await.text().unwrap(), long);
}
