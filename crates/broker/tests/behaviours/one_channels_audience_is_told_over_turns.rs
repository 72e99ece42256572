//! However many follow a channel, by however many patterns: a turn of a lane tells so many seats, each once.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use crate::common::{broker, publish};
use std::task::{Context, Waker};
use tidewire_broker::{Broker, Lane, SeatId};

/// More seats than one turn tells.
const SEATS: usize = 10_000;

fn followed_by(count: usize, patterns: &[String]) -> (Broker, Lane, Vec<SeatId>) {
    let broker = broker(4);
    let mut lane = broker.lane().unwrap();
    let seats = (0..count).map(|_| sit(&mut lane, patterns)).collect();
    (broker, lane, seats)
}

fn sit(lane: &mut Lane, patterns: &[String]) -> SeatId {
    let seat = lane.sit();
    patterns.iter().for_each(|pattern| lane.follow(seat, &pattern.parse().unwrap()));
    lane.sleep(seat, Waker::noop(), None);
    seat
}

fn turn(lane: &mut Lane) {
    let _ = lane.poll_news(&mut Context::from_waker(Waker::noop()));
}

/// Takes turns until the lane has settled; says who was due, in order, and in how many turns.
fn settle(broker: &Broker, lane: &mut Lane) -> (Vec<SeatId>, usize) {
    let mut turns = 0;
    while lane.settled() < broker.head() {
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
        let (broker, mut lane, seats) = followed_by(SEATS, &[pattern.to_owned()]);
        publish(&broker, "a");
        let (due, turns) = settle(&broker, &mut lane);
        assert_eq!(due, seats, "{pattern}");
        assert!(turns >= 3, "{SEATS} seats in {turns} turns");
    }
}

#[test]
fn nobody_is_passed_over_though_others_come_and_go_between_the_turns() {
    let (broker, mut lane, seats) = followed_by(SEATS, &["a".to_owned(), "*".to_owned()]);
    publish(&broker, "a");
    turn(&mut lane);
    assert!(lane.settled() < broker.head());
    // Some that have been told and some that have not.
    let leaves = |seat: &SeatId| seat.index().is_multiple_of(3);
    seats.iter().filter(|seat| leaves(seat)).for_each(|seat| lane.rise(*seat));
    // They are given numbers of those who left.
    for _ in 0..9 {
        sit(&mut lane, &["a".to_owned()]);
    }
    settle(&broker, &mut lane);
    for seat in seats.iter().filter(|seat| !leaves(seat)) {
        assert!(lane.take_news(*seat).is_some(), "{seat:?}");
    }
}

#[test]
fn a_seat_costs_the_same_however_many_of_its_patterns_select_a_channel() {
    let (broker, mut lane, seats) = followed_by(100, &matching_patterns());
    // Ten channels with a hundred seats each are less than one turn does.
    for first in 0..10 {
        publish(&broker, &format!("{first}.a.a.a.a.a.a.a"));
    }
    turn(&mut lane);
    assert_eq!(lane.settled(), broker.head());
    let due: Vec<SeatId> = std::iter::from_fn(|| lane.next_due()).collect();
    assert_eq!(due, seats);
}

#[test]
fn who_sits_where_another_was_told_to_look_everywhere_is_told_of_each_channel() {
    let everything = [">".to_owned()];
    let (broker, mut lane, seats) = followed_by(1, &everything);
    // More channels than a lane notes for a seat.
    for number in 0..100 {
        publish(&broker, &format!("c.{number}"));
    }
    settle(&broker, &mut lane);
    lane.rise(seats[0]);
    assert_eq!(sit(&mut lane, &everything), seats[0], "the number is given again");
    publish(&broker, "a");
    assert_eq!(settle(&broker, &mut lane).0, seats);
}
