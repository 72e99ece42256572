//! A lane sorts out so much news in one turn, whatever there is and whatever is published meanwhile.
#![allow(clippy::unwrap_used)]

use crate::common::{broker, may_read, publish};
use std::task::{Context, Waker};
use tidewire_broker::{Broker, Gathered, Lane, Reader, Start};

/// News of more channels than two turns sort out.
const CHANNELS: usize = 60_000;

/// More turns than that takes, as each turn sorts out thousands.
const TURNS_MAX: usize = 40;

fn publish_to_all(broker: &Broker) {
    for number in 0..CHANNELS {
        publish(broker, &format!("c.{number}"));
    }
}

fn followed(pattern: &str) -> (Broker, Lane) {
    let broker = broker(4);
    let mut lane = broker.lane().unwrap();
    let waiter = lane.register();
    lane.follow(waiter, &pattern.parse().unwrap());
    lane.sleep(waiter, Waker::noop(), None);
    (broker, lane)
}

fn turn(lane: &mut Lane) {
    let _ = lane.poll_news(&mut Context::from_waker(Waker::noop()));
}

#[test]
fn what_one_turn_leaves_the_next_ones_do() {
    let (broker, mut lane) = followed(">");
    publish_to_all(&broker);
    let mut turns = 0;
    while lane.read_limit() < broker.head() {
        turn(&mut lane);
        turns += 1;
        assert!(turns < TURNS_MAX && lane.is_behind() == (lane.read_limit() < broker.head()));
    }
    assert!(turns > 2, "all in {turns} turns");
}

#[test]
fn what_is_published_meanwhile_makes_a_pass_no_longer() {
    let (broker, mut lane) = followed(">");
    publish_to_all(&broker);
    let head = broker.head();
    for turns in 0.. {
        turn(&mut lane);
        if lane.read_limit() >= head {
            break;
        }
        assert!(turns < TURNS_MAX, "a publisher holds the lane");
        publish_to_all(&broker);
    }
}

#[test]
fn at_the_end_everything_is_sorted_out_at_once() {
    let (broker, mut lane) = followed(">");
    publish_to_all(&broker);
    lane.advance_to_head();
    assert!(lane.read_limit() == broker.head() && !lane.is_behind());
}

#[test]
fn a_follower_is_notified_of_what_was_sorted_while_it_came() {
    let (broker, mut lane) = followed(">");
    publish_to_all(&broker);
    turn(&mut lane);
    let waiter = lane.register();
    lane.follow(waiter, &"c.*".parse().unwrap());
    assert!(lane.read_limit() < broker.head());
    (0..TURNS_MAX).for_each(|_| turn(&mut lane));
    assert!(lane.take_news(waiter).is_some());
}

#[test]
fn a_follower_reads_what_was_notified_before_it_came_in_a_pass_that_ended_after() {
    let (broker, mut lane) = followed(">");
    let early = publish(&broker, "early.1");
    publish_to_all(&broker);
    turn(&mut lane);
    let (waiter, mut reader) = (lane.register(), Reader::default());
    let permit = may_read("early.*");
    lane.follow(waiter, permit.pattern());
    reader.follow(&broker, &[permit], Start::after(broker.position(0)));
    let mut gathered = Gathered::default();
    reader.gather(&broker, lane.read_limit(), 1_000, &mut gathered);
    assert!(gathered.is_caught_up() && gathered.items().is_empty(), "it may not be read yet");
    reader.advance(&gathered, 0);
    lane.advance_to_head();
    lane.take_news(waiter).into_iter().for_each(|news| reader.note(news));
    let mut read = Vec::new();
    while reader.after() != Some(lane.read_limit()) {
        reader.gather(&broker, lane.read_limit(), 1_000, &mut gathered);
        read.extend(gathered.messages().map(|message| message.offset()));
        reader.advance(&gathered, gathered.items().len());
    }
    assert_eq!(read, [early]);
}
