//! A worker that is started again opens a new lane: as often as that happens, while few run at a time.
#![allow(clippy::unwrap_used)]

use crate::common::{broker, drain, may_read, messages, publish};
use tidewire_broker::{Reader, Start};

#[test]
fn lanes_can_be_opened_and_ended_without_end() {
    let broker = broker(10);
    let mut others: Vec<_> = (0..63).map(|_| broker.lane().unwrap()).collect();
    for round in 0..200 {
        let lane = broker.lane();
        assert!(lane.is_ok(), "round {round}: {lane:?}");
    }
    others.push(broker.lane().unwrap());
    assert!(broker.lane().is_err(), "a channel has 64 bits for those who follow it");
}

#[test]
fn what_an_ended_lane_followed_is_followed_no_longer() {
    let broker = broker(10);
    let mut lane = broker.lane().unwrap();
    let waiter = lane.register();
    lane.follow(waiter, &"a".parse().unwrap());
    lane.follow(waiter, &"never.used".parse().unwrap());
    lane.follow(waiter, &"b.*".parse().unwrap());
    publish(&broker, "a");
    drop(lane);
    let mut followed = 0;
    broker.each_channel(|channel| followed += usize::from(channel.is_followed));
    assert_eq!((followed, broker.stats().channels), (0, 1));
}

#[test]
fn the_next_lane_of_a_number_is_notified_of_everything_and_of_nothing_older() {
    let broker = broker(10);
    for round in 0..3 {
        let mut lane = broker.lane().unwrap();
        let (mut reader, waiter) = (Reader::default(), lane.register());
        for pattern in ["a", "*"] {
            lane.follow(waiter, &pattern.parse().unwrap());
            reader.follow(&broker, &[may_read(pattern)], Start::Now);
        }
        lane.advance_to_head();
        let _ = lane.take_news(waiter);
        let first = publish(&broker, "a");
        lane.advance_to_head();
        assert!(lane.take_news(waiter).is_some(), "round {round}");
        assert_eq!(drain(&broker, &mut reader, 1_000), messages([first]), "round {round}");
        // It ends with news in its queue.
        publish(&broker, "a");
        publish(&broker, "b");
    }
}
