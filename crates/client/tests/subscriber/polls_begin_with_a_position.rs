//! The first poll does not wait, so that what is published while a later one is cut is not lost.

use crate::scripted::{Answer, Server, first_line, texts};
use std::time::Duration;
use tidewire_client::{Since, Wire};

#[tokio::test]
async fn each_poll_asks_from_where_the_last_one_ended() {
    let mut server = Server::start([
        Answer::json(r#"{"messages":[],"position":"a-1"}"#),
        Answer::json(r#"{"messages":[{"channel":"x","position":"a-2","time":0,"data":"one"},{"channel":"x","position":"a-3","time":0,"data":"two"}],"position":"a-8~12"}"#),
        Answer::json(r#"{"messages":["#),
        Answer::json(r#"{"messages":[{"channel":"x","position":"a-9","time":0,"data":"three"}],"position":"a-9"}"#),
    ])
    .await;
    let subscribe = server.subscribe(&["x"]).wire(Wire::Poll);
    let mut deliveries = subscribe.heartbeat(Duration::from_millis(1500)).stream();
    assert_eq!(texts(&mut deliveries, 3).await, ["one", "two", "three"]);
    for (since, wait) in
        [("now", "0ms"), ("a-1", "1500ms"), ("a-8%7E12", "1500ms"), ("a-8%7E12", "0ms")]
    {
        let line = format!("GET /poll?channel=x&since={since}&wait={wait} HTTP/1.1");
        assert_eq!(first_line(&server.received().await), line);
    }
}

#[tokio::test]
async fn a_position_from_another_life_is_asked_from_and_shows_that_polls_pass_here() {
    let answer =
        r#"{"messages":[{"channel":"x","position":"a-6","time":0,"data":"hi"}],"position":"a-6"}"#;
    let mut server = Server::start([Answer::json(answer)]).await;
    let since = Since::After("a-5".parse().unwrap());
    let mut deliveries = server.subscribe(&["x"]).wire(Wire::Poll).since(since).stream();
    assert_eq!(texts(&mut deliveries, 1).await, ["hi"]);
    let line = "GET /poll?channel=x&since=a-5&wait=0ms HTTP/1.1";
    assert_eq!(first_line(&server.received().await), line);
}
