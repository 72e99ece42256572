//! An archive that cannot be read now may be readable the next time: nothing is remembered as lost.
#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::{Seen, drain, may_read, messages};
use crate::test_archive::TestArchive;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};
use tidewire_broker::{
    Archive, ArchiveRead, Broker, ChannelName, Limits, ReadContext, Reader, Retention, Rules, Start,
};

/// An archive that may be out of reach.
#[derive(Debug, Default)]
struct Remote {
    archive: TestArchive,
    is_away: AtomicBool,
}

impl Archive for Remote {
    fn read(
        &self,
        channel: &ChannelName,
        after: u64,
        upto: u64,
        bytes_max: usize,
        context: ReadContext<'_>,
    ) -> Poll<ArchiveRead> {
        match self.is_away.load(Ordering::SeqCst) {
            true => Poll::Ready(ArchiveRead { lost: upto, ..ArchiveRead::default() }),
            false => self.archive.read(channel, after, upto, bytes_max, context),
        }
    }

    fn first_since(
        &self,
        channel: &ChannelName,
        time_ms: u64,
        by: ReadContext<'_>,
    ) -> Poll<Option<u64>> {
        self.archive.first_since(channel, time_ms, by)
    }

    fn back(
        &self,
        channel: &ChannelName,
        before: u64,
        count: usize,
        context: ReadContext<'_>,
    ) -> Poll<Vec<(u64, usize)>> {
        self.archive.back(channel, before, count, context)
    }
}

#[test]
fn a_read_that_fails_is_a_gap_for_its_reader_only() {
    let retention = Retention { age_max_ms: 10, ..Retention::default() };
    let limits = Limits { rules: Rules::keeping(retention), ..Limits::default() };
    let remote = Arc::new(Remote::default());
    let broker = Broker::with_archive(7, 0, limits, remote.clone());
    (1..=3).for_each(|offset| remote.archive.publish(&broker, "a", offset));
    // 1 to 3 leave the memory, 4 stays.
    broker.sweep(10, 10);
    remote.archive.publish(&broker, "a", 4);
    for pattern in ["a", "*"] {
        let resume = || {
            let mut reader = Reader::default();
            let start = Start::after(broker.position(0));
            reader.follow(&broker, &[may_read(pattern)], start);
            reader
        };
        let mut unlucky = resume();
        remote.is_away.store(true, Ordering::SeqCst);
        let gap = Seen::Gap(pattern.into(), 0, 3);
        assert_eq!(drain(&broker, &mut unlucky, 1), [vec![gap], messages([4])].concat());
        remote.is_away.store(false, Ordering::SeqCst);
        assert_eq!(drain(&broker, &mut resume(), 1), messages(1..=4));
        assert_eq!(drain(&broker, &mut unlucky, 1), []);
    }
}
