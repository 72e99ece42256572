//! Without its journal a store goes on with what was settled, in a new epoch; the next start finds
//! nothing missing, crash or no crash.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "common/common.rs"]
mod common;
use common::{disk::Machine, everything, open_at, publish, settings, text};
use tidewire_broker::Options;

#[test]
fn a_journal_moved_away_costs_the_newest_messages_once() {
    let (machine, settings) = (Machine::default(), settings(Options::default()));
    let (engine, broker) = open_at(&machine, &settings, 1_000).unwrap();
    publish(&engine, "a", text("settled")).unwrap();
    drop((engine, broker));
    let (engine, _broker) = open_at(&machine, &settings, 2_000).unwrap();
    publish(&engine, "a", text("lost")).unwrap();
    let without = Machine { journal: Machine::default().journal, ..machine.copy() };
    let (engine, broker) = open_at(&without, &settings, 3_000).unwrap();
    assert_eq!(broker.epoch(), 3_000);
    assert_eq!(everything(&broker, "a"), ["settled"]);
    let crashed = without.copy();
    publish(&engine, "a", text("goes on")).unwrap();
    for left in [crashed, without.copy()] {
        for now_ms in [4_000, 5_000] {
            let (_engine, broker) = open_at(&left, &settings, now_ms).unwrap();
            assert_eq!(broker.epoch(), 3_000);
            assert_eq!(everything(&broker, "a")[0], "settled");
        }
    }
}
