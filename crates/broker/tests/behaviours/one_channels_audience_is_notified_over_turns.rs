//! However many waiters follow a channel, by however many patterns: a turn of a lane notifies a bounded number of them,
//! each once.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use crate::common::{broker, publish};
use std::task::{Context, Waker};
use tidewire_broker::{Broker, Lane, WaiterId};

/// More waiters than two turns notify.
const WAITERS: usize = 40_000;

fn followed_by(count: usize, patterns: &[String]) -> (Broker, Lane, Vec<WaiterId>) {
    let broker = broker(4);
    let mut lane = broker.lane().unwrap();
    let waiters = (0..count).map(|_| register(&mut lane, patterns)).collect();
    (broker, lane, waiters)
}

fn register(lane: &mut Lane, patterns: &[String]) -> WaiterId {
    let waiter = lane.register();
    patterns.iter().for_each(|pattern| lane.follow(waiter, &pattern.parse().unwrap()));
    lane.sleep(waiter, Waker::noop(), None);
    waiter
}

fn turn(lane: &mut Lane) {
    let _ = lane.poll_news(&mut Context::from_waker(Waker::noop()));
}

/// Takes turns until the lane has nothing left to do; says who was due, in order, and in how many turns.
fn run_until_idle(broker: &Broker, lane: &mut Lane) -> (Vec<WaiterId>, usize) {
    let mut turns = 0;
    while lane.read_limit() < broker.head() {
        turn(lane);
        turns += 1;
        assert!(turns < 20);
    }
    (std::iter::from_fn(|| lane.next_due()).collect(), turns)
}

/// Of eight tokens, each either `a` or `*`: all of them select one channel.
fn matching_patterns() -> Vec<String> {
    let token = |bits: usize, at: usize| if bits >> at & 1 == 1 { "*" } else { "a" };
    (0..256).map(|bits| (0..8).map(|at| token(bits, at)).collect::<Vec<_>>().join(".")).collect()
}

#[test]
fn a_turn_ends_in_the_middle_of_an_audience() {
    for pattern in ["a", "*"] {
        let (broker, mut lane, waiters) = followed_by(WAITERS, &[pattern.to_owned()]);
        publish(&broker, "a");
        let (due, turns) = run_until_idle(&broker, &mut lane);
        assert_eq!(due, waiters, "{pattern}");
        assert!(turns >= 3, "{WAITERS} waiters in {turns} turns");
    }
}

#[test]
fn nobody_is_passed_over_though_others_come_and_go_between_the_turns() {
    let (broker, mut lane, waiters) = followed_by(WAITERS, &["a".to_owned(), "*".to_owned()]);
    publish(&broker, "a");
    turn(&mut lane);
    assert!(lane.read_limit() < broker.head());
    // Some that have been notified and some that have not.
    let leaves = |waiter: &WaiterId| waiter.index().is_multiple_of(3);
    waiters.iter().filter(|waiter| leaves(waiter)).for_each(|waiter| lane.remove(*waiter));
    // They get the numbers of waiters that were removed.
    for _ in 0..9 {
        register(&mut lane, &["a".to_owned()]);
    }
    run_until_idle(&broker, &mut lane);
    for waiter in waiters.iter().filter(|waiter| !leaves(waiter)) {
        assert!(lane.take_news(*waiter).is_some(), "{waiter:?}");
    }
}

#[test]
fn a_waiter_costs_the_same_however_many_of_its_patterns_select_a_channel() {
    let (broker, mut lane, waiters) = followed_by(100, &matching_patterns());
    // Ten channels with a hundred waiters each are less than one turn does.
    for first in 0..10 {
        publish(&broker, &format!("{first}.a.a.a.a.a.a.a"));
    }
    turn(&mut lane);
    assert_eq!(lane.read_limit(), broker.head());
    let due: Vec<WaiterId> = std::iter::from_fn(|| lane.next_due()).collect();
    assert_eq!(due, waiters);
}

#[test]
fn a_reused_waiter_is_notified_of_each_channel_though_the_one_before_had_to_look_everywhere() {
    let everything = [">".to_owned()];
    let (broker, mut lane, waiters) = followed_by(1, &everything);
    // More channels than a lane notes for a waiter.
    for number in 0..100 {
        publish(&broker, &format!("c.{number}"));
    }
    run_until_idle(&broker, &mut lane);
    lane.remove(waiters[0]);
    assert_eq!(register(&mut lane, &everything), waiters[0], "the number is given again");
    publish(&broker, "a");
    assert_eq!(run_until_idle(&broker, &mut lane).0, waiters);
}
