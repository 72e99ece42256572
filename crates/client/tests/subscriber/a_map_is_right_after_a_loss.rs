//! A live map has what the server has: after its pages, and after a gap, when removals may be lost.

use crate::scripted::{Answer, Server, first_line, soon, text_frame};
use tidewire_client::Change;

const WELCOME: &str = r#"{"type":"welcome","connection":"c","version":"0.1.0","heartbeat_ms":20000,"position":"a-9"}"#;

fn frames(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| text_frame(text)).collect()
}

fn value(key: &str, offset: u64, data: u64) -> String {
    format!(r#"{{"channel":"p","position":"a-{offset}","time":0,"key":"{key}","data":{data}}}"#)
}

fn page(messages: &[String], position: &str) -> Answer {
    Answer::json(&format!(r#"{{"messages":[{}],"position":"{position}"}}"#, messages.join(",")))
}

#[tokio::test]
async fn keys_that_were_removed_meanwhile_are_gone() {
    let begun = r#"{"type":"position","position":"a-9"}"#;
    let lost = r#"{"type":"gap","channel":"p","from":"a-9","to":"a-20"}"#;
    let socket = Answer::websocket(0, frames(&[WELCOME, begun, lost])).hold();
    let mut server = Server::start([
        socket,
        page(&[value("x", 3, 1)], "a-3~9"),
        page(&[value("y", 7, 2)], "a-9"),
        page(&[value("y", 19, 3)], "a-20"),
    ])
    .await;
    let mut map = server.client.map::<u64>("p");
    let mut changes = Vec::new();
    let mut values = Vec::new();
    while changes.last() != Some(&Change::Current) {
        changes.push(soon(map.changed()).await.unwrap());
        values = map.iter().map(|(key, value)| (key.clone(), *value)).collect();
    }
    let set = |key: &str| Change::Set(key.to_owned());
    assert_eq!(changes, [set("x"), set("y"), set("y"), Change::Current]);
    assert_eq!(values, [("y".to_owned(), 3)]);
    for line in [
        "GET /ws?channel=p&since=now HTTP/1.1",
        "GET /poll?channel=p&since=earliest&wait=0ms HTTP/1.1",
        "GET /poll?channel=p&since=a-3%7E9&wait=0ms HTTP/1.1",
        "GET /poll?channel=p&since=earliest&wait=0ms HTTP/1.1",
    ] {
        assert_eq!(first_line(&server.received().await), line);
    }
}
