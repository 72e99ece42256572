//! Epoch, offsets and messages are those of the last life.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{disk::Machine, everything, open_at, publish, text};
use tidewire_broker::Options;
use tidewire_engine_log::Settings;

#[test]
fn the_order_goes_on_after_reopening() {
    let machine = Machine::default();
    let settings = crate::common::settings(Options::default());
    let mut said = Vec::new();
    for life in 0..4 {
        let (engine, broker) = open_at(&machine, &settings, 7_000 + life).unwrap();
        assert_eq!(broker.epoch(), 7_000);
        assert_eq!(broker.head(), life * 3);
        for number in 0..3 {
            said.push(format!("{life}.{number}"));
            let offset = publish(&engine, "a", text(&said[said.len() - 1])).unwrap();
            assert_eq!(offset, life * 3 + number + 1);
        }
        assert_eq!(everything(&broker, "a"), said);
    }
}

#[test]
fn a_new_store_takes_the_time_for_its_epoch() {
    let machine = Machine::default();
    let (_engine, broker) = open_at(&machine, &Settings::default(), 42).unwrap();
    assert_eq!((broker.epoch(), broker.head()), (42, 0));
}
