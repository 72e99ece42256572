//! What a look-up costs, and what the cache holds when readers encode what they are given.

use super::*;
use tidewire_broker::{Broker, Content, Draft, Entry, Limits};

const STATE: State = State {
    number: 7,
    last: 1_000_000,
    taken: 0,
    first: 1,
    first_ms: 0,
    count: 1_000_000,
    bytes: 0,
    values: 0,
    values_bytes: 0,
    is_compact: false,
    lost_messages: false,
};

/// A run of `count` messages after `after`, as a thread would have read it.
fn run(cache: &Cache, after: u64, count: u64) -> Run {
    let charge = cache.part_of_charge();
    let message = |offset| {
        let (channel, draft) =
            ("a".parse().unwrap(), Draft::new(Content::Text("x".repeat(100).into())));
        let entry = Entry { channel, offset, time_ms: 0, draft };
        Arc::new(Message::charged(entry, &charge))
    };
    let messages = (after + 1..=after + count).map(message).collect();
    let cold = ArchiveRead { messages, next: Some(after + count + 1), lost: 0 };
    Run::new(after, cold, &STATE, Arc::clone(&charge))
}

fn wanted(after: u64, bytes_max: usize) -> ReadRange {
    ReadRange { after, upto: u64::MAX, bytes_max, as_of: 0 }
}

#[test]
fn a_look_up_visits_no_more_messages_than_it_returns_and_a_few() {
    let mut cache = Cache::new(usize::MAX);
    cache.insert(run(&cache, 0, 10_000), Instant::now());
    for after in 0..1_000 {
        let found = cache.find(&STATE, wanted(after, 1), Instant::now).unwrap();
        assert_eq!(found.run.part(wanted(after, 1)).messages.len(), 1);
    }
    let run = cache.find(&STATE, wanted(0, 1), Instant::now).unwrap().run;
    let visited = run.visited.load(std::sync::atomic::Ordering::Relaxed);
    assert!(visited < 20_000, "{visited} messages visited for 1,000");
}

#[test]
fn the_bound_holds_though_readers_encode_what_they_took() {
    let broker = Broker::new(1, Limits::default());
    let mut cache = Cache::new(500_000);
    for turn in 0..100 {
        let after = turn * 50;
        cache.insert(run(&cache, after, 50), Instant::now());
        drop(cache.trim());
        let wanted = wanted(after, usize::MAX);
        let Found { run, .. } = cache.find(&STATE, wanted, Instant::now).unwrap();
        // Nobody asks for it again.
        for message in run.part(wanted).messages.iter() {
            (0..3).for_each(|wire| {
                broker.encoded(message, wire, |_| vec![0; 300]);
            });
        }
        drop(run);
        drop(cache.trim());
        let held = cache.runs.values().flat_map(|entry| entry.run.messages.iter());
        let held: usize = held.map(|message| message.held_bytes()).sum();
        assert!(held <= 500_000, "{held} bytes are held after {turn} runs");
    }
    assert!(cache.runs.len() > 1);
}

#[test]
fn what_was_given_up_counts_no_more_even_if_it_is_encoded_later() {
    let broker = Broker::new(1, Limits::default());
    let mut cache = Cache::new(usize::MAX);
    cache.insert(run(&cache, 0, 50), Instant::now());
    let found = cache.find(&STATE, wanted(0, 1), Instant::now).unwrap();
    cache.remove((STATE.number, 0));
    let message = Arc::clone(&found.run.part(wanted(0, 1)).messages[0]);
    broker.encoded(&message, 0, |_| vec![0; 300]);
    assert_eq!((cache.bytes(), cache.unclaimed_bytes), (0, 0));
}

#[test]
fn what_nobody_waits_for_goes_first_and_then_what_came_last() {
    let mut cache = Cache::new(usize::MAX);
    for after in [0, 50, 100, 150] {
        cache.insert(run(&cache, after, 50), Instant::now());
    }
    let (first, last) = ((STATE.number, 0), (STATE.number, 150));
    drop(cache.find(&STATE, wanted(0, 1), Instant::now));
    let mut went = Vec::new();
    while cache.runs.len() > 1 {
        let before: Vec<Key> = cache.runs.keys().copied().collect();
        cache.bytes_max = cache.bytes() - 1;
        assert_eq!(cache.trim().len(), 1);
        went.extend(before.into_iter().filter(|key| !cache.runs.contains_key(key)));
    }
    assert_eq!(went, [first, last, (STATE.number, 100)]);
}

#[test]
fn what_could_not_be_read_is_read_again_after_a_second() {
    let (mut cache, begin) = (Cache::new(usize::MAX), Instant::now());
    let damaged = Run { lost: 10, ..run(&cache, 0, 50) };
    cache.insert(damaged, begin);
    let mut found_after = |millis| {
        let now = || begin + Duration::from_millis(millis);
        cache.find(&STATE, wanted(0, 1), now).is_some()
    };
    assert_eq!([0, 999, 1_000, 1_001].map(&mut found_after), [true, true, false, false]);
}
