//! What retention removes leaves the disk, and readers get a gap notice.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{disk::Machine, everything, open_on, publish, publish_at, text};
use tidewire_broker::{Options, Position, Retention, Start};

fn options(messages_max: usize, age_max_ms: u64) -> Options {
    let retention = Retention { messages_max, age_max_ms, ..Retention::default() };
    Options { retention, ..Options::default() }
}

#[test]
fn the_oldest_go_and_stay_gone() {
    let machine = Machine::default();
    let settings = crate::common::settings(options(3, u64::MAX));
    let (engine, broker) = open_on(&machine, &settings);
    for number in 1..=10 {
        publish(&engine, "a", text(&number.to_string())).unwrap();
    }
    assert_eq!(everything(&broker, "a"), ["8", "9", "10"]);
    drop((engine, broker));
    let (_engine, broker) = open_on(&machine, &settings);
    assert_eq!(everything(&broker, "a"), ["8", "9", "10"]);
    let start = Start::after(Position { epoch: broker.epoch(), offset: 2 });
    assert_eq!(crate::common::read(&broker, "a", start), ["gap", "8", "9", "10"]);
}

#[test]
fn what_is_too_old_goes_with_a_sweep() {
    let machine = Machine::default();
    let settings = crate::common::settings(options(100, 50));
    let (engine, broker) = open_on(&machine, &settings);
    publish_at(&engine, "a", text("old"), 100).unwrap();
    publish_at(&engine, "a", text("young"), 140).unwrap();
    engine.sweep(150);
    publish_at(&engine, "b", text("after the sweep"), 150).unwrap();
    publish_at(&engine, "b", text("and its commit"), 150).unwrap();
    assert_eq!(everything(&broker, "a"), ["young"]);
    drop((engine, broker));
    let (_engine, broker) = open_on(&machine, &settings);
    assert_eq!(everything(&broker, "a"), ["young"]);
}

#[test]
fn the_files_do_not_grow_with_what_was_published() {
    let machine = Machine::default();
    let (engine, _broker) = open_on(&machine, &crate::common::settings(options(50, u64::MAX)));
    let payload = "x".repeat(1_000);
    let publish_many = || {
        let names: Vec<_> = (0..10).map(|number| format!("a{number}")).collect();
        let publish = |at: usize| {
            use tidewire_broker::Engine;
            engine.publish(crate::common::permit(&names[at % 10]), text(&payload), 1)
        };
        let answers: Vec<_> = (0..20_000).map(publish).collect();
        answers.into_iter().for_each(|answer| assert!(crate::common::wait(answer).is_ok()));
    };
    publish_many();
    let before = machine.journal.bytes() + machine.rows.bytes();
    publish_many();
    let after = machine.journal.bytes() + machine.rows.bytes();
    // How much a batch holds, and so how full a file gets before it is used again, depends on the
    // machine.
    assert!(
        after < before + 10_000_000,
        "{before}, then {after}, for 20 MB of which 0.5 MB are kept"
    );
}
