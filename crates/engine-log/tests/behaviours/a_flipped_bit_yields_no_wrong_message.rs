//! Seeded damage anywhere in any file, at rest and under an open store: a clear error, or everything that is read is as
//! it was published, with a gap notice for what is missing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions)]

use crate::common::{
    disk::{Machine, MemoryDisk},
    keyed, may_look_back, may_read, open_at, publish, settings, text,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};
use tidewire_broker::{Broker, Compaction, Content, Draft, Gathered, Item, Options, Reader, Start};
use tidewire_engine_log::{LogEngine, Settings};

/// What was answered, by offset: channel, key and text.
type Said = BTreeMap<u64, (usize, Option<String>, String)>;

/// Publishes to each channel once, and notes what was answered.
fn say(engine: &LogEngine, said: &mut Said, number: usize, is_keyed: bool) {
    for channel in 0..5 {
        let words = format!("{channel}.{number} {}", "x".repeat(number * 37 % 300));
        let key = is_keyed.then(|| format!("k{}", number * 7 % 40));
        let draft = key.as_ref().map_or_else(|| text(&words), |key| keyed(key, &words));
        if let Ok(offset) = publish(engine, &format!("a{channel}"), draft) {
            said.insert(offset, (channel, key, words));
        }
    }
}

/// Files with 600 messages, some settled and some in the journal.
fn written(settings: &Settings, is_keyed: bool) -> (Machine, Said) {
    let (machine, mut said) = (Machine::default(), Said::new());
    let (engine, _) = open_at(&machine, settings, 1_000).unwrap();
    (0..60).for_each(|number| say(&engine, &mut said, number, is_keyed));
    drop(engine);
    let (engine, _) = open_at(&machine, settings, 1_000).unwrap();
    (60..120).for_each(|number| say(&engine, &mut said, number, is_keyed));
    // Not closed quietly: its journal is not empty.
    (machine.copy(), said)
}

/// Every message is one that was published, in order, and there is a gap notice for what is missing.
fn check(broker: &Broker, said: &Said, seed: u64) {
    for channel in 0..5 {
        let mut reader = Reader::default();
        reader.follow(
            broker,
            &[may_read(&format!("a{channel}"))],
            Start::Earliest(may_look_back()),
        );
        let (mut seen, mut reported, mut gathered) = (Vec::new(), 0, Gathered::default());
        while !gathered.is_caught_up() {
            reader.gather(broker, broker.head(), 64 << 10, &mut gathered);
            for item in gathered.items() {
                match item {
                    Item::Gap(gap) => reported = reported.max(gap.to),
                    Item::Message(message) => {
                        let (of, _, words) = &said[&message.offset()];
                        let wanted = (channel, Content::Text(words.as_str().into()));
                        assert_eq!((*of, message.content().clone()), wanted, "seed {seed}");
                        assert!(seen.last() < Some(&message.offset()), "seed {seed}");
                        seen.push(message.offset());
                    }
                }
            }
            reader.advance(&gathered, gathered.items().len());
        }
        let mine = || said.iter().filter(|(_, (of, ..))| *of == channel);
        let is_current = |offset: u64, key: &Option<String>| {
            key.is_none() || !mine().any(|(later, (_, other, _))| *later > offset && other == key)
        };
        let missing = mine()
            .filter(|(offset, (_, key, _))| is_current(**offset, key) && !seen.contains(offset))
            .map(|(offset, _)| *offset)
            .max();
        let is_reported =
            broker.epoch() != 1_000 || missing.is_none_or(|missing| missing <= reported);
        assert!(
            is_reported,
            "seed {seed}: {missing:?} is missing silently, reported up to {reported}"
        );
    }
}

fn pick<'a>(machine: &'a mut Machine, random: &mut fastrand::Rng) -> &'a mut Arc<MemoryDisk> {
    match random.u8(..8) {
        0 | 1 => &mut machine.journal,
        2 => &mut machine.witness,
        _ => &mut machine.rows,
    }
}

fn flip(random: &mut fastrand::Rng) -> impl Fn(&mut Vec<u8>) + use<> {
    let (place, bit) = (random.f64(), random.u8(..8));
    move |bytes| {
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if let Some(byte) = bytes.get_mut((place * used as f64) as usize) {
            *byte ^= 1 << bit;
        }
    }
}

/// Opens harmed files as often as there are seeds, three times each: damage that the first opening
/// finds, and damage that is first found by reading, is healed by then. Returns how often they opened.
fn at_rest(settings: &Settings, is_keyed: bool) -> usize {
    let (whole, said) = written(settings, is_keyed);
    let mut opened = 0;
    for seed in seeds() {
        let (mut random, mut said) = (fastrand::Rng::with_seed(seed), said.clone());
        let mut machine = whole.copy();
        let disk = pick(&mut machine, &mut random);
        *disk = disk.harmed(flip(&mut random));
        for now_ms in [9_000, 10_000, 11_000] {
            let Ok((engine, broker)) = open_at(&machine, settings, now_ms) else { break };
            opened += 1;
            assert_ne!(broker.epoch(), 11_000, "seed {seed}: it is not healed");
            check(&broker, &said, seed);
            say(&engine, &mut said, 121, is_keyed);
            check(&broker, &said, seed);
        }
    }
    opened
}

#[test]
fn at_rest_in_a_history() {
    let opened = at_rest(&settings(Options::default()), false);
    assert!(opened > 3 * seeds().count() / 2, "{opened} opened");
}

#[test]
fn at_rest_in_compacted_channels() {
    let compacted = Options { compaction: Some(Compaction::default()), ..Options::default() };
    let opened = at_rest(&settings(compacted), true);
    assert!(opened > 3 * seeds().count() / 2, "{opened} opened");
}

#[test]
fn under_an_open_store() {
    let settings = settings(Options::default());
    let (whole, said) = written(&settings, false);
    for seed in seeds() {
        let (mut random, mut said) = (fastrand::Rng::with_seed(seed), said.clone());
        let mut machine = whole.copy();
        let (engine, broker) = open_at(&machine, &settings, 9_000).unwrap();
        pick(&mut machine, &mut random).harm(flip(&mut random));
        if random.bool() {
            // Has it opened again: what it holds in memory is read again.
            let disks = [&machine.journal, &machine.rows];
            disks.iter().for_each(|disk| disk.room.store(1, Ordering::SeqCst));
            let refused = publish(&engine, "a0", Draft::new(Content::Text("?".into())));
            assert!(refused.is_err(), "seed {seed}");
            disks.iter().for_each(|disk| disk.room.store(0, Ordering::SeqCst));
        }
        for number in 121..123 {
            say(&engine, &mut said, number, false);
            check(&broker, &said, seed);
        }
        drop(engine);
        if let Ok((engine, broker)) = open_at(&machine, &settings, 10_000) {
            check(&broker, &said, seed);
            say(&engine, &mut said, 124, false);
            check(&broker, &said, seed);
        }
    }
}

/// Fifteen of them; or as many as are asked for, from the number given on.
fn seeds() -> std::ops::Range<u64> {
    let number = |name, usual| std::env::var(name).map_or(usual, |from| from.parse().unwrap());
    let from = number("TIDEWIRE_SEED", 0);
    from..from + number("TIDEWIRE_SEEDS", 15)
}
