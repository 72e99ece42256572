//! However messages of several channels alternate, an archive is asked once for what a turn takes of each.
#![allow(missing_docs, clippy::unwrap_used)]

use crate::{common::may_read, test_archive::TestArchive};
use std::sync::Arc;
use tidewire_broker::{Broker, Gathered, Limits, Reader, Start};

const CHANNELS: u64 = 10;
const EACH: u64 = 40;

/// Channels on disk alone, in turns.
fn on_disk() -> (Arc<TestArchive>, Broker) {
    let archive = Arc::new(TestArchive::default());
    let limits = || Limits { bytes_max: 0, ..Limits::default() };
    let broker = Broker::with_archive(1, 0, limits(), archive.clone());
    for offset in 0..CHANNELS * EACH {
        archive.publish(&broker, &format!("c.{}", offset % CHANNELS), offset + 1);
    }
    (archive, broker)
}

#[test]
fn a_merge_asks_an_archive_once_for_what_it_takes() {
    let names: Vec<_> = (0..CHANNELS).map(|at| may_read(&format!("c.{at}"))).collect();
    let (archive, broker) = on_disk();
    let mut reader = Reader::default();
    reader.follow(&broker, &names, Start::after(broker.position(0)));
    let (mut gathered, mut offsets) = (Gathered::default(), Vec::new());
    archive.take_looks();
    let mut turns = 0;
    while !gathered.is_caught_up() {
        reader.gather(&broker, broker.head(), 8 << 10, &mut gathered);
        offsets.extend(gathered.messages().map(|message| message.offset()));
        reader.advance(&gathered, gathered.items().len());
        turns += 1;
    }
    assert_eq!(offsets, Vec::from_iter(1..=CHANNELS * EACH));
    let reads = u64::try_from(archive.take_looks().reads).unwrap();
    // Where each goes on, what is there, and what comes after that.
    assert!(reads <= turns * CHANNELS * 3, "{reads} reads in {turns} turns");
    assert!(reads < CHANNELS * EACH, "{reads} reads in {turns} turns");
}
