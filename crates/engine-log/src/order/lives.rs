//! The order across lives: after quiet ends and kills, after damage, and beside other versions.

use super::Block;
use crate::{
    Backup, LogEngine, Settings,
    archive::LogArchive,
    clock::Clock,
    commit_state::CommitState,
    inspection::{commit_state, may_look_back, may_read, publish, rows, store},
    layout,
    log_throttle::LogThrottle,
    opening::{EPOCH, ORDER_EPOCH},
    pending::Changes,
    restore,
    store::Wait,
};
use std::{io::Cursor, path::Path, sync::Arc};
use tempfile::TempDir;
use tidewire_broker::{
    Broker, Gathered, Item, Limits, Options, Reader, Retention, Rule, Rules, Start,
};

/// Publishes in turns in three channels, from `first` up to `last`, at ten times the offset.
fn publish_from(directory: &Path, first: u64, last: u64) {
    let (engine, _) = LogEngine::open(directory, Settings::default(), 7).unwrap();
    (first..=last).for_each(|offset| publish(&engine, &name(offset), None, offset * 10));
}

fn name(offset: u64) -> String {
    format!("c.{}", offset % 3)
}

/// Three lives with four messages each.
fn published() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    [1, 5, 9].iter().for_each(|first| publish_from(directory.path(), *first, first + 3));
    directory
}

fn archive(commit_state: &CommitState) -> LogArchive {
    LogArchive {
        store: Arc::clone(&commit_state.store),
        channels: Arc::clone(&commit_state.channels),
        inherited: 0,
        unread: LogThrottle::default(),
        damage: LogThrottle::default(),
        clock: Clock::MONOTONIC,
    }
}

/// The offsets of which the order knows whose they are, which it must know right.
fn known(commit_state: &CommitState) -> Vec<u64> {
    let (archive, mut known, mut after) = (archive(commit_state), Vec::new(), 0);
    while let Some(stretch) = archive.order(after) {
        for (offset, place) in (stretch.first..).zip(stretch.entries) {
            let channel = &stretch.channels[usize::try_from(place).unwrap() - 1];
            assert_eq!(channel.as_str(), name(offset));
            known.push(offset);
            after = offset;
        }
    }
    known
}

fn place_since(commit_state: &CommitState, time_ms: u64) -> Option<u64> {
    archive(commit_state).place_in_order(time_ms)
}

fn read_all(broker: &Broker) -> Vec<u64> {
    let (mut reader, mut gathered, mut read) = (Reader::default(), Gathered::default(), Vec::new());
    reader.follow(broker, &[may_read(">")], Start::Earliest(may_look_back()));
    while !gathered.is_caught_up() {
        reader.gather(broker, broker.head(), 100, &mut gathered);
        read.extend(gathered.messages().map(|message| message.offset()));
        reader.advance(&gathered, gathered.items().len());
    }
    read
}

fn commit(directory: &Path, change: impl FnOnce(&mut Changes)) {
    let (store, mut changes) = (store(directory), Changes::default());
    change(&mut changes);
    store.commit(changes, Wait::ForDisk).unwrap();
    store.checkpoint().unwrap();
}

fn opened(directory: &Path) -> CommitState {
    commit_state(directory, &Settings::default(), 8)
}

#[test]
fn each_offset_is_known_after_quiet_ends_and_after_a_kill() {
    let directory = published();
    let (engine, _) = LogEngine::open(directory.path(), Settings::default(), 7).unwrap();
    (13..=16).for_each(|offset| publish(&engine, &name(offset), None, offset * 10));
    let killed = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let path = file.unwrap().path();
        std::fs::copy(&path, killed.path().join(path.file_name().unwrap())).unwrap();
    }
    drop(engine);
    for directory in [&directory, &killed] {
        let commit_state = opened(directory.path());
        assert_eq!(known(&commit_state), (1..=16).collect::<Vec<_>>());
        assert_eq!(read_all(&commit_state.broker), (1..=16).collect::<Vec<_>>());
    }
    assert_eq!(rows(&opened(directory.path()).store, layout::ORDER).len(), 4, "a block a life");
}

#[test]
fn a_copy_knows_what_the_journal_held() {
    let directory = published();
    let (engine, _) = LogEngine::open(directory.path(), Settings::default(), 7).unwrap();
    (13..=16).for_each(|offset| publish(&engine, &name(offset), None, offset * 10));
    let backup: Backup = engine.backup().unwrap();
    let bytes: Vec<u8> = backup.flat_map(Result::unwrap).collect();
    // Where a copy is large, the rows of the messages are checkpointed in different commits.
    let block = layout::order(16);
    assert!(bytes.windows(block.len()).any(|bytes| bytes == block), "no block of the newest");
    let copy = tempfile::tempdir().unwrap();
    restore(Cursor::new(bytes), copy.path(), 9).unwrap();
    assert_eq!(known(&opened(copy.path())), (1..=16).collect::<Vec<_>>());
    publish_from(copy.path(), 17, 18);
    assert_eq!(known(&opened(copy.path())), (1..=18).collect::<Vec<_>>());
}

