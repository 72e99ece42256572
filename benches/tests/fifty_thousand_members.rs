//! Fifty thousand members of one channel: what it costs to join, to announce them, and to list them.
//!
//! By count, not by time: work that grew with the members would show as allocations or messages.

use allocation_counter::measure;
use std::{collections::BTreeSet, ops::Range};
use tidewire_broker::{Broker, ChannelName, Grant, Label, Limits, Options, Rules};
use tidewire_connection::{self as connection, PresencePage, Time};
use tidewire_protocol::{self as protocol, Since};

const MEMBERS: u64 = 50_000;

/// A broker whose channels have presence, and one of them.
fn broker() -> (Broker, ChannelName) {
    let rules = Rules::all(Options { presence: true, ..Options::default() });
    (Broker::new(1, Limits { rules, ..Limits::default() }), "stadium".parse().unwrap())
}

fn name(n: u64) -> Label {
    format!("{n:016x}").parse().unwrap()
}

fn join(broker: &Broker, channel: &ChannelName, members: Range<u64>) {
    let permit = Grant::open().permit_join(channel).unwrap();
    for n in members {
        let name = name(n);
        let member = format!(r#"{{"connection":"{}","since":5}}"#, name.as_str());
        broker.presence_buffer().join(&permit, &name, member.into()).unwrap();
    }
}

fn leave(broker: &Broker, channel: &ChannelName, members: Range<u64>) {
    members.for_each(|n| broker.presence_buffer().leave(channel, &name(n)));
}

/// Publishes the joins and leaves; returns how many messages that took.
fn publish_changes(broker: &Broker) -> u64 {
    let before = broker.head();
    for change in broker.presence_buffer().take_changes() {
        let (permit, draft) = change.publish();
        broker.append(permit, draft, 5).unwrap();
    }
    broker.head() - before
}

fn page(broker: &Broker, channel: &ChannelName, since: Option<Since>) -> protocol::PresencePage {
    let (limits, time) = (connection::Limits::default(), Time { steady_ms: 0, wall_ms: 5 });
    let permit = Grant::open().permit_presence(channel).unwrap();
    let page = PresencePage::read(&permit, since, Some(1_000), broker, &limits, time);
    let mut json = Vec::new();
    page.unwrap().write_json(broker, &mut json);
    serde_json::from_slice(&json).unwrap()
}

#[test]
fn joining_and_publishing_joins_cost_the_same_in_front_of_nobody_and_of_fifty_thousand() {
    let (broker, channel) = broker();
    let thousand = |first: u64| {
        let members = first..first + 1_000;
        let joining = measure(|| join(&broker, &channel, members.clone()));
        let publishing = measure(|| assert_eq!(publish_changes(&broker), 1_000));
        (joining.count_total, joining.bytes_total, publishing.count_total)
    };
    let before = thousand(0);
    join(&broker, &channel, 1_000..MEMBERS);
    assert_eq!(publish_changes(&broker), MEMBERS - 1_000);
    let after = thousand(MEMBERS);
    // Tables that grow do so now and then, one of 32 parts at a time; nothing else differs. A table that grew whole
    // would take more than all that a thousand members take.
    assert!(after.0.abs_diff(before.0) <= 32 && after.1 < 2 * before.1, "{before:?} {after:?}");
    assert!(after.2.abs_diff(before.2) <= 32, "{before:?} {after:?}");
}

#[test]
fn a_join_and_a_leave_within_an_interval_take_no_message_and_a_leave_and_a_join_take_one() {
    let (broker, channel) = broker();
    join(&broker, &channel, 0..MEMBERS);
    assert_eq!(publish_changes(&broker), MEMBERS);
    for _ in 0..3 {
        join(&broker, &channel, MEMBERS..2 * MEMBERS);
        leave(&broker, &channel, MEMBERS..2 * MEMBERS);
        leave(&broker, &channel, 0..1_000);
        join(&broker, &channel, 0..1_000);
    }
    assert_eq!(publish_changes(&broker), 1_000);
    assert_eq!(publish_changes(&broker), 0);
}

#[test]
fn pages_list_each_member_once_and_hold_no_more_than_a_page() {
    let (broker, channel) = broker();
    join(&broker, &channel, 0..MEMBERS);
    publish_changes(&broker);
    let (mut seen, mut since, mut pages) = (BTreeSet::new(), None, 0);
    loop {
        let mut result = None;
        let reading = measure(|| result = Some(page(&broker, &channel, since)));
        let page = result.unwrap();
        assert!(page.members.len() <= 1_000 && reading.bytes_max < 1 << 20, "{reading:?}");
        seen.extend(page.members.into_iter().map(|member| member.connection));
        (since, pages) = (Some(page.position.into()), pages + 1);
        if !page.more {
            break;
        }
    }
    assert_eq!(seen.len(), 50_000);
    assert!(pages < 200, "{pages}");
}
