//! A thread that sees a head finds every message up to it, whole and in its ring.

use crate::{
    common::{Seen, broker, drain, may_read, messages, publish_times},
    explore,
};
use shuttle::thread;
use tidewire_broker::{Position, Reader, Start};

fn one_reads_what_two_publish(pattern: &str, channels: [&'static str; 2]) {
    let broker = broker(100);
    let publishers = channels.map(|channel| {
        let broker = broker.clone();
        thread::spawn(move || publish_times(&broker, channel, 2))
    });
    let mut reader = Reader::default();
    let start = Start::after(Position { epoch: 7, offset: 0 });
    reader.follow(&broker, &[may_read(pattern)], start);
    let mut seen: Vec<Seen> = Vec::new();
    while seen.len() < 4 {
        let head = broker.head();
        seen.extend(drain(&broker, &mut reader, 1));
        assert!(u64::try_from(seen.len()).unwrap() >= head, "{seen:?} with the head at {head}");
        // No lane reports news to readers of wildcards here, so each is a new reader.
        if pattern != "c" {
            reader = Reader::default();
            let start = Start::after(broker.position(seen.len().try_into().unwrap()));
            reader.follow(&broker, &[may_read(pattern)], start);
        }
        thread::yield_now();
    }
    assert_eq!(seen, messages(1..=4));
    publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
}

#[test]
fn in_one_channel() {
    explore(|| one_reads_what_two_publish("c", ["c", "c"]));
}

#[test]
fn in_every_channel_of_a_pattern() {
    explore(|| one_reads_what_two_publish("*", ["c", "d"]));
}
