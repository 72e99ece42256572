//! What retention or a newer message has taken is not given from the cache to who begins later.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use crate::{
    cold::{Patient, messages, offsets},
    common::{keyed, may_look_back, publish, settings, text},
};
use tidewire_broker::{
    Broker, Compaction, Content, Draft, Item, Limits, Options, Retention, Start,
};
use tidewire_engine_log::{LogEngine, Settings};

/// A channel `a` of these options, of which nothing stays in memory.
fn open(options: Options) -> (tempfile::TempDir, LogEngine, Broker) {
    let directory = tempfile::tempdir().unwrap();
    let Settings { limits, .. } = settings(options);
    let limits = Limits { bytes_max: 0, ..limits };
    let settings = Settings { limits, ..Settings::default() };
    let (engine, broker) = LogEngine::open(directory.path(), settings, 7).unwrap();
    (directory, engine, broker)
}

fn is_gap(item: &Item) -> bool {
    matches!(item, Item::Gap(_))
}

#[test]
fn what_retention_took_is_a_gap_though_it_was_read_before() {
    let retention = Retention { messages_max: 3, ..Retention::default() };
    let (_directory, engine, broker) = open(Options { retention, ..Options::default() });
    let publish_times = |count| {
        for _ in 0..count {
            publish(&engine, "a", text("x")).unwrap();
        }
    };
    publish_times(3);
    let follow = || Patient::follow(&broker, &["a"], Start::after(broker.position(0)));
    assert_eq!(offsets(&follow().drain(&broker)), [1, 2, 3]);
    publish_times(2);
    let all = follow().drain(&broker);
    assert!(is_gap(&all[0]) && all[1..].iter().all(|item| !is_gap(item)), "{all:?}");
    assert_eq!(offsets(&all), [3, 4, 5]);
}

#[test]
fn a_value_that_was_removed_is_not_in_a_later_state() {
    // One tombstone is kept, so the removal of `k` is forgotten.
    let retention = Retention { messages_max: 1, ..Retention::default() };
    let compaction = Some(Compaction::default());
    let (_directory, engine, broker) =
        open(Options { compaction, retention, ..Options::default() });
    let put = |key: &str| assert!(publish(&engine, "a", keyed(key, key)).is_ok());
    let remove = |key: &str| {
        let removal = Draft { key: key.parse().ok(), ..Draft::new(Content::Nothing) };
        publish(&engine, "a", removal).unwrap();
    };
    ["k", "y"].iter().for_each(|key| put(key));
    let mut before = Patient::follow(&broker, &["a"], Start::Earliest(may_look_back()));
    assert_eq!(offsets(&before.drain(&broker)), [1, 2]);
    remove("k");
    put("m");
    remove("m");
    let all = Patient::follow(&broker, &["a"], Start::Earliest(may_look_back())).drain(&broker);
    let keys: Vec<_> = messages(&all).iter().map(|it| it.key().unwrap().to_owned()).collect();
    assert!(!keys.contains(&"k".to_owned()) && keys.contains(&"y".to_owned()), "{keys:?}");
    assert!(!all.iter().any(is_gap), "{all:?}");
    // A reader that has the value is informed of its removal, or gets a gap notice.
    let rest = before.drain(&broker);
    let is_reported = rest.iter().any(|item| match item {
        Item::Gap(gap) => gap.to >= 3,
        Item::Message(message) => message.offset() == 3,
    });
    assert!(is_reported, "{rest:?}");
}
