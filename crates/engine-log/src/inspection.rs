//! For tests in here: stores with few messages, looked into row by row.

use crate::{
    LogEngine, Settings,
    clock::Clock,
    commit_state::CommitState,
    disk::{FileDisk, JOURNAL_FILE, ROWS_FILE, SPARE_FILE, WITNESS_FILE},
    identity::FolderGeneration,
    opening,
    store::{Disks, Order, Store},
};
use std::{
    ops::{Bound, ControlFlow},
    path::Path,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    thread,
};
use tidewire_broker::{Content, Draft, Engine as _, Grant, HistoryPermit, SubscribePermit};

pub(crate) fn draft() -> Draft {
    Draft::new(Content::Text("x".into()))
}

/// Publishes, and waits until it is on disk.
pub(crate) fn publish(engine: &LogEngine, channel: &str, id: Option<&str>, now_ms: u64) {
    let id = id.map(|id| id.parse().unwrap());
    publish_draft(engine, channel, Draft { id, ..draft() }, now_ms);
}

/// The same with any content.
pub(crate) fn publish_draft(engine: &LogEngine, channel: &str, draft: Draft, now_ms: u64) {
    let permit = Grant::open().permit(&channel.parse().unwrap()).unwrap();
    let mut publishing = pin!(engine.publish(permit, draft, now_ms));
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match publishing.as_mut().poll(&mut context) {
            Poll::Ready(outcome) => break assert!(outcome.is_ok()),
            Poll::Pending => thread::yield_now(),
        }
    }
}

/// The permit to follow a channel or pattern.
pub(crate) fn may_read(pattern: &str) -> SubscribePermit {
    Grant::open().permit_subscribe(&pattern.parse().unwrap()).unwrap()
}

/// The permit to read what was published before.
pub(crate) fn may_look_back() -> HistoryPermit {
    Grant::open().permit_history().unwrap()
}

pub(crate) fn disks(directory: &Path) -> Disks {
    let [journal, rows, spare, witness] = [JOURNAL_FILE, ROWS_FILE, SPARE_FILE, WITNESS_FILE]
        .map(|name| Arc::new(FileDisk::open(directory, name).unwrap()));
    let generation = Arc::new(FolderGeneration(directory.to_path_buf()));
    Disks { journal, rows, spare, witness, generation }
}

pub(crate) fn store(directory: &Path) -> Store {
    Store::open(directory, disks(directory), Clock::MONOTONIC).unwrap().0
}

/// What a committer would begin with.
pub(crate) fn commit_state(directory: &Path, settings: &Settings, now_ms: u64) -> CommitState {
    opening::open(directory, disks(directory), settings, now_ms, Clock::MONOTONIC).unwrap()
}

/// The keys of all rows of a kind.
pub(crate) fn rows(store: &Store, kind: u8) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let (from, upto) = ([kind], [kind + 1]);
    let bounds = (Bound::Included(&from[..]), Bound::Excluded(&upto[..]));
    let visit = |row: crate::store::Row<'_>| {
        keys.push(row.key.to_vec());
        ControlFlow::Continue(())
    };
    store.scan(bounds.0, bounds.1, Order::Ascending, visit).unwrap();
    keys
}
