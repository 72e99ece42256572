//! What a retained message and a sleeping subscription weigh: by how much the process grows.
//!
//! Apart from the criterion benches, which measure time only. Linux reports resident pages, so the figures
//! include the allocator's rounding, and exclude what a vector has reserved and never touched.

use std::{fs, hint::black_box, task::Waker};
use tidewire_benches::{MESSAGE_BYTES, channels, publish, text};
use tidewire_broker::{Broker, Grant, Lane, Limits, Reader, Retention, Rules, Start, WaiterId};

fn main() {
    println!("{:<48}  bytes", "of one, 100,000 in all, beyond its payload");
    // Kept: memory that one broker frees would be given to the next, and the process would not grow.
    let mut brokers = Vec::new();
    for (name, channels_count) in [("1 channel", 1), ("1,000 channels", 1_000)] {
        let broker = keeping_all();
        let (channels, payload) = (channels(channels_count), text(MESSAGE_BYTES));
        let grown = growth(|| {
            let turns = channels.iter().cycle().take(COUNT);
            turns.for_each(|channel| publish(&broker, channel, &payload));
        });
        print_line(&format!("retained message of {MESSAGE_BYTES} B, {name}"), grown, MESSAGE_BYTES);
        assert_eq!(broker.stats().evicted, 0);
        brokers.push(broker);
    }
    let broker = keeping_all();
    let mut lane = broker.lane().unwrap();
    let mut sleepers: Vec<(WaiterId, Reader)> = Vec::with_capacity(COUNT);
    // The reader's own size counts too: its owner has to store it somewhere.
    let grown = growth(|| sleepers.extend((0..COUNT).map(|_| sleeper(&broker, &mut lane))));
    print_line("sleeping subscription, all to one channel", grown, 0);
    black_box((brokers, sleepers));
}

/// A connection's part of the broker: its waiter, and its reader.
fn sleeper(broker: &Broker, lane: &mut Lane) -> (WaiterId, Reader) {
    let (waiter, mut reader) = (lane.register(), Reader::default());
    // Each parses the pattern again, because each gets it from a request of its own.
    let permit = Grant::open().permit_subscribe(&"chat.0".parse().unwrap()).unwrap();
    lane.follow(waiter, permit.pattern());
    reader.follow(broker, &[permit], Start::Now);
    lane.sleep(waiter, Waker::noop(), None);
    (waiter, reader)
}

fn keeping_all() -> Broker {
    let retention =
        Retention { messages_max: usize::MAX, bytes_max: usize::MAX, ..Retention::default() };
    let limits =
        Limits { rules: Rules::keeping(retention), bytes_max: usize::MAX, ..Limits::default() };
    Broker::new(1, limits)
}

/// Bytes of anonymous memory that are there after `work` and were not before.
fn growth(work: impl FnOnce()) -> usize {
    let before = anonymous_bytes();
    work();
    anonymous_bytes() - before
}

fn anonymous_bytes() -> usize {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").expect("this program wants Linux");
    let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
    let kilobytes: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
    kilobytes << 10
}

fn print_line(name: &str, grown: usize, payload: usize) {
    println!("{name:<48}  {:>5}", (grown / COUNT).saturating_sub(payload));
}

const COUNT: usize = 100_000;
