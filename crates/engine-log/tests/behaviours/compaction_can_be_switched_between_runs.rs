//! If it is switched on, the newest message of each key stays; if off, all are removed, and readers get a gap notice.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{disk::Machine, everything, keyed, open_on, publish, settings, text};
use tidewire_broker::{Compaction, Options, Position, Start};

#[test]
fn compaction_can_be_switched_between_runs() {
    let machine = Machine::default();
    let plain = settings(Options::default());
    let compaction = Some(Compaction::default());
    let compacted = settings(Options { compaction, ..Options::default() });

    let (engine, broker) = open_on(&machine, &plain);
    for draft in [keyed("x", "1"), keyed("y", "2"), text("no key"), keyed("x", "3")] {
        publish(&engine, "a", draft).unwrap();
    }
    drop((engine, broker));
    let (engine, broker) = open_on(&machine, &compacted);
    assert_eq!(everything(&broker, "a"), ["2", "3"]);
    publish(&engine, "a", keyed("y", "4")).unwrap();
    assert_eq!(everything(&broker, "a"), ["3", "4"]);
    drop((engine, broker));
    let (engine, broker) = open_on(&machine, &plain);
    publish(&engine, "a", text("5")).unwrap();
    assert_eq!(everything(&broker, "a"), ["5"]);
    let start = Start::after(Position { epoch: broker.epoch(), offset: 1 });
    assert_eq!(crate::common::read(&broker, "a", start), ["gap", "5"]);
}