#[test]
fn a_block_that_is_missing_or_makes_no_sense_costs_nobody_a_message() {
    let directory = published();
    commit(directory.path(), |changes| {
        changes.remove(layout::order(4));
        changes.put(layout::order(8), b"nonsense".to_vec());
    });
    let commit_state = opened(directory.path());
    assert_eq!(known(&commit_state), [9, 10, 11, 12]);
    assert_eq!(read_all(&commit_state.broker), (1..=12).collect::<Vec<_>>());
}

#[test]
fn in_a_store_of_an_earlier_version_the_order_begins_with_the_next_message() {
    let directory = published();
    commit(directory.path(), |changes| {
        [4, 8, 12].iter().for_each(|last| changes.remove(layout::order(*last)));
        changes.remove(layout::fact(ORDER_EPOCH));
    });
    publish_from(directory.path(), 13, 14);
    let commit_state = opened(directory.path());
    assert_eq!(known(&commit_state), [13, 14]);
    assert_eq!(read_all(&commit_state.broker), (1..=14).collect::<Vec<_>>());
}

#[test]
fn nothing_is_believed_of_offsets_that_may_have_been_given_twice() {
    let directory = published();
    let block = Block { first: 13, entries: vec![super::Entry { channel: 0, time_ms: 1 }; 9] };
    commit(directory.path(), |changes| changes.put(block.key(), block.encode()));
    assert_eq!(known(&opened(directory.path())), (1..=12).collect::<Vec<_>>());
    // Another version has begun an epoch.
    commit(directory.path(), |changes| {
        changes.put(layout::fact(EPOCH), 8_u64.to_be_bytes().to_vec());
    });
    assert!(known(&opened(directory.path())).is_empty());
    publish_from(directory.path(), 13, 14);
    assert_eq!(known(&opened(directory.path())), [13, 14]);
}

#[test]
fn blocks_older_than_every_message_go() {
    let directory = published();
    let retention = Retention { messages_max: 1, ..Retention::default() };
    let limits = Limits {
        rules: Rules::all(Options { retention, ..Options::default() }),
        ..Limits::default()
    };
    let settings = Settings { limits, ..Settings::default() };
    let (engine, _) = LogEngine::open(directory.path(), settings.clone(), 7).unwrap();
    for offset in 13..=15 {
        publish(&engine, &name(offset), None, offset * 10);
    }
    engine.sweep(150);
    drop(engine);
    let commit_state = commit_state(directory.path(), &settings, 8);
    assert_eq!(known(&commit_state), [13, 14, 15]);
    assert_eq!(read_all(&commit_state.broker), [13, 14, 15]);
}

#[test]
fn the_order_reaches_no_further_back_than_walking_it_pays() {
    let mut commit_state = opened(published().path());
    commit_state.trim_order().unwrap();
    assert!(commit_state.removals.is_empty());
    commit_state.last = 65_536 + 8;
    commit_state.trim_order().unwrap();
    let removed: Vec<_> = commit_state.removals.iter().map(|(key, _)| key.to_vec()).collect();
    assert_eq!(removed, [layout::order(4)]);
}

#[test]
fn a_time_is_found_without_a_look_at_any_channel() {
    let directory = published();
    let commit_state = opened(directory.path());
    for time_ms in 0..130 {
        let older = (1..=12).filter(|offset| offset * 10 < time_ms).max().unwrap_or(0);
        assert_eq!(place_since(&commit_state, time_ms), Some(older), "{time_ms}");
    }
    drop(commit_state);
    commit(directory.path(), |changes| changes.remove(layout::order(8)));
    let commit_state = opened(directory.path());
    let found = [30, 40, 45, 50, 80, 85, 90, 95].map(|time_ms| place_since(&commit_state, time_ms));
    assert_eq!(found, [Some(2), Some(3), None, None, None, None, None, Some(9)]);
}

/// The broker still knows the channel, the order names it no longer.
#[test]
fn a_reader_along_the_order_gets_a_gap_for_a_channel_that_the_store_has_forgotten() {
    let retention = Retention { age_max_ms: u64::MAX, ..Retention::default() };
    let short = Rule { retention_age_ms: Some(10), ..Rule::default() };
    let options = Options { retention, ..Options::default() };
    let rules = Rules::new(options, [("gone.*".parse().unwrap(), short)]);
    let limits = Limits { rules, dead_channels_max: 0, bytes_max: 0 };
    let settings = Settings { limits, ..Settings::default() };
    let directory = tempfile::tempdir().unwrap();
    let (engine, broker) = LogEngine::open(directory.path(), settings, 7).unwrap();
    publish(&engine, "gone.1", None, 1_000);
    (0..30).for_each(|_| publish(&engine, "clock", None, 1_000));
    for _ in 0..6 {
        engine.sweep(200_000);
        publish(&engine, "clock", None, 200_000);
    }
    let mut reader = Reader::default();
    let start = Start::after(broker.position(0));
    reader.follow(&broker, &[may_read(">")], start);
    let mut gathered = Gathered::default();
    reader.gather(&broker, broker.head(), 1 << 20, &mut gathered);
    assert!(matches!(gathered.items().first(), Some(Item::Gap(gap)) if gap.to >= 1));
}
