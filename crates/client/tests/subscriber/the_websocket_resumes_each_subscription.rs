//! On a WebSocket all channels begin together, in the query, and resume where they were.

use crate::scripted::{Answer, Server, error, first_line, header, next, text_frame, texts};
use tidewire_client::{SubscribeError, Wire};

const WELCOME: &str = r#"{"type":"welcome","connection":"c","version":"0.1.0","heartbeat_ms":20000,"position":"a-5"}"#;

fn frames(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| text_frame(text)).collect()
}

#[tokio::test]
async fn a_cut_connection_goes_on_without_loss_or_repeat() {
    let first = frames(&[
        WELCOME,
        r#"{"type":"position","position":"a-5"}"#,
        r#"{"type":"message","channel":"x","position":"a-7","time":0,"data":"one"}"#,
    ]);
    let mut second = frames(&[
        WELCOME,
        r#"{"type":"position","position":"a-7"}"#,
        r#"{"type":"message","channel":"x","position":"a-7","time":0,"data":"one"}"#,
    ]);
    // A fragmented message with a ping in it.
    second.extend(b"\x01\x1b{\"type\":\"message\",\"channel\"");
    second.extend(b"\x89\x02hi");
    second.extend(b"\x80\x2e:\"y.z\",\"position\":\"a-8\",\"time\":0,\"data\":\"two\"}");
    let mut server =
        Server::start([Answer::websocket(0, first), Answer::websocket(0, second).hold()]).await;

    let mut deliveries = server.subscribe(&["x", "y.*", "x"]).stream();
    assert_eq!(texts(&mut deliveries, 2).await, ["one", "two"]);
    assert_eq!(deliveries.position().unwrap().to_string(), "a-8");

    for since in ["now", "a-7"] {
        let request = server.received().await;
        let line = format!("GET /ws?channel=x&channel=y.*&since={since} HTTP/1.1");
        assert_eq!(first_line(&request), line);
        assert_eq!(header(&request, "sec-websocket-version"), Some("13"));
        assert_eq!(header(&request, "sec-websocket-protocol"), Some("tidewire.v1"));
    }
}

#[tokio::test]
async fn a_goodbye_is_a_reason_to_come_back() {
    let mut leaving = frames(&[WELCOME, r#"{"type":"goodbye","code":1001,"retry_ms":1}"#]);
    leaving.extend(b"\x88\x02\x03\xe9");
    let back = frames(&[
        WELCOME,
        r#"{"type":"message","channel":"x","position":"a-7","time":0,"data":"hi"}"#,
    ]);
    let server =
        Server::start([Answer::websocket(0, leaving).hold(), Answer::websocket(0, back).hold()])
            .await;
    let mut deliveries = server.subscribe(&["x"]).wire(Wire::WebSocket).stream();
    assert_eq!(texts(&mut deliveries, 1).await, ["hi"]);
}

#[tokio::test]
async fn a_normal_close_ends_the_stream_and_one_for_good_says_why() {
    let mut normal = frames(&[WELCOME]);
    normal.extend(b"\x88\x02\x03\xe8");
    let server = Server::start([Answer::websocket(0, normal).hold()]).await;
    let mut deliveries = server.subscribe(&["x"]).stream();
    assert!(next(&mut deliveries).await.is_none());

    let mut refused = frames(&[WELCOME]);
    refused.extend(b"\x88\x04\x03\xf0no");
    let server = Server::start([Answer::websocket(0, refused).hold()]).await;
    let mut deliveries = server.subscribe(&["x"]).stream();
    let closed = SubscribeError::Closed { code: 1008, reason: "no".into() };
    assert_eq!(error(&mut deliveries).await, closed);
    assert!(next(&mut deliveries).await.is_none());
}
