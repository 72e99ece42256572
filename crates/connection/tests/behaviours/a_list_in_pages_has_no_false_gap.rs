//! A long list of members, in pages, with many joins and leaves: old removals are no gap, on whichever transport a client
//! continues; one that may concern a listed member is.
#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::{ALL, SSE, Server, may_look_back, may_read, show};
use std::collections::{BTreeMap, BTreeSet};
use tidewire_broker::{Grant, Options, Rule, Rules};
use tidewire_connection::{
    Connection, Format, Identity, Limits, Page, PageRequest, PresencePage, Span,
};
use tidewire_protocol::{self as protocol, HistoryPage, PollAnswer};

const PRESENCE: &str = "$presence.room.a";

/// Thirty who are there, and after each one who left again; three removals are remembered.
fn thirty() -> Room {
    let (presence, retention_messages) = (Some(true), Some(3));
    let rules = Rules::new(
        Options::default(),
        [
            ("room.>".parse().unwrap(), Rule { presence, ..Rule::default() }),
            ("$presence.>".parse().unwrap(), Rule { retention_messages, ..Rule::default() }),
        ],
    );
    let limits = tidewire_broker::Limits { rules, ..Default::default() };
    let server = Server::with(limits, Limits { gather_bytes_max: 900, ..Limits::default() });
    let mut room = Room { server, there: BTreeMap::new() };
    for n in 10..40 {
        room.come(&format!("c{n}"));
        room.come(&format!("gone{n}"));
        room.leave(&format!("gone{n}"));
    }
    room
}

/// A server, and the members of its channel.
struct Room {
    server: Server,
    there: BTreeMap<String, Connection>,
}

impl Room {
    fn come(&mut self, name: &str) {
        let at = &[("room.a", "now")];
        let connection = self.server.open_as(name, Identity::default(), SSE, at);
        self.there.insert(name.to_owned(), connection);
        assert_eq!(self.server.publish_presence(), 1);
    }

    fn leave(&mut self, name: &str) {
        self.there.remove(name).unwrap().leave(&mut self.server.worker);
        assert_eq!(self.server.publish_presence(), 1);
    }
}

fn page(server: &Server, since: Option<&str>) -> protocol::PresencePage {
    let since = since.map(|since| since.parse().unwrap());
    let permit = Grant::open().permit_presence(&"room.a".parse().unwrap()).unwrap();
    let worker = &server.worker;
    let (broker, limits) = (&worker.broker, &worker.limits);
    let page = PresencePage::read(&permit, since, Some(5), broker, limits, server.time).unwrap();
    let mut json = Vec::new();
    page.write_json(broker, &mut json);
    serde_json::from_slice(&json).unwrap()
}

fn poll(server: &mut Server, since: &str) -> PollAnswer {
    let mut poll = server.poll(PRESENCE, since, 0);
    let answer = poll
        .poll_answer(&mut server.worker, server.time, std::task::Waker::noop())
        .unwrap()
        .unwrap();
    poll.leave(&mut server.worker);
    let mut json = Vec::new();
    answer.write_json(Format::Json, &server.worker.broker, &mut json);
    serde_json::from_slice(&json).unwrap()
}

fn history(server: &Server, since: Option<&str>, before: Option<&str>) -> HistoryPage {
    let span = Span::parse(since, before, None).unwrap();
    let request = PageRequest {
        permit: may_read("$presence.*.*"),
        history: may_look_back(),
        span,
        limit: Some(5),
    };
    let (broker, limits) = (&server.worker.broker, &server.worker.limits);
    let mut json = Vec::new();
    Page::read(request, broker, limits, server.time).write_json(Format::Json, broker, &mut json);
    serde_json::from_slice(&json).unwrap()
}

