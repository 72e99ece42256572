//! Joins and leaves, however they fall between rounds and whichever of those fail: the log comes to
//! hold exactly who is there, and nobody leaves it who was not in it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use tidewire_broker::{Change, ChannelName, Content, Grant, Label, Roster, RosterFull};

/// Who is where, and as whom: by channel and connection.
type Members = BTreeMap<(String, String), String>;

fn join(roster: &Roster, connection: &str, member: &str) -> Result<(), RosterFull> {
    let permit = Grant::open().permit_join(&"lobby".parse().unwrap()).unwrap();
    roster.join(&permit, &connection.parse().unwrap(), member.into())
}

fn leave(roster: &Roster, connection: &str) {
    roster.leave(&"lobby".parse().unwrap(), &connection.parse().unwrap());
}

/// Does with `log` what a compacted channel would, and returns what it was told.
fn tell(log: &mut Members, change: &Change) -> String {
    let (permit, draft) = change.publish();
    let key = (permit.channel().to_string(), draft.key.unwrap().as_str().to_owned());
    let told = format!("{} {} {:?}", key.0, key.1, draft.content);
    match draft.content {
        Content::Json(member) => drop(log.insert(key, member.into())),
        _ => assert!(log.remove(&key).is_some(), "nobody was there to leave: {told}"),
    }
    told
}

fn round(roster: &Roster, log: &mut Members) -> Vec<String> {
    roster.take_changes().iter().map(|change| tell(log, change)).collect()
}

#[test]
fn a_join_and_a_leave_are_told_once() {
    let (roster, mut log) = (Roster::default(), Members::new());
    join(&roster, "c1", "1").unwrap();
    assert_eq!(round(&roster, &mut log), [r#"$presence.lobby c1 Json("1")"#]);
    assert!(round(&roster, &mut log).is_empty());
    leave(&roster, "c1");
    assert_eq!(round(&roster, &mut log), ["$presence.lobby c1 Nothing"]);
    assert!(round(&roster, &mut log).is_empty());
}

#[test]
fn who_comes_and_goes_within_a_round_is_not_told_of() {
    let (roster, mut log) = (Roster::default(), Members::new());
    for n in 0..1_000 {
        join(&roster, "c1", &n.to_string()).unwrap();
        leave(&roster, "c1");
    }
    assert!(round(&roster, &mut log).is_empty());
}

#[test]
fn who_goes_and_comes_within_a_round_is_told_of_once() {
    let (roster, mut log) = (Roster::default(), Members::new());
    join(&roster, "c1", "1").unwrap();
    round(&roster, &mut log);
    for n in 0..1_000 {
        leave(&roster, "c1");
        join(&roster, "c1", &n.to_string()).unwrap();
    }
    assert_eq!(round(&roster, &mut log), [r#"$presence.lobby c1 Json("999")"#]);
}

#[test]
fn those_who_leave_make_room_for_those_who_come() {
    let (roster, mut log) = (Roster::default(), Members::new());
    join(&roster, "old", "1").unwrap();
    round(&roster, &mut log);
    join(&roster, "new", "2").unwrap();
    leave(&roster, "old");
    let told = round(&roster, &mut log);
    assert_eq!(told, ["$presence.lobby old Nothing", r#"$presence.lobby new Json("2")"#]);
}

#[test]
fn what_waits_has_a_bound_and_taking_it_makes_room() {
    let roster = Roster::default();
    let member = format!("{:?}", "x".repeat(1 << 20));
    let joined = (0..100).filter(|n| join(&roster, &format!("c{n}"), &member).is_ok()).count();
    assert!((32..64).contains(&joined), "{joined}");
    assert_eq!(roster.refused(), 100 - u64::try_from(joined).unwrap());
    assert_eq!(roster.take_changes().len(), joined);
    join(&roster, "c", &member).unwrap();
}

#[test]
fn any_rounds_of_which_any_fail_agree_with_a_naive_list() {
    for seed in 0..500 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (roster, mut log, mut truth) = (Roster::default(), Members::new(), Members::new());
        let mut flying: Vec<Change> = Vec::new();
        for n in 0..300 {
            match rng.u8(..8) {
                0 if flying.is_empty() => flying = roster.take_changes(),
                // Some of a round are told, others fail; meanwhile people come and go.
                0 => roster.put_back(flying.pop()),
                1 => flying.pop().iter().for_each(|change| drop(tell(&mut log, change))),
                _ => {
                    let (channel, connection) = (rng.u8(..2), rng.u8(..3));
                    let key = (format!("$presence.a.{channel}"), format!("c{connection}"));
                    let name: ChannelName = format!("a.{channel}").parse().unwrap();
                    let label: Label = key.1.parse().unwrap();
                    if truth.remove(&key).is_some() {
                        roster.leave(&name, &label);
                    } else {
                        let member = n.to_string();
                        let permit = Grant::open().permit_join(&name).unwrap();
                        roster.join(&permit, &label, member.clone().into()).unwrap();
                        truth.insert(key, member);
                    }
                }
            }
        }
        flying.iter().for_each(|change| drop(tell(&mut log, change)));
        round(&roster, &mut log);
        assert_eq!(log, truth, "seed {seed}");
    }
}
