//! Random puts and removals in compacted channels, beside plain maps: whoever applies what it is
//! handed, in whatever portions, ends with the same state, or has been told of a gap.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/keyed.rs"]
mod keyed;
use keyed::{Mirror, compacted, put};
use std::collections::BTreeMap;
use tidewire_broker::{Broker, Compaction, Position, Reader, Start};

const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

struct Subject {
    reader: Reader,
    mirror: Mirror,
}

fn subscribe(
    broker: &Broker,
    model: &BTreeMap<String, String>,
    random: &mut fastrand::Rng,
) -> Subject {
    let (mut reader, mut mirror) = (Reader::default(), Mirror::default());
    let start = if random.bool() {
        Start::Earliest
    } else {
        // Somebody who knew the state of just now, and lost the connection.
        mirror.state = model.clone();
        Start::After(Position { epoch: 7, offset: broker.head() })
    };
    reader.follow(broker, &["m".parse().unwrap()], start);
    Subject { reader, mirror }
}

fn run(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let keys_max = random.usize(2..6);
    let tombstones_max = if random.bool() { random.usize(1..4) } else { 1_000 };
    let compaction = Compaction { keys_max, ..Compaction::default() };
    let broker = compacted(compaction, |it| it.retention.messages_max = tombstones_max);
    let mut model: BTreeMap<String, String> = BTreeMap::new();
    let mut subjects: Vec<Subject> = Vec::new();
    for step in 0..300 {
        match random.u8(0..10) {
            0 if subjects.len() < 5 => subjects.push(subscribe(&broker, &model, &mut random)),
            1..7 => {
                let key = KEYS[random.usize(0..KEYS.len())];
                let value = (random.u8(0..3) > 0).then(|| step.to_string());
                let is_over =
                    value.is_some() && !model.contains_key(key) && model.len() == keys_max;
                let outcome = put(&broker, "m", key, value.as_deref(), 0);
                assert_eq!(outcome.is_err(), is_over, "{outcome:?}");
                if outcome.is_ok() {
                    match value {
                        Some(value) => model.insert(key.into(), value),
                        None => model.remove(key),
                    };
                }
            }
            _ => {
                for Subject { reader, mirror } in &mut subjects {
                    mirror.read(&broker, reader, random.usize(1..900), false);
                }
            }
        }
    }
    for Subject { reader, mirror } in &mut subjects {
        mirror.read(&broker, reader, 200, true);
        if mirror.gaps == 0 {
            assert_eq!(mirror.state, model);
        } else {
            // What it has is a superset: no value is missing or stale, but some may be gone.
            let is_known = |(key, value)| mirror.state.get(key) == Some(value);
            assert!(model.iter().all(is_known), "{:?} for {model:?}", mirror.state);
        }
    }
    let mut fresh = Subject { reader: Reader::default(), mirror: Mirror::default() };
    fresh.reader.follow(&broker, &["m".parse().unwrap()], Start::Earliest);
    fresh.mirror.read(&broker, &mut fresh.reader, 1, true);
    assert_eq!((fresh.mirror.state, fresh.mirror.messages), (model.clone(), model.len()));
}

#[test]
fn whoever_applies_every_message_has_the_state() {
    for seed in 0..2_000 {
        let outcome = std::panic::catch_unwind(|| run(seed));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}
