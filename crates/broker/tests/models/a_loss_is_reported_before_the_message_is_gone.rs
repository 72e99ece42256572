//! An engine that appends and removes while a reader reads from an archive: each message is delivered or covered by a gap
//! notice, whatever leaves the memory or the archive meanwhile.

use crate::{common::may_read, explore, slow::Slow, test_archive::TestArchive};
use shuttle::thread;
use std::{sync::Arc, task::Waker};
use tidewire_broker::{Broker, Gathered, Item, Limits, Position, Reader, Start};

/// `bytes_max` decides what stays in memory: everything, one message, or nothing.
///
/// A pattern is walked along the order, of which two offsets are in memory: then four messages are there
/// before, and what is published meanwhile only drives out the order of older ones.
fn a_reader_beside_an_engine(pattern: &str, bytes_max: usize) {
    let archive = Arc::new(TestArchive::default());
    let limits = Limits { bytes_max, ..Limits::default() };
    let broker = Broker::with_archive(7, 0, limits, archive.clone());
    (1..=2).for_each(|offset| archive.publish(&broker, "c", offset));
    let is_wild = pattern != "c";
    if is_wild {
        archive.publish(&broker, "c", 3);
        archive.publish(&broker, "d", 4);
    }
    let (last, next) = if is_wild { (4, 5) } else { (3, 3) };
    let (dropping, dropped_of) = (broker.clone(), archive.clone());
    let dropper = thread::spawn(move || {
        (1..=2).for_each(|upto| dropped_of.drop_upto(&dropping, "c", upto));
    });
    let (publishing, onto) = (broker.clone(), archive.clone());
    let publisher = thread::spawn(move || onto.publish(&publishing, "c", next));
    let mut reader = Reader::default();
    let start = Start::after(Position { epoch: 7, offset: 0 });
    reader.follow(&broker, &[may_read(pattern)], start);
    let (mut gathered, mut upto, mut gone_to) = (Gathered::default(), 0, 0);
    while upto < last {
        reader.gather(&broker, broker.head().min(last), 1, &mut gathered);
        for item in gathered.items() {
            match item {
                Item::Gap(gap) => {
                    assert!(gap.to > gone_to && gap.to <= 2, "{gap:?}");
                    gone_to = gap.to;
                }
                Item::Message(message) => {
                    let is_reported = (upto + 1..message.offset()).all(|offset| offset <= gone_to);
                    assert!(
                        message.offset() > upto && is_reported,
                        "{upto} to {}",
                        message.offset()
                    );
                    upto = message.offset();
                }
            }
        }
        reader.advance(&gathered, gathered.items().len());
        thread::yield_now();
    }
    dropper.join().unwrap();
    publisher.join().unwrap();
}

#[test]
fn with_everything_in_memory() {
    explore(|| a_reader_beside_an_engine("c", usize::MAX));
}

#[test]
fn with_one_message_in_memory() {
    explore(|| a_reader_beside_an_engine("c", 200));
}

#[test]
fn with_nothing_in_memory() {
    explore(|| a_reader_beside_an_engine("c", 0));
}

#[test]
fn along_the_order_with_everything_in_memory() {
    explore(|| a_reader_beside_an_engine(">", usize::MAX));
}

#[test]
fn along_the_order_with_nothing_in_memory() {
    explore(|| a_reader_beside_an_engine(">", 0));
}

/// A reader that waits for an archive which answers with what it found some time ago and still has, beside an
/// engine that drops. So what is dropped after the reader has asked what is lost, and before it reads, it misses.
fn a_reader_that_waits(patterns: &[&str]) {
    let slow = Arc::new(Slow::default());
    let limits = Limits { bytes_max: 0, ..Limits::default() };
    let broker = Broker::with_archive(7, 0, limits, slow.clone());
    (1..=3).for_each(|offset| slow.archive.publish(&broker, "c", offset));
    let (dropping, dropped_of) = (broker.clone(), slow.clone());
    let dropper = thread::spawn(move || {
        (1..=2).for_each(|upto| dropped_of.archive.drop_upto(&dropping, "c", upto));
    });
    let fetching = slow.clone();
    let fetcher = thread::spawn(move || {
        for _ in 0..3 {
            fetching.fetch();
            thread::yield_now();
        }
    });
    let mut reader = Reader::default();
    let start = Start::after(Position { epoch: 7, offset: 0 });
    let permits: Vec<_> = patterns.iter().map(|pattern| may_read(pattern)).collect();
    reader.follow(&broker, &permits, start);
    let (mut gathered, mut upto, mut gone_to) = (Gathered::default(), 0, 0);
    while upto < 3 {
        let head = broker.head();
        reader.poll_gather(&broker, head, 1 << 20, &mut gathered, Waker::noop());
        for item in gathered.items() {
            match item {
                Item::Gap(gap) => gone_to = gap.to,
                Item::Message(message) => {
                    let is_reported = (upto + 1..message.offset()).all(|offset| offset <= gone_to);
                    assert!(
                        message.offset() > upto && is_reported,
                        "{upto} to {}",
                        message.offset()
                    );
                    upto = message.offset();
                }
            }
        }
        reader.advance(&gathered, gathered.items().len());
        if gathered.waits() {
            slow.fetch();
            thread::yield_now();
        }
    }
    dropper.join().unwrap();
    fetcher.join().unwrap();
}

#[test]
fn with_an_archive_that_has_to_be_waited_for() {
    explore(|| a_reader_that_waits(&["c"]));
}

#[test]
fn merging_channels_of_an_archive_that_has_to_be_waited_for() {
    explore(|| a_reader_that_waits(&["c", "d"]));
}

#[test]
fn along_the_order_with_an_archive_that_has_to_be_waited_for() {
    explore(|| a_reader_that_waits(&[">"]));
}
