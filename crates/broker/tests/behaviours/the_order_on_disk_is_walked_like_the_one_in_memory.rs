//! Followers of wildcards before an archive that knows the order of the log: in memory, on disk, after
//! a restart, and around stretches of which it knows nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::{
    common::{Seen, drain, may_look_back, may_read, messages},
    test_archive::TestArchive,
};
use std::{collections::BTreeMap, sync::Arc};
use tidewire_broker::{Broker, Limits, Pattern, Reader, Start};

const PATTERNS: [&str; 4] = [">", "g1.*", "*.3", "none.*"];

fn open(archive: &Arc<TestArchive>, head: u64, bytes_max: usize) -> Broker {
    let limits = Limits { bytes_max, ..Limits::default() };
    let broker = Broker::with_archive(7, head, limits, archive.clone());
    archive.restore(&broker);
    broker
}

fn follow(broker: &Broker, pattern: &str, start: Start) -> Reader {
    let mut reader = Reader::default();
    reader.follow(broker, &[may_read(pattern)], start);
    reader
}

#[test]
fn after_a_restart_no_channel_is_searched_for_its_next_message() {
    const CHANNELS: u64 = 3_000;
    let archive = Arc::new(TestArchive::default());
    let broker = open(&archive, 0, 0);
    let name = |offset: u64| format!("g{}.{}", offset % 7, offset % CHANNELS);
    (1..=CHANNELS).for_each(|offset| archive.publish(&broker, &name(offset), offset));
    for (bytes_max, pattern) in [(0, ">"), (1 << 20, ">"), (0, "g1.*"), (1 << 20, "g1.*")] {
        let broker = open(&archive, CHANNELS, bytes_max);
        archive.take_looks();
        let seen =
            drain(&broker, &mut follow(&broker, pattern, Start::Earliest(may_look_back())), 10_000);
        let pattern: Pattern = pattern.parse().unwrap();
        let owed = (1..=CHANNELS).filter(|offset| pattern.matches(&name(*offset).parse().unwrap()));
        assert_eq!(seen, messages(owed));
        let looks = archive.take_looks();
        assert_eq!(looks.searches, 0, "{looks:?} with {bytes_max} bytes");
        assert!(looks.reads <= seen.len() + 10, "{looks:?}");
    }
}

/// What was published and what is gone, in a log of few channels.
struct World {
    random: fastrand::Rng,
    archive: Arc<TestArchive>,
    broker: Broker,
    bytes_max: usize,
    head: u64,
    published: BTreeMap<u64, String>,
    taken: BTreeMap<String, u64>,
}

impl World {
    fn begin(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let (archive, bytes_max) = (Arc::default(), random.usize(..4_000));
        let broker = open(&archive, 0, bytes_max);
        let (published, taken) = (BTreeMap::new(), BTreeMap::new());
        Self { random, archive, broker, bytes_max, head: 0, published, taken }
    }

    fn step(&mut self) {
        let name = format!("g{}.{}", self.random.u8(..3), self.random.u8(..5));
        match self.random.u8(..20) {
            0..12 => {
                // Now and then an offset belongs to nobody.
                self.head += 1 + u64::from(self.random.u8(..20) == 0);
                self.archive.publish(&self.broker, &name, self.head);
                self.published.insert(self.head, name);
            }
            12..14 => {
                let upto = self.random.u64(..=self.head);
                self.archive.drop_upto(&self.broker, &name, upto);
                let taken = self.taken.entry(name).or_default();
                *taken = upto.max(*taken);
            }
            14 => self.archive.forget_order(self.random.u64(..=self.head)),
            15 => self.broker = open(&self.archive, self.head, self.bytes_max),
            _ => self.resume(),
        }
    }

    /// Each message is read once and in order, or a gap reaches as far.
    fn resume(&mut self) {
        let pattern = self.random.choice(PATTERNS).unwrap();
        let after = self.random.u64(..=self.head);
        let start = Start::after(self.broker.position(after));
        let mut reader = follow(&self.broker, pattern, start);
        let seen = drain(&self.broker, &mut reader, self.random.usize(1..2_000));
        let pattern: Pattern = pattern.parse().unwrap();
        let is_owed =
            |offset: u64, name: &String| offset > after && pattern.matches(&name.parse().unwrap());
        let owed = self.published.iter().filter(|(offset, name)| {
            is_owed(**offset, name) && self.taken.get(*name).is_none_or(|taken| taken < *offset)
        });
        let gaps: Vec<&Seen> = seen.iter().filter(|seen| matches!(seen, Seen::Gap(..))).collect();
        let read: Vec<Seen> = seen.iter().filter(|seen| !gaps.contains(seen)).cloned().collect();
        assert_eq!(read, messages(owed.map(|(offset, _)| *offset)), "{pattern} after {after}");
        let lost = self.published.iter().filter(|(offset, name)| {
            is_owed(**offset, name) && self.taken.get(*name).is_some_and(|taken| taken >= *offset)
        });
        let lost = lost.map(|(offset, _)| *offset).max();
        let reported =
            gaps.iter().map(|gap| if let Seen::Gap(_, _, to) = gap { *to } else { 0 }).max();
        assert!(
            reported >= lost,
            "{pattern} after {after} lost {lost:?} and the gap notice is for {reported:?}"
        );
    }
}

#[test]
fn every_reader_reads_each_message_or_gets_a_gap_notice() {
    for seed in 0..60 {
        println!("seed {seed}");
        let mut world = World::begin(seed);
        (0..400).for_each(|_| world.step());
    }
}
