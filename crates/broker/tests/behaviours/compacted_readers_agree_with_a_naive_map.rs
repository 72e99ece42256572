//! Random puts and removals in compacted channels, beside plain maps. A client that applies what it receives, in any
//! portions and through any number of readers one after another, ends with the same state or gets a gap notice; and a
//! notice only if a loss concerned it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use crate::{
    common::{may_look_back, may_read},
    keyed::{Mirror, compacted, put},
};
use std::collections::BTreeMap;
use tidewire_broker::{Bookmark, Broker, Compaction, Position, Reader, Start};

const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

struct Subject {
    reader: Reader,
    mirror: Mirror,
    /// The head when it was given the whole state.
    begun: u64,
}

impl Subject {
    /// Reads one batch, or all; a gap needs a lost tombstone that could remove what it was given.
    fn read(&mut self, broker: &Broker, lost: u64, bytes_max: usize, all: bool) {
        let (gaps, after) = (self.mirror.gaps, self.reader.after().unwrap());
        self.mirror.read(broker, &mut self.reader, bytes_max, all);
        if self.mirror.gaps > gaps {
            assert!(lost > after.max(self.begun), "{lost} for {after} in {}", self.begun);
        }
    }

    /// Goes on with another reader from where this one stands, like page after page.
    fn turn_the_page(&mut self, broker: &Broker) {
        let after = broker.position(self.reader.after().unwrap());
        let start = Start::After(Bookmark { after, state: self.reader.state(broker) });
        self.reader = Reader::once(broker, &may_read("m"), start).0;
    }
}

/// The tombstones that are kept, by the naive rule: the newest, up to a number.
#[derive(Default)]
struct Tombstones {
    held: BTreeMap<u64, String>,
    /// The newest that was lost.
    lost: u64,
}

impl Tombstones {
    fn put(&mut self, key: &str, offset: u64, is_tombstone: bool, count_max: usize) {
        self.held.retain(|_, held| held != key);
        if is_tombstone {
            self.held.insert(offset, key.into());
        }
        while self.held.len() > count_max {
            self.lost = self.held.pop_first().unwrap().0.max(self.lost);
        }
    }
}

fn subscribe(
    broker: &Broker,
    model: &BTreeMap<String, String>,
    random: &mut fastrand::Rng,
) -> Subject {
    let (mut reader, mut mirror) = (Reader::default(), Mirror::default());
    let start = if random.bool() {
        Start::Earliest(may_look_back())
    } else {
        // Somebody who knew the state of just now, and lost the connection.
        mirror.state = model.clone();
        Start::after(Position { epoch: 7, offset: broker.head() })
    };
    reader.follow(broker, &[may_read("m")], start);
    Subject { reader, mirror, begun: broker.head() }
}

fn run(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let keys_max = random.usize(2..6);
    let tombstones_max = if random.bool() { random.usize(1..4) } else { 1_000 };
    let compaction = Compaction { keys_max, ..Compaction::default() };
    let broker = compacted(compaction, |it| it.retention.messages_max = tombstones_max);
    let mut model: BTreeMap<String, String> = BTreeMap::new();
    let (mut subjects, mut tombstones) = (Vec::<Subject>::new(), Tombstones::default());
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
                if let Ok(offset) = outcome {
                    tombstones.put(key, offset, value.is_none(), tombstones_max);
                    match value {
                        Some(value) => model.insert(key.into(), value),
                        None => model.remove(key),
                    };
                }
            }
            _ => {
                for subject in &mut subjects {
                    subject.read(&broker, tombstones.lost, random.usize(1..900), false);
                    if random.bool() {
                        subject.turn_the_page(&broker);
                    }
                }
            }
        }
    }
    for subject in &mut subjects {
        subject.read(&broker, tombstones.lost, 200, true);
        let mirror = &subject.mirror;
        if mirror.gaps == 0 {
            assert_eq!(mirror.state, model);
        } else {
            // What it has is a superset: no value is missing or stale, but some may be gone.
            let is_known = |(key, value)| mirror.state.get(key) == Some(value);
            assert!(model.iter().all(is_known), "{:?} for {model:?}", mirror.state);
        }
    }
    let (mut reader, mut mirror) = (Reader::default(), Mirror::default());
    reader.follow(&broker, &[may_read("m")], Start::Earliest(may_look_back()));
    mirror.read(&broker, &mut reader, 1, true);
    assert_eq!((&mirror.state, mirror.messages), (&model, model.len()));
}

#[test]
fn a_client_that_applies_every_message_has_the_state() {
    for seed in 0..2_000 {
        let outcome = std::panic::catch_unwind(|| run(seed));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}
