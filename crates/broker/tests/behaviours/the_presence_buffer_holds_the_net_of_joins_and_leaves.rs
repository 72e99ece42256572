//! Joins and leaves in any order between rounds, some of which fail: in the end the log has exactly the members, and only
//! members leave.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use tidewire_broker::{
    ChannelName, Content, Grant, Label, PresenceBuffer, PresenceBufferFull, PresenceChange,
};

/// The members, by channel and connection.
type Members = BTreeMap<(String, String), String>;

fn join(buffer: &PresenceBuffer, connection: &str, member: &str) -> Result<(), PresenceBufferFull> {
    let permit = Grant::open().permit_join(&"lobby".parse().unwrap()).unwrap();
    buffer.join(&permit, &connection.parse().unwrap(), member.into())
}

fn leave(buffer: &PresenceBuffer, connection: &str) {
    buffer.leave(&"lobby".parse().unwrap(), &connection.parse().unwrap());
}

/// Applies `change` to `log` as a compacted channel would, and describes it.
fn publish(log: &mut Members, change: &PresenceChange) -> String {
    let (permit, draft) = change.publish();
    let key = (permit.channel().to_string(), draft.key.unwrap().as_str().to_owned());
    let change_text = format!("{} {} {:?}", key.0, key.1, draft.content);
    match draft.content {
        Content::Json(member) => drop(log.insert(key, member.into())),
        _ => assert!(log.remove(&key).is_some(), "not a member: {change_text}"),
    }
    change_text
}

fn flush(buffer: &PresenceBuffer, log: &mut Members) -> Vec<String> {
    buffer.take_changes().iter().map(|change| publish(log, change)).collect()
}

#[test]
fn a_join_and_a_leave_are_published_once() {
    let (buffer, mut log) = (PresenceBuffer::default(), Members::new());
    join(&buffer, "c1", "1").unwrap();
    assert_eq!(flush(&buffer, &mut log), [r#"$presence.lobby c1 Json("1")"#]);
    assert!(flush(&buffer, &mut log).is_empty());
    leave(&buffer, "c1");
    assert_eq!(flush(&buffer, &mut log), ["$presence.lobby c1 Nothing"]);
    assert!(flush(&buffer, &mut log).is_empty());
}

#[test]
fn a_join_and_a_leave_within_a_round_are_not_published() {
    let (buffer, mut log) = (PresenceBuffer::default(), Members::new());
    for n in 0..1_000 {
        join(&buffer, "c1", &n.to_string()).unwrap();
        leave(&buffer, "c1");
    }
    assert!(flush(&buffer, &mut log).is_empty());
}

#[test]
fn a_leave_and_a_join_within_a_round_are_published_once() {
    let (buffer, mut log) = (PresenceBuffer::default(), Members::new());
    join(&buffer, "c1", "1").unwrap();
    flush(&buffer, &mut log);
    for n in 0..1_000 {
        leave(&buffer, "c1");
        join(&buffer, "c1", &n.to_string()).unwrap();
    }
    assert_eq!(flush(&buffer, &mut log), [r#"$presence.lobby c1 Json("999")"#]);
}

#[test]
fn those_who_leave_make_room_for_those_who_come() {
    let (buffer, mut log) = (PresenceBuffer::default(), Members::new());
    join(&buffer, "old", "1").unwrap();
    flush(&buffer, &mut log);
    join(&buffer, "new", "2").unwrap();
    leave(&buffer, "old");
    let published = flush(&buffer, &mut log);
    assert_eq!(published, ["$presence.lobby old Nothing", r#"$presence.lobby new Json("2")"#]);
}

#[test]
fn what_waits_has_a_bound_and_taking_it_makes_room() {
    let buffer = PresenceBuffer::default();
    let member = format!("{:?}", "x".repeat(1 << 20));
    let joined = (0..100).filter(|n| join(&buffer, &format!("c{n}"), &member).is_ok()).count();
    assert!((32..64).contains(&joined), "{joined}");
    assert_eq!(buffer.refused(), 100 - u64::try_from(joined).unwrap());
    assert_eq!(buffer.take_changes().len(), joined);
    join(&buffer, "c", &member).unwrap();
}

#[test]
fn any_rounds_of_which_any_fail_agree_with_a_naive_list() {
    for seed in 0..500 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (buffer, mut log, mut truth) =
            (PresenceBuffer::default(), Members::new(), Members::new());
        let mut flying: Vec<PresenceChange> = Vec::new();
        for n in 0..300 {
            match rng.u8(..8) {
                0 if flying.is_empty() => flying = buffer.take_changes(),
                // Some changes of a round are published, others fail; meanwhile there are joins and leaves.
                0 => buffer.put_back(flying.pop()),
                1 => flying.pop().iter().for_each(|change| drop(publish(&mut log, change))),
                _ => {
                    let (channel, connection) = (rng.u8(..2), rng.u8(..3));
                    let key = (format!("$presence.a.{channel}"), format!("c{connection}"));
                    let name: ChannelName = format!("a.{channel}").parse().unwrap();
                    let label: Label = key.1.parse().unwrap();
                    if truth.remove(&key).is_some() {
                        buffer.leave(&name, &label);
                    } else {
                        let member = n.to_string();
                        let permit = Grant::open().permit_join(&name).unwrap();
                        buffer.join(&permit, &label, member.clone().into()).unwrap();
                        truth.insert(key, member);
                    }
                }
            }
        }
        flying.iter().for_each(|change| drop(publish(&mut log, change)));
        flush(&buffer, &mut log);
        assert_eq!(log, truth, "seed {seed}");
    }
}