#[test]
fn pages_of_members_end_with_the_members() {
    let mut room = thirty();
    let (mut there, mut since, mut pages) = (BTreeSet::new(), None::<String>, 0);
    loop {
        let page = page(&room.server, since.as_deref());
        assert!(page.gaps.is_empty(), "page {pages}: {:?}", page.gaps);
        there.retain(|name| !page.left.contains(name));
        there.extend(page.members.into_iter().map(|member| member.connection));
        if !page.more {
            break;
        }
        if pages < 3 {
            // Each pushes one out that was there when the list began.
            room.leave(&format!("c{}", 10 + pages * 9));
            room.come(&format!("new{pages}"));
        }
        (since, pages) = (Some(page.position.to_string()), pages + 1);
    }
    assert!(pages > 5);
    assert_eq!(there, room.there.keys().cloned().collect());
}

#[test]
fn more_removals_than_are_remembered_are_a_gap() {
    let mut room = thirty();
    let since = page(&room.server, None).position.to_string();
    (10..14).for_each(|n| room.leave(&format!("c{n}")));
    let mut server = room.server;
    assert_eq!(page(&server, Some(&since)).gaps.len(), 1);
    assert_eq!(history(&server, Some(&since), None).gaps.len(), 1);
    assert_eq!(poll(&mut server, &since).gaps.len(), 1);
}

#[test]
fn pages_of_history_and_polls_chain_alike() {
    let Room { mut server, .. } = thirty();
    let (mut listed, mut polled) = (Vec::new(), Vec::new());
    let mut since = "earliest".to_owned();
    loop {
        let page = history(&server, Some(&since), None);
        assert!(page.gaps.is_empty(), "{since}: {:?}", page.gaps);
        listed.extend(page.messages.into_iter().map(|message| message.key.unwrap()));
        since = page.position.to_string();
        if !page.more {
            break;
        }
    }
    assert_eq!(since, page(&server, Some(&since)).position.to_string());
    let mut since = "earliest".to_owned();
    loop {
        let answer = poll(&mut server, &since);
        assert!(answer.gaps.is_empty(), "{since}: {:?}", answer.gaps);
        since = answer.position.to_string();
        if answer.messages.is_empty() {
            break;
        }
        polled.extend(answer.messages.into_iter().map(|message| message.key.unwrap()));
    }
    assert_eq!((since.as_str(), listed.len()), ("10-90", 30));
    assert_eq!(listed, polled);
}

#[test]
fn pages_back_are_owed_no_removals() {
    let Room { server, .. } = thirty();
    let (mut before, mut keys) = ("now".to_owned(), Vec::new());
    loop {
        let page = history(&server, None, Some(&before));
        assert!(page.gaps.is_empty(), "{before}: {:?}", page.gaps);
        keys.extend(page.messages.into_iter().map(|message| message.key.unwrap()));
        before = page.before.to_string();
        if !page.more {
            break;
        }
    }
    assert_eq!(keys.iter().filter(|key| key.starts_with('c')).count(), 30);
}

#[test]
fn a_subscription_after_a_page_gets_no_gap_on_any_transport() {
    let Room { mut server, .. } = thirty();
    let first = page(&server, None).position;
    for wire in ALL {
        let has_gap = |server: &mut Server, since: &str| {
            let mut follower = server.open(wire, &[(PRESENCE, since)]);
            let output = show(&server.output(&mut follower));
            follower.leave(&mut server.worker);
            output.contains(r#""from":"#)
        };
        assert!(!has_gap(&mut server, &first.to_string()), "{wire:?}");
        // Who says only where he stands may have been there before.
        assert!(has_gap(&mut server, &first.after.to_string()), "{wire:?}");
    }
}

#[test]
fn a_list_of_what_is_not_there_yet_is_a_gap_and_begins_anew() {
    let Room { server, .. } = thirty();
    let page = page(&server, Some("10-1~91"));
    assert_eq!((page.gaps[0].from.as_str(), page.members.len()), ("10-1~91", 5));
    assert!(Span::parse(Some("10-5~5"), None, None).is_err());
}
