//! Each position at most once on a connection of `tidewire.v1`, whichever subscriptions select it.
#![allow(missing_docs)]

use crate::common::{Server, TIDEWIRE};
use tidewire_connection::Connection;

fn server() -> Server {
    let mut server = Server::new();
    server.text("news.a", "1");
    server.text("chat.a", "2");
    server
}

fn subscribe(server: &mut Server, to: &mut Connection, channel: &str, since: &str) -> Vec<String> {
    let request =
        format!(r#"{{"type":"subscribe","id":1,"channel":"{channel}","since":"{since}"}}"#);
    server.answer(to, &request)
}

#[test]
fn a_later_subscription_that_begins_earlier_brings_what_is_missing() {
    let mut server = server();
    let mut connection = server.open(TIDEWIRE, &[]);
    server.output(&mut connection);
    let chat = subscribe(&mut server, &mut connection, "chat.*", "earliest");
    let all = subscribe(&mut server, &mut connection, ">", "earliest");
    let two = r#"{"type":"message","channel":"chat.a","position":"10-2","time":5,"data":"2"}"#;
    let subscribed = r#"{"type":"subscribed","id":1,"channel":"chat.*","position":"10-1"}"#;
    assert_eq!(chat, [subscribed, two]);
    let one = r#"{"type":"message","channel":"news.a","position":"10-1","time":5,"data":"1"}"#;
    let subscribed = r#"{"type":"subscribed","id":1,"channel":">","position":"10-0"}"#;
    assert_eq!(all, [subscribed, one]);

    server.text("chat.a", "3");
    let three = r#"{"type":"message","channel":"chat.a","position":"10-3","time":5,"data":"3"}"#;
    assert_eq!(crate::common::texts(&server.output(&mut connection)), [three]);
}

#[test]
fn while_one_catches_up_the_others_wait() {
    let mut server = server();
    let mut connection = server.open(TIDEWIRE, &[("chat.*", "now")]);
    server.output(&mut connection);
    server.text("chat.a", "3");
    let received = subscribe(&mut server, &mut connection, ">", "earliest");
    let positions = ["10-0", "10-1", "10-2", "10-3"];
    assert_eq!(received.len(), positions.len());
    for (text, position) in received.iter().zip(positions) {
        assert!(text.contains(&format!(r#""position":"{position}""#)), "{text}");
    }
}

#[test]
fn what_an_ended_subscription_brought_comes_again() {
    let mut server = server();
    let mut connection = server.open(TIDEWIRE, &[]);
    server.output(&mut connection);
    let first = subscribe(&mut server, &mut connection, "chat.*", "earliest");
    server.answer(&mut connection, r#"{"type":"unsubscribe","id":2,"channel":"chat.*"}"#);
    assert_eq!(subscribe(&mut server, &mut connection, "chat.*", "earliest"), first);
}
