//! In a compacted channel most losses are old tombstones. A reader in the middle of a later state never had the values
//! that they removed, and gets no gap notice for them; for other losses it does.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::{
    common::{may_look_back, may_read},
    keyed::{Mirror, compacted, put},
};
use tidewire_broker::{
    Bookmark, Broker, Compaction, Gathered, Limits, LossKind, Options, Position, Reader, Rules,
    SlowReaders, Start,
};

/// Ten values, then a key that came and went; the next tombstone pushes that one out.
fn world() -> Broker {
    let broker = compacted(Compaction::default(), |options| {
        options.retention.messages_max = 1;
        options.slow_readers = SlowReaders::Disconnect;
    });
    for key in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
        put(&broker, "m", key, Some(key), 0).unwrap();
    }
    remove_one(&broker);
    broker
}

/// Sets and removes a key: the tombstone of the previous one is lost.
fn remove_one(broker: &Broker) {
    put(broker, "m", "short-lived", Some("x"), 0).unwrap();
    put(broker, "m", "short-lived", None, 0).unwrap();
    put(broker, "m", "other", Some("x"), 0).unwrap();
    put(broker, "m", "other", None, 0).unwrap();
}

fn reader(broker: &Broker, start: Start) -> Reader {
    let mut reader = Reader::default();
    reader.follow(broker, &[may_read("m")], start);
    reader
}

/// A reader who was given some of the state, and what it was given.
fn in_the_middle(broker: &Broker) -> (Reader, Mirror) {
    let (mut reader, mut mirror) =
        (reader(broker, Start::Earliest(may_look_back())), Mirror::default());
    mirror.read(broker, &mut reader, 200, false);
    assert!((1..10).contains(&mirror.messages));
    (reader, mirror)
}

/// Where the next page begins.
fn bookmark(broker: &Broker, reader: &Reader) -> Start {
    let after = broker.position(reader.after().unwrap());
    Start::After(Bookmark { after, state: Some(reader.state(broker).unwrap()) })
}

#[test]
fn a_tombstone_of_before_it_began_is_lost_without_a_word() {
    let broker = world();
    let (mut reader, mut mirror) = in_the_middle(&broker);
    // The tombstone that goes is older than the reader's beginning.
    put(&broker, "m", "a", None, 0).unwrap();
    let mut gathered = Gathered::default();
    reader.gather(&broker, broker.head(), 1, &mut gathered);
    assert!(!gathered.is_too_slow());
    mirror.read(&broker, &mut reader, 1, true);
    assert_eq!((mirror.gaps, mirror.state.len()), (0, 9));
}

#[test]
fn the_loss_of_a_tombstone_of_after_it_began_is_reported() {
    let broker = world();
    let (mut reader, mut mirror) = in_the_middle(&broker);
    put(&broker, "m", "a", None, 0).unwrap();
    put(&broker, "m", "b", None, 0).unwrap();
    mirror.read(&broker, &mut reader, 1, true);
    assert_eq!(mirror.gaps, 1);
}

#[test]
fn the_next_page_is_owed_no_more() {
    let broker = world();
    let (first, mut mirror) = in_the_middle(&broker);
    put(&broker, "m", "a", None, 0).unwrap();
    let mut next = reader(&broker, bookmark(&broker, &first));
    mirror.read(&broker, &mut next, 1, true);
    assert_eq!((mirror.gaps, mirror.state.len(), next.state(&broker)), (0, 9, None));
}

#[test]
fn the_next_page_is_owed_no_less() {
    let broker = world();
    let (first, mut mirror) = in_the_middle(&broker);
    put(&broker, "m", "a", None, 0).unwrap();
    put(&broker, "m", "b", None, 0).unwrap();
    let mut next = reader(&broker, bookmark(&broker, &first));
    mirror.read(&broker, &mut next, 1, true);
    assert_eq!(mirror.gaps, 1);
}

#[test]
fn from_a_plain_position_every_newer_loss_is_reported() {
    let broker = world();
    let (first, mut mirror) = in_the_middle(&broker);
    let position = broker.position(first.after().unwrap());
    mirror.read(&broker, &mut reader(&broker, Start::after(position)), 1, true);
    assert_eq!(mirror.gaps, 1);
}

#[test]
fn a_state_that_is_still_to_come_is_none_of_ours() {
    let broker = world();
    for (epoch, state, is_foreign) in
        [(7, broker.head(), false), (7, broker.head() + 1, true), (8, broker.head(), true)]
    {
        let start =
            Start::After(Bookmark { after: Position { epoch, offset: 1 }, state: Some(state) });
        let started = Reader::default().follow(&broker, &[may_read("m")], start);
        assert_eq!(started.is_foreign, is_foreign, "{state} of {epoch}");
    }
}

#[test]
fn a_channel_that_is_not_compacted_has_no_state_to_be_within() {
    let rule = |compact| tidewire_broker::Rule { compact: Some(compact), ..Default::default() };
    let rules =
        [("kept.*".parse().unwrap(), rule(true)), ("kept.not".parse().unwrap(), rule(false))];
    let rules = Rules::new(Options::default(), rules);
    let broker = Broker::new(7, Limits { rules, ..Limits::default() });
    for channel in ["a.b", "kept.a", "kept.not"] {
        put(&broker, channel, "k", Some("x"), 0).unwrap();
    }
    for (pattern, state) in [("a.b", None), ("kept.not", None), ("kept.a", Some(3)), (">", Some(3))]
    {
        let (reader, _) =
            Reader::once(&broker, &may_read(pattern), Start::Earliest(may_look_back()));
        assert_eq!(reader.state(&broker), state, "{pattern}");
    }
}

#[test]
fn a_reader_that_goes_backwards_gets_the_tombstones_that_are_left() {
    let broker = world();
    let (before, bytes_max) = (Some(broker.position(14)), usize::MAX);
    for count in [1, 3] {
        let mut mirror = Mirror::default();
        let mut back =
            reader(&broker, Start::Back { before, count, bytes_max, history: may_look_back() });
        mirror.read(&broker, &mut back, 1, true);
        // The one that is left stands behind all the values.
        assert_eq!((mirror.gaps, mirror.state.len(), mirror.tombstones), (0, count, 1));
    }
    broker.lose_one(&"m".parse().unwrap(), 9, LossKind::Messages);
    let mut mirror = Mirror::default();
    mirror.read(
        &broker,
        &mut reader(&broker, Start::Back { before, count: 3, bytes_max, history: may_look_back() }),
        1,
        true,
    );
    assert_eq!(mirror.gaps, 1);
}

#[test]
fn the_loss_of_what_may_be_no_tombstone_is_reported() {
    for (loss, gaps) in [(LossKind::Tombstones, 0), (LossKind::Messages, 1)] {
        let broker = world();
        let (mut reader, mut mirror) = in_the_middle(&broker);
        broker.lose_one(&"m".parse().unwrap(), 9, loss);
        mirror.read(&broker, &mut reader, 1, true);
        assert_eq!(mirror.gaps, gaps, "{loss:?}");
    }
}
