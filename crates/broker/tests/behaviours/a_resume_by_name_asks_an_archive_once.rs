//! Where a channel goes on, and what is there, is one question to an archive for a reader that follows one channel.
#![allow(missing_docs, clippy::unwrap_used)]

use crate::{common::may_read, test_archive::TestArchive};
use std::sync::Arc;
use tidewire_broker::{Broker, Gathered, Limits, Reader, Start};

/// Two channels on disk alone, in turns.
fn on_disk() -> (Arc<TestArchive>, Broker) {
    let archive = Arc::new(TestArchive::default());
    let limits = || Limits { bytes_max: 0, ..Limits::default() };
    let broker = Broker::with_archive(1, 0, limits(), archive.clone());
    for offset in 1..=20 {
        archive.publish(&broker, if offset % 2 == 0 { "a" } else { "b" }, offset);
    }
    (archive, broker)
}

#[test]
fn a_resume_by_name_asks_an_archive_once() {
    let (archive, broker) = on_disk();
    let mut reader = Reader::default();
    reader.follow(&broker, &[may_read("a")], Start::after(broker.position(4)));
    let mut gathered = Gathered::default();
    archive.take_looks();
    reader.gather(&broker, broker.head(), 64 << 10, &mut gathered);
    let offsets: Vec<u64> = gathered.messages().map(|message| message.offset()).collect();
    assert_eq!(offsets, [6, 8, 10, 12, 14, 16, 18, 20]);
    assert!(gathered.is_caught_up());
    assert_eq!(archive.take_looks().reads, 1);
}
