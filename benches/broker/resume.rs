//! Resuming: a new reader at an old position, in a short log and in a long one.

use criterion::{BenchmarkId, Criterion, Throughput};
use std::hint::black_box;
use tidewire_benches::{channels, follow_from, publish};
use tidewire_broker::{Broker, Gathered, Limits, Retention, Rules};

pub(crate) fn resume(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resume");
    group.throughput(Throughput::Elements(1));
    for (name, count) in [("10 thousand", 10_000), ("1 million", 1_000_000)] {
        let broker = filled(count);
        let mut places = (0..count).step_by(STRIDE).cycle();
        for (read, bytes_max) in [("to the first message", 1), ("to a write of 64 KiB", 64 << 10)] {
            let mut gathered = Gathered::default();
            group.bench_function(BenchmarkId::new(read, name), |bencher| {
                bencher.iter(|| {
                    let mut reader = follow_from(&broker, "chat.0", places.next().unwrap());
                    reader.gather(&broker, broker.head(), bytes_max, &mut gathered);
                    assert!(!gathered.items().is_empty());
                });
            });
        }
        group.bench_function(BenchmarkId::new("floor: binary search", name), |bencher| {
            let slots: Vec<(u64, u64)> = (1..=count).map(|offset| (offset, offset)).collect();
            bencher.iter(|| {
                let place = places.next().unwrap();
                black_box(&slots).partition_point(|(offset, _)| *offset <= place)
            });
        });
    }
    group.finish();
}

/// One channel of `count` small messages, all retained.
fn filled(count: u64) -> Broker {
    let messages_max = count.try_into().unwrap();
    let retention = Retention { messages_max, bytes_max: usize::MAX, ..Retention::default() };
    let broker = Broker::new(
        1,
        Limits { rules: Rules::keeping(retention), bytes_max: usize::MAX, ..Limits::default() },
    );
    let channel = &channels(1)[0];
    (0..count).for_each(|_| publish(&broker, channel, "0123456789abcdef"));
    broker
}

/// From one resuming reader to the next: places all over the log, no two close together.
const STRIDE: usize = 1_009;
