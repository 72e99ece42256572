//! Reading a compacted channel while its values are superseded: for each key that a reader lacks at its position, there
//! is a newer message after that position.

use crate::{
    common::{may_look_back, may_read},
    explore,
    keyed::{Mirror, compacted, put},
};
use shuttle::thread;
use std::collections::BTreeMap;
use tidewire_broker::{Broker, Compaction, Gathered, Position, Reader, Start};

const PUTS: [(&str, Option<&str>); 5] =
    [("a", Some("1")), ("b", Some("2")), ("a", Some("3")), ("b", None), ("a", Some("5"))];

/// The state after the first `count` puts.
fn state(count: usize) -> BTreeMap<String, String> {
    let mut state = BTreeMap::new();
    for (key, value) in &PUTS[..count] {
        match value {
            Some(value) => state.insert(key.to_string(), value.to_string()),
            None => state.remove(*key),
        };
    }
    state
}

fn put_all(broker: &Broker, puts: &[(&str, Option<&str>)]) {
    for (key, value) in puts {
        put(broker, "m", key, *value, 0).unwrap();
    }
}

fn a_reader_beside_a_publisher(before: usize, start: Start) {
    let broker = compacted(Compaction::default(), |_| {});
    put_all(&broker, &PUTS[..before]);
    let other = broker.clone();
    let publisher = thread::spawn(move || put_all(&other, &PUTS[before..]));
    let (mut reader, mut mirror) = (Reader::default(), Mirror::default());
    reader.follow(&broker, &[may_read("m")], start);
    let mut gathered = Gathered::default();
    let mut place = 0;
    while place < PUTS.len() {
        reader.gather(&broker, broker.head(), 1, &mut gathered);
        gathered.items().iter().for_each(|item| mirror.take(item));
        reader.advance(&gathered, gathered.items().len());
        if gathered.is_caught_up() {
            place = usize::try_from(reader.after().unwrap()).unwrap();
            // One publish may be at it, its message in the ring and the head not moved.
            let under_way = (usize::try_from(broker.head()).unwrap() + 1).min(PUTS.len());
            let state = state(place);
            for key in ["a", "b"] {
                let is_coming = PUTS[place..under_way].iter().any(|(newer, _)| *newer == key);
                assert!(
                    is_coming || mirror.state.get(key) == state.get(key),
                    "{key} at {place}: {:?} for {state:?}",
                    mirror.state
                );
            }
            thread::yield_now();
        }
    }
    assert_eq!((mirror.state, mirror.gaps), (state(PUTS.len()), 0));
    publisher.join().unwrap();
}

#[test]
fn for_a_reader_from_the_earliest() {
    explore(|| a_reader_beside_a_publisher(2, Start::Earliest(may_look_back())));
}

#[test]
fn for_a_reader_that_resumes() {
    let start = Start::after(Position { epoch: 7, offset: 0 });
    explore(move || a_reader_beside_a_publisher(1, start));
}

#[test]
fn the_last_publish_is_what_everyone_ends_with() {
    explore(|| {
        let broker = compacted(Compaction::default(), |_| {});
        let publishers = ["x", "y"].map(|value| {
            let broker = broker.clone();
            thread::spawn(move || put(&broker, "m", "a", Some(value), 0).unwrap())
        });
        let (mut reader, mut mirror) = (Reader::default(), Mirror::default());
        reader.follow(&broker, &[may_read("m")], Start::Earliest(may_look_back()));
        mirror.read(&broker, &mut reader, 1, true);
        let [x, y] = publishers.map(|publisher| publisher.join().unwrap());
        mirror.read(&broker, &mut reader, 1, true);
        assert_eq!(mirror.state.get("a").unwrap(), if x > y { "x" } else { "y" });
    });
}
