//! Members: the pages together list exactly the members, and so does a subscription.
#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::{SSE, STREAM, Server, TIDEWIRE};
use std::collections::BTreeMap;
use tidewire_broker::Grant;
use tidewire_connection::{Connection, Identity, PresencePage};
use tidewire_protocol::{self as protocol, PollAnswer, ServerEvent, Since};

/// The members, and since when.
type Members = BTreeMap<String, u64>;

fn page(server: &Server, since: Option<Since>, limit: usize) -> protocol::PresencePage {
    let Server { worker, time, .. } = server;
    let permit = Grant::open().permit_presence(&"room.a".parse().unwrap()).unwrap();
    let page =
        PresencePage::read(&permit, since, Some(limit), &worker.broker, &worker.limits, *time);
    let mut json = Vec::new();
    page.unwrap().write_json(&worker.broker, &mut json);
    serde_json::from_slice(&json).unwrap()
}

/// Does with `members` what a page says, and returns where to go on.
fn turn(members: &mut Members, page: &protocol::PresencePage) -> Since {
    assert!(page.gaps.is_empty());
    members.retain(|connection, _| !page.left.contains(connection));
    members.extend(page.members.iter().map(|member| (member.connection.clone(), member.since)));
    page.position.into()
}

fn come(server: &mut Server, name: &str) -> Connection {
    server.open_as(name, Identity::default(), SSE, &[("room.a", "now")])
}

#[test]
fn pages_chain_into_those_who_are_there_while_others_come_and_go() {
    for limit in [1, 2, 3, 7, 100] {
        let mut server = Server::with_presence();
        let mut there: BTreeMap<String, (u64, Connection)> = BTreeMap::new();
        let (mut members, mut since) = (Members::new(), None);
        for n in 0..200_u64 {
            server.time.wall_ms = n;
            // Twenty names, so that most have been here before.
            let name = format!("c{}", n * 7 % 20);
            match there.remove(&name) {
                Some((_, connection)) => connection.leave(&mut server.worker),
                None => {
                    let connection = come(&mut server, &name);
                    there.insert(name, (n, connection));
                }
            }
            if n % 3 == 0 {
                server.publish_presence();
            }
            if n > 50 {
                let page = page(&server, since, limit);
                assert!(page.members.len() + page.left.len() <= limit);
                since = Some(turn(&mut members, &page));
            }
        }
        server.publish_presence();
        loop {
            let page = page(&server, since, limit);
            since = Some(turn(&mut members, &page));
            if !page.more {
                break;
            }
        }
        let truth: Members = there.iter().map(|(name, (n, _))| (name.clone(), *n)).collect();
        assert_eq!(members, truth, "{limit} a page");
    }
}

#[test]
fn a_subscription_from_the_first_page_on_goes_on_where_the_page_ends() {
    let mut server = Server::with_presence();
    let (first, _second) = (come(&mut server, "c1"), come(&mut server, "c2"));
    server.publish_presence();
    let mut members = Members::new();
    let since = turn(&mut members, &page(&server, None, 1)).to_string();
    assert_eq!(members.keys().collect::<Vec<_>>(), ["c1"]);
    let mut follower = server.open(TIDEWIRE, &[("$presence.room.a", &since)]);
    first.leave(&mut server.worker);
    let _third = come(&mut server, "c3");
    server.publish_presence();
    let mut received = Vec::new();
    for text in crate::common::texts(&server.output(&mut follower)) {
        if let ServerEvent::Message(message) = ServerEvent::parse(&text).unwrap() {
            let sign = if message.is_tombstone() { '-' } else { '+' };
            received.push(format!("{sign}{}", message.key.unwrap()));
        }
    }
    assert_eq!(received, ["+c2", "-c1", "+c3"]);
}

#[test]
fn new_clients_get_the_same_by_page_by_history_and_by_subscription() {
    let mut server = Server::with_presence();
    let gone = come(&mut server, "c0");
    server.publish_presence();
    let _there = [come(&mut server, "c1"), come(&mut server, "c2")];
    gone.leave(&mut server.worker);
    server.publish_presence();
    let page = page(&server, None, 100);
    assert!(page.left.is_empty() && !page.more);
    let names: Vec<&str> = page.members.iter().map(|member| &*member.connection).collect();
    assert_eq!(names, ["c1", "c2"]);

    let mut poll = server.poll("$presence.room.a", "earliest", 0);
    let answer = poll
        .poll_answer(&mut server.worker, server.time, std::task::Waker::noop())
        .unwrap()
        .unwrap();
    let mut json = Vec::new();
    answer.write_json(tidewire_connection::Format::Json, &server.worker.broker, &mut json);
    let answer: PollAnswer = serde_json::from_slice(&json).unwrap();
    let keys: Vec<_> = answer.messages.iter().map(|it| it.key.clone().unwrap()).collect();
    assert_eq!((keys, answer.position), (vec!["c1".into(), "c2".into()], page.position));

    let mut stream = server.open(STREAM, &[("$presence.room.a", "earliest")]);
    let lines = crate::common::show(&server.output(&mut stream));
    assert_eq!(lines.matches(r#""data":{"connection":"c"#).count(), 2, "{lines}");
}

#[test]
fn a_question_over_websocket_has_the_same_page() {
    let mut server = Server::with_presence();
    let identity = Identity::new(Some("ada"), Some(r#"{"colour":"red"}"#)).unwrap();
    let _ada = server.open_as("c1", identity, SSE, &[("room.a", "now")]);
    let _bob = come(&mut server, "c2");
    server.publish_presence();
    let mut asking = server.open(TIDEWIRE, &[]);
    server.output(&mut asking);
    assert_eq!(
        server.answer(&mut asking, r#"{"type":"presence","id":5,"channel":"room.a","limit":1}"#),
        [
            r#"{"type":"presence","id":5,"channel":"room.a","members":[{"connection":"c1","user":"ada","info":{"colour":"red"},"since":5}],"position":"10-1~2","more":true}"#
        ]
    );
    assert_eq!(
        server.answer(
            &mut asking,
            r#"{"type":"presence","id":6,"channel":"room.a","since":"10-1~2"}"#
        ),
        [
            r#"{"type":"presence","id":6,"channel":"room.a","members":[{"connection":"c2","since":5}],"position":"10-2"}"#
        ]
    );
    let off = server.answer(&mut asking, r#"{"type":"presence","id":7,"channel":"lobby"}"#);
    assert_eq!(
        off,
        [
            r#"{"type":"error","id":7,"code":"not_found","message":"lobby has no presence; set `presence = true` in the configuration, for the channel or a pattern, such as [channels.\"lobby\"]"}"#
        ]
    );
}
