//! A fall-back to one order, while a channel has no place yet, loses no removal of the others.

use crate::scripted::{Answer, Server, first_line, header, message, text_frame};
use tidewire_client::Since;

const WELCOME: &str = r#"{"type":"welcome","connection":"c","version":"0.1.0","heartbeat_ms":20000,"position":"a-7"}"#;

#[tokio::test]
async fn the_channel_without_a_place_is_begun_alone() {
    let body = [
        WELCOME,
        r#"{"type":"subscribed","id":1,"channel":"x","position":"a-0"}"#,
        r#"{"type":"message","channel":"x","position":"a-7","time":0,"key":"k","data":1}"#,
    ];
    let body = body.iter().flat_map(|text| text_frame(text)).collect();
    let poll = r#"{"messages":[{"channel":"y.z","position":"a-3","time":0,"key":"k","data":2}],"position":"a-3~9"}"#;
    let sse = "id: a-3\n\n\
        id: a-8\ndata: {\"channel\":\"x\",\"position\":\"a-8\",\"time\":0,\"key\":\"k\"}\n\n\
        id: a-9\ndata: {\"channel\":\"y.z\",\"position\":\"a-9\",\"time\":0,\"key\":\"l\",\"data\":3}\n\n";
    let mut server = Server::start([
        Answer::websocket(2, body),
        Answer::new("200 OK", "text/html", "a proxy without upgrades"),
        Answer::json(poll),
        Answer::sse(sse).hold(),
    ])
    .await;
    let mut deliveries = server.subscribe(&["x", "y.*"]).since(Since::Earliest).stream();
    let mut received = Vec::new();
    for _ in 0..4 {
        let message = message(&mut deliveries).await;
        received.push((message.channel, message.position.offset));
    }
    let wanted = [("x", 7), ("y.z", 3), ("x", 8), ("y.z", 9)];
    assert_eq!(received, wanted.map(|(channel, offset)| (channel.to_owned(), offset)));

    let mut requests = Vec::new();
    while requests.len() < 4 {
        let said = server.received().await;
        requests.extend(said.starts_with("GET ").then_some(said));
    }
    let poll = "GET /poll?channel=y.*&since=earliest&wait=0ms HTTP/1.1";
    assert_eq!(first_line(&requests[2]), poll);
    let events =
        "GET /events?channel=x&channel=y.*&since=a-3%7E7&format=json&heartbeat=event HTTP/1.1";
    assert_eq!(first_line(&requests[3]), events);
    assert_eq!(header(&requests[3], "last-event-id"), None);
}
