//! Where values have an age limit, the engine itself publishes their removal.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{disk::Machine, everything, keyed, open_on, publish_at, settings};
use tidewire_broker::{Compaction, Options};

#[test]
fn values_that_nothing_renews_are_removed() {
    let machine = Machine::default();
    let compaction = Some(Compaction { age_max_ms: Some(100), ..Compaction::default() });
    let settings = settings(Options { compaction, ..Options::default() });
    let (engine, broker) = open_on(&machine, &settings);
    publish_at(&engine, "a", keyed("old", "1"), 1_000).unwrap();
    publish_at(&engine, "a", keyed("young", "2"), 1_050).unwrap();
    engine.sweep(1_100);
    publish_at(&engine, "b", keyed("x", "after the sweep"), 1_100).unwrap();
    publish_at(&engine, "b", keyed("x", "and its commit"), 1_100).unwrap();
    assert_eq!(everything(&broker, "a"), ["2"]);
    assert_eq!(broker.head(), 5, "the removal is a message of its own");
}
