//! Taking a message into the order, with a full log: each one in takes one out.

use criterion::{Criterion, Throughput};
use std::{collections::VecDeque, hint::black_box, sync::Arc};
use tidewire_benches::{MESSAGE_BYTES, channels, publish, text};
use tidewire_broker::{Broker, Limits, Retention, Rules};

pub(crate) fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    group.throughput(Throughput::Elements(1));
    let payload = text(MESSAGE_BYTES);
    let of_channel = |messages_max| Limits {
        rules: Rules::keeping(Retention { messages_max, ..Retention::default() }),
        ..Limits::default()
    };
    let of_broker = Limits { bytes_max: MESSAGES_HELD * 320, ..Limits::default() };
    for (name, channels_count, limits) in [
        ("1 channel", 1, of_channel(MESSAGES_HELD)),
        ("1,000 channels", 1_000, of_channel(MESSAGES_HELD / 1_000)),
        ("1,000 channels, the broker full", 1_000, of_broker),
    ] {
        let (broker, channels) = (Broker::new(1, limits), channels(channels_count));
        let mut turn = channels.iter().cycle();
        let mut publish = || publish(&broker, turn.next().unwrap(), &payload);
        (0..2 * MESSAGES_HELD).for_each(|_| publish());
        group.bench_function(name, |bencher| bencher.iter(&mut publish));
        assert!(broker.stats().evicted > 0, "the log was not full");
    }
    group.bench_function("floor: a queue of shared boxes", |bencher| {
        let queued = || Arc::new((0_u64, Box::<str>::from(black_box(&*payload))));
        let mut queue: VecDeque<_> = (0..MESSAGES_HELD).map(|_| queued()).collect();
        bencher.iter(|| {
            queue.push_back(queued());
            queue.pop_front()
        });
    });
    group.finish();
}

/// What the log holds in each case, so that all have the same memory to walk.
const MESSAGES_HELD: usize = 10_000;
