//! The bound on the data: the oldest messages go, whichever channel they are of; values stay.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{disk::Machine, everything, keyed, open_on, publish, publish_at, read, text};
use std::time::{Duration, Instant};
use tidewire_broker::{
    AppendError, Content, Draft, EngineError, Limits, Message, Options, Pattern, Position, Rule,
    Rules, Start,
};
use tidewire_engine_log::Settings;

fn settings(bytes_max: u64) -> Settings {
    let compact = Rule { compact: Some(true), ..Rule::default() };
    let pattern: Pattern = "state".parse().unwrap();
    let limits =
        Limits { rules: Rules::new(Options::default(), [(pattern, compact)]), ..Limits::default() };
    Settings { limits, bytes_max: Some(bytes_max), ..Settings::default() }
}

fn cost(draft: &Draft) -> u64 {
    u64::try_from(Message::cost_of(draft)).unwrap()
}

#[test]
fn what_is_left_is_the_newest_that_fits_and_the_rest_is_a_gap() {
    for seed in 0..10 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (machine, settings) = (Machine::default(), settings(4_000));
        let (mut engine, mut broker) = open_on(&machine, &settings);
        let mut said = Vec::new();
        for number in 0..200 {
            let draft = text(&format!("{number} {}", "x".repeat(random.usize(..300))));
            let name = format!("c{}", random.usize(..6));
            publish(&engine, &name, draft.clone()).unwrap();
            said.push(draft);
            let mut left = 4_000;
            let fits = |draft: &&Draft| {
                left -= i64::try_from(cost(draft)).unwrap();
                left >= 0
            };
            let kept = said.iter().rev().take_while(fits).count();
            let expected: Vec<_> = said[said.len() - kept..].iter().map(as_text).collect();
            if number % 50 == 49 {
                drop((engine, broker));
                (engine, broker) = open_on(&machine, &settings);
            }
            assert_eq!(everything(&broker, "*"), expected, "seed {seed}, {number}");
        }
        let refused = publish(&engine, "c0", text(&"x".repeat(4_000)));
        assert_eq!(
            refused,
            Err(AppendError::Engine(EngineError::StorageFull)),
            "it would go at once"
        );
        let start = Start::after(Position { epoch: broker.epoch(), offset: 1 });
        assert_eq!(read(&broker, "*", start)[0], "gap");
    }
}

fn as_text(draft: &Draft) -> String {
    String::from_utf8(draft.content.as_bytes().to_vec()).unwrap()
}

#[test]
fn values_stay_and_what_would_add_to_them_is_refused() {
    let value = |text: &str| keyed("key", text);
    let full = cost(&value("value")) * 2 + 50;
    let machine = Machine::default();
    let (engine, broker) = open_on(&machine, &settings(full));
    publish(&engine, "a", text("passes")).unwrap();
    publish(&engine, "state", keyed("k1", "value")).unwrap();
    publish(&engine, "state", keyed("k2", "value")).unwrap();
    let refused = Err(AppendError::Engine(EngineError::StorageFull));
    assert_eq!(publish(&engine, "state", keyed("k3", "value")), refused);
    assert_eq!(publish(&engine, "a", text("adds")), refused, "and would go at once");
    assert_eq!(everything(&broker, "a"), [""; 0]);
    assert_eq!(everything(&broker, "state"), ["value", "value"]);
    publish(&engine, "state", keyed("k2", "other")).unwrap();
    let nothing = Draft { key: "k1".parse().ok(), ..Draft::new(Content::Nothing) };
    publish(&engine, "state", nothing).unwrap();
    assert_eq!(everything(&broker, "state"), ["other"]);
    engine.sweep(4_000_000);
    wait_for(|| publish_at(&engine, "a", text("room again"), 4_000_000).is_ok());
}

#[test]
fn a_bound_that_was_lowered_is_kept_to_after_a_few_rounds() {
    let machine = Machine::default();
    let (engine, _broker) = open_on(&machine, &settings(u64::MAX));
    let one = cost(&text("12345"));
    for number in 0..2_000 {
        publish(&engine, &format!("c{}", number % 7), text(&format!("{number:05}"))).unwrap();
    }
    drop(engine);
    let (engine, broker) = open_on(&machine, &settings(one * 10));
    engine.sweep(1_000);
    let expected: Vec<_> = (1_990..2_000).map(|number| format!("{number:05}")).collect();
    wait_for(|| everything(&broker, "*") == expected);
}

fn wait_for(mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(5));
    }
}
