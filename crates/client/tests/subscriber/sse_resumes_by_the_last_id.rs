//! Over SSE the last id moves with messages and heartbeats, and a cut neither loses nor repeats.

use crate::scripted::{Answer, Server, first_line, header, texts};
use tidewire_client::{Since, Wire};

#[tokio::test]
async fn a_cut_stream_goes_on_behind_the_last_message() {
    let first = "id: a-1\n\n\
                 id: a-2\ndata: {\"channel\":\"x\",\"position\":\"a-2\",\"time\":0,\"data\":\"one\"}\n\n\
                 id: a-3\ndata: {\"channel\":\"x\",\"posi";
    let second = "id: a-2\n\n\
                  id: a-2\ndata: {\"channel\":\"x\",\"position\":\"a-2\",\"time\":0,\"data\":\"one\"}\n\n\
                  id: a-3\ndata: {\"channel\":\"x\",\"position\":\"a-3\",\"time\":0,\"data\":\"two\"}\n\n";
    let mut server = Server::start([Answer::sse(first), Answer::sse(second).hold()]).await;
    let subscribe = server.subscribe(&["x", "y.*"]).wire(Wire::Sse).since(Since::Earliest);
    let mut deliveries = subscribe.stream();
    assert_eq!(texts(&mut deliveries, 2).await, ["one", "two"]);
    assert_eq!(deliveries.position().unwrap().to_string(), "a-3");

    let request = server.received().await;
    let line =
        "GET /events?channel=x&channel=y.*&since=earliest&format=json&heartbeat=event HTTP/1.1";
    assert_eq!(first_line(&request), line);
    assert_eq!(header(&request, "last-event-id"), None);
    assert_eq!(header(&request, "accept"), Some("text/event-stream"));

    let request = server.received().await;
    let line = "GET /events?channel=x&channel=y.*&format=json&heartbeat=event HTTP/1.1";
    assert_eq!(first_line(&request), line);
    assert_eq!(header(&request, "last-event-id"), Some("a-2"));
}

#[tokio::test]
async fn a_heartbeat_moves_the_position_of_an_idle_reader() {
    let message =
        "id: a-9\ndata: {\"channel\":\"x\",\"position\":\"a-9\",\"time\":0,\"data\":\"hi\"}\n\n";
    let mut server = Server::start([
        Answer::sse("id: a-1\n\nid: a-7\n\nretry: 5\n\n: bye\n\n"),
        Answer::sse(message).hold(),
    ])
    .await;
    let mut deliveries = server.subscribe(&["x"]).wire(Wire::Sse).stream();
    assert_eq!(texts(&mut deliveries, 1).await, ["hi"]);
    server.received().await;
    assert_eq!(header(&server.received().await, "last-event-id"), Some("a-7"));
}
