//! Without its journal a store goes on with what was settled, in a new epoch; the next start finds
//! nothing missing, crash or no crash.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{disk::Machine, everything, open_at, publish, read, settings, text};
use tidewire_broker::{Options, Position, Start};

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
    // What was answered since is there whether or not the engine had the time to end.
    let killed = without.copy();
    drop((engine, broker));
    for (left, answered) in [
        (crashed, &["settled"][..]),
        (killed, &["settled", "goes on"]),
        (without, &["settled", "goes on"]),
    ] {
        for now_ms in [4_000, 5_000] {
            let (_engine, broker) = open_at(&left, &settings, now_ms).unwrap();
            assert_eq!(broker.epoch(), 3_000);
            assert_eq!(everything(&broker, "a"), answered);
            let resumed = Start::after(Position { epoch: 3_000, offset: 1 });
            assert_eq!(read(&broker, "a", resumed), answered[1..], "no gap, and nothing missing");
        }
    }
}
