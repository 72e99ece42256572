//! The ids of the window survive, and so do their answers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{disk::Machine, everything, open_at, open_on, publish_at, settings, text};
use tidewire_broker::{AppendError, Draft, DraftError, Options, Repeats};

fn named(id: &str, value: &str) -> Draft {
    Draft { id: id.parse().ok(), ..text(value) }
}

#[test]
fn a_repeat_is_recognised_after_reopening() {
    let machine = Machine::default();
    let repeats = Repeats { ids_max: 10, age_max_ms: 500 };
    let settings = settings(Options { repeats, ..Options::default() });
    let (engine, broker) = open_on(&machine, &settings);
    assert_eq!(publish_at(&engine, "a", named("i", "1"), 1_000), Ok(1));
    assert_eq!(publish_at(&engine, "a", named("i", "1"), 1_000), Ok(1));
    drop((engine, broker));
    let (engine, broker) = open_at(&machine, &settings, 1_200).unwrap();
    assert_eq!(publish_at(&engine, "a", named("i", "1"), 1_200), Ok(1));
    assert_eq!(
        publish_at(&engine, "a", named("i", "2"), 1_200),
        Err(AppendError::Draft(DraftError::IdTaken))
    );
    assert_eq!(publish_at(&engine, "b", named("i", "2"), 1_200), Ok(2));
    assert_eq!(publish_at(&engine, "a", named("i", "2"), 1_500), Ok(3), "the window is over");
    assert_eq!(everything(&broker, "a"), ["1", "2"]);
}

#[test]
fn repeats_that_wait_together_are_recognised_too() {
    use tidewire_broker::Engine;
    let machine = Machine::default();
    let (engine, broker) = open_on(&machine, &settings(Options::default()));
    machine.journal.hold();
    let publish = |value| engine.publish(crate::common::permit("a"), named("i", value), 1);
    let answers: Vec<_> = ["1", "1", "2"].map(publish).into_iter().collect();
    machine.journal.let_go();
    let offsets: Vec<_> =
        answers.into_iter().map(|answer| crate::common::wait(answer).map(|at| at.offset)).collect();
    assert_eq!(offsets, [Ok(1), Ok(1), Err(AppendError::Draft(DraftError::IdTaken))]);
    assert_eq!(everything(&broker, "a"), ["1"]);
}
