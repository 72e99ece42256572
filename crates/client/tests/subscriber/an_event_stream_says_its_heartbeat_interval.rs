//! An event stream's own heartbeat says how often it comes, and the client believes it.

use crate::scripted::{Answer, Server, message};
use tidewire_client::Wire;

#[tokio::test]
async fn an_event_stream_says_its_heartbeat_interval() {
    let quiet = Answer::sse(
        "retry: 1\nid: a-5\nevent: $position\n\
        data: {\"type\":\"position\",\"position\":\"a-5\",\"heartbeat_ms\":100}\n\n",
    )
    .hold();
    let data = r#"{"channel":"x","position":"a-6","time":0,"data":"news"}"#;
    let lively = Answer::sse(&format!("id: a-6\ndata: {data}\n\n"));
    let mut server = Server::start([quiet, lively]).await;
    // By itself the client would wait for nearly a minute.
    let mut deliveries = server.subscribe(&["x"]).wire(Wire::Sse).stream();
    assert_eq!(message(&mut deliveries).await.text().unwrap(), "news");
    let first = server.received().await;
    assert!(first.contains("heartbeat=event"), "{first}");
    let second = server.received().await.to_ascii_lowercase();
    assert!(second.contains("last-event-id: a-5"), "{second}");
}
