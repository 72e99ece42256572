//! A superseded tombstone leaves no row. If one stayed, retention would later take it for a forgotten removal, and
//! readers would get a gap notice although nothing is lost.

use super::*;
use crate::{
    LogEngine, Settings,
    inspection::{commit_state, may_read, publish_draft, rows, store},
    store::Wait,
};
use tidewire_broker::{
    Compaction, Content, Gathered, Item, Limits, Position, Reader, Retention, Rules, Start,
};

/// All channels are compacted and remember one removal.
fn settings() -> Settings {
    let compaction = Some(Compaction::default());
    let retention = Retention { messages_max: 1, ..Retention::default() };
    let options = Options { compaction, retention, ..Options::default() };
    let limits = Limits { rules: Rules::all(options), ..Limits::default() };
    Settings { limits, ..Settings::default() }
}

fn put(key: &str, value: Option<&str>) -> Draft {
    let content = value.map_or(Content::Nothing, |text| Content::Text(text.into()));
    Draft { key: key.parse().ok(), ..Draft::new(content) }
}

/// What a reader after the first message is given: offsets, and `gap`.
fn given_after_the_first(broker: &tidewire_broker::Broker) -> Vec<String> {
    let start = Start::after(Position { epoch: broker.epoch(), offset: 1 });
    let (mut reader, mut gathered) = (Reader::default(), Gathered::default());
    reader.follow(broker, &[may_read("a")], start);
    reader.gather(broker, broker.head(), 1 << 20, &mut gathered);
    let given = gathered.items().iter().map(|item| match item {
        Item::Gap(_) => "gap".to_owned(),
        Item::Message(message) => message.offset().to_string(),
    });
    given.collect()
}

/// A value set, removed and set again, and a removal of another key, which is the one remembered.
fn drafts() -> [Draft; 4] {
    [put("x", Some("1")), put("x", None), put("x", Some("2")), put("y", None)]
}

#[test]
fn a_tombstone_superseded_by_a_later_batch_leaves_no_row_and_no_false_gap() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, broker) = LogEngine::open(directory.path(), settings(), 7).unwrap();
    for draft in drafts() {
        publish_draft(&engine, "a", draft, 1_000);
    }
    // What retention took goes with a sweep and its commit, if anything did.
    engine.sweep(1_000);
    publish_draft(&engine, "b", put("z", Some("after the sweep")), 1_000);
    publish_draft(&engine, "b", put("z", Some("and its commit")), 1_000);
    assert_eq!(given_after_the_first(&broker), ["3", "4"]);
    drop((engine, broker));
    let (engine, broker) = LogEngine::open(directory.path(), settings(), 8).unwrap();
    assert_eq!(given_after_the_first(&broker), ["3", "4"]);
    drop((engine, broker));
    let store = store(directory.path());
    assert_eq!(rows(&store, b't'), [layout::tombstone(0, 4)]);
    assert_eq!(rows(&store, b'm').len(), 3, "x, the removal of y, z");
    assert_eq!(rows(&store, b'k').len(), 3);
}

#[test]
fn a_tombstone_superseded_within_its_batch_leaves_no_row() {
    let directory = tempfile::tempdir().unwrap();
    let commit_state = commit_state(directory.path(), &settings(), 7);
    let (channel, mut batch) = ("a".parse().unwrap(), Batch::new(&commit_state));
    let options = commit_state.broker.options(&channel);
    for draft in drafts() {
        batch.admit(&channel, &options, draft, None, 1_000).unwrap();
    }
    batch.close();
    let changes = batch.changes;
    commit_state.store.commit(changes, Wait::ForDisk).unwrap();
    let key = |key: &str| layout::key(0, &key.parse().unwrap());
    assert_eq!(rows(&commit_state.store, b't'), [layout::tombstone(0, 4)]);
    assert_eq!(rows(&commit_state.store, b'm'), [layout::message(0, 3), layout::message(0, 4)]);
    assert_eq!(rows(&commit_state.store, b'k'), [key("x"), key("y")]);
}
