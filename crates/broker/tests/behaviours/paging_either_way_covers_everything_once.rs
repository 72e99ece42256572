//! Random logs, read page by page from either end, beside a list of everything that was published.
//!
//! A page back is a place, from which an ordinary reader reads up to where the page before began.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)]

use crate::common::{Seen, broker, may_look_back, may_read, may_read_all, messages, publish, see};
use tidewire_broker::{Broker, ChannelName, Gathered, Pattern, Position, Reader, Start};

const CHANNELS: [&str; 5] = ["a.x", "a.y", "b.x", "b.y.z", "quiet"];
const PATTERNS: [&str; 7] = ["a.x", "b.y.z", "never", "a.*", "*.x", "b.>", ">"];

struct World {
    random: fastrand::Rng,
    broker: Broker,
    published: Vec<ChannelName>,
}

impl World {
    fn new(seed: u64, messages_max: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let broker = broker(messages_max);
        let published = (0..random.usize(0..80))
            .map(|_| {
                let channel = CHANNELS[random.usize(0..CHANNELS.len())];
                publish(&broker, channel);
                channel.parse().unwrap()
            })
            .collect();
        Self { random, broker, published }
    }

    fn pattern(&mut self) -> Pattern {
        PATTERNS[self.random.usize(0..PATTERNS.len())].parse().unwrap()
    }

    /// The offsets of what `pattern` selects, retained or not.
    fn matching(&self, pattern: &Pattern) -> Vec<u64> {
        let offsets = (1..).zip(&self.published);
        offsets.filter(|(_, channel)| pattern.matches(channel)).map(|(offset, _)| offset).collect()
    }
}

fn at(offset: u64) -> Position {
    Position { epoch: 7, offset }
}

/// What `pattern` selects from `start` on up to offset `upto`, and where that began.
fn read(broker: &Broker, pattern: &Pattern, start: Start, upto: u64) -> (u64, Vec<Seen>) {
    let (mut reader, started) = Reader::once(broker, &may_read(pattern.as_str()), start);
    let (mut gathered, mut seen) = (Gathered::default(), Vec::new());
    while !gathered.is_caught_up() {
        reader.gather(broker, upto, 1 << 20, &mut gathered);
        seen.extend(gathered.items().iter().map(see));
        reader.advance(&gathered, gathered.items().len());
    }
    (started.after, seen)
}

/// Pages of `pattern` from the end to the beginning, the newest first: place, end, content.
fn pages_back(world: &mut World, pattern: &Pattern) -> Vec<(u64, u64, Vec<Seen>)> {
    let (mut pages, mut upto) = (Vec::new(), world.broker.head());
    loop {
        let (count, bytes_max) = (world.random.usize(1..9), world.random.usize(1..600));
        let before = (!pages.is_empty()).then_some(at(upto + 1));
        let start = Start::Back { before, count, bytes_max, history: may_look_back() };
        let (after, seen) = read(&world.broker, pattern, start, upto);
        let held = seen.iter().filter(|one| matches!(one, Seen::Message(_))).count();
        assert!(held <= count && (held == 1 || held * 65 <= bytes_max || held == 0), "{seen:?}");
        assert!(held > 0 || after == 0, "an empty page says there is more");
        pages.push((after, upto, seen));
        if after == 0 {
            return pages;
        }
        upto = after;
    }
}

#[test]
fn what_is_retained_is_on_exactly_one_page_back() {
    for seed in 0..2_000 {
        let mut world = World::new(seed, 1_000);
        let pattern = world.pattern();
        let pages = pages_back(&mut world, &pattern);
        let seen: Vec<Seen> = pages.into_iter().rev().flat_map(|(.., seen)| seen).collect();
        assert_eq!(seen, messages(world.matching(&pattern)), "seed {seed}, {pattern}");
    }
}

#[test]
fn what_is_not_on_a_page_back_lies_in_its_gap() {
    for seed in 0..2_000 {
        let messages_max = 1 + seed as usize % 7;
        let mut world = World::new(seed, messages_max);
        let pattern = world.pattern();
        let (_, retained) =
            read(&world.broker, &pattern, Start::Earliest(may_look_back()), world.broker.head());
        let mut found = Vec::new();
        for (after, upto, seen) in pages_back(&mut world, &pattern) {
            let gaps = seen.iter().filter_map(|one| match one {
                Seen::Gap(_, from, to) => Some((*from, *to)),
                Seen::Message(_) => None,
            });
            let gaps: Vec<(u64, u64)> = gaps.collect();
            assert!(gaps.iter().all(|(from, _)| *from == after), "seed {seed}: {seen:?}");
            for offset in world.matching(&pattern) {
                let is_owed = offset > after && offset <= upto;
                let is_seen = seen.contains(&Seen::Message(offset));
                let is_reported = gaps.iter().any(|(_, to)| offset <= *to);
                assert!(!is_owed || is_seen || is_reported, "seed {seed}: {offset} lost silently");
            }
            found.extend(seen.into_iter().rev().filter(|one| matches!(one, Seen::Message(_))));
        }
        found.reverse();
        assert_eq!(found, retained, "seed {seed}, {pattern}");
    }
}

#[test]
fn a_place_back_counts_a_message_once_however_many_patterns_select_it() {
    for seed in 0..1_000 {
        let mut world = World::new(seed, 1_000);
        let patterns = [world.pattern(), world.pattern(), world.pattern()];
        let (count, bytes_max) = (world.random.usize(1..20), world.random.usize(0..20) * 65);
        let before = world.random.u64(0..=world.broker.head() + 2);
        let start =
            Start::Back { before: Some(at(before)), count, bytes_max, history: may_look_back() };
        let started = Reader::default().follow(&world.broker, &may_read_all(&patterns), start);
        let mut past: Vec<u64> = patterns.iter().flat_map(|one| world.matching(one)).collect();
        past.sort_unstable();
        past.dedup();
        past.retain(|offset| *offset < before);
        let fitting = count.min(bytes_max / 65).max(1);
        let expected = past.iter().rev().nth(fitting).copied().unwrap_or_default();
        assert_eq!(started.after, expected, "seed {seed}: {patterns:?} {count} before {before}");
        assert!(!started.is_foreign);
    }
}

#[test]
fn more_channels_than_messages_wanted_are_merged_all_the_same() {
    let broker = broker(10);
    for n in 0..200 {
        publish(&broker, &format!("c{}", n * 7 % 50));
    }
    for (count, expected) in [(1, 199), (3, 197), (100, 100), (199, 1), (200, 0)] {
        let start =
            Start::Back { before: None, count, bytes_max: usize::MAX, history: may_look_back() };
        let (_, started) = Reader::once(&broker, &may_read(">"), start);
        assert_eq!(started.after, expected);
    }
}

#[test]
fn before_a_position_of_another_epoch_nothing_is_known() {
    let broker = broker(10);
    publish(&broker, "a");
    let before = Some(Position { epoch: 6, offset: 1 });
    let start = Start::Back { before, count: 5, bytes_max: usize::MAX, history: may_look_back() };
    let (_, started) = Reader::once(&broker, &may_read("a"), start);
    assert!(started.is_foreign);
    assert_eq!(started.after, 0);
}
