//! The live read: what is new for a reader, its bytes already made by another.

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use std::hint::black_box;
use tidewire_benches::{MESSAGE_BYTES, channels, follow_from, hand_out, publish, text};
use tidewire_broker::{Broker, ChannelName, Gathered, Limits, Reader};

/// One channel with a full ring, the reader just behind its end.
pub(crate) fn channel(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gather from a channel");
    let (broker, channels) = filled(1);
    for count in [1, 30, 1_000] {
        group.throughput(Throughput::Elements(count));
        let (mut gathered, mut output) = (Gathered::default(), Vec::new());
        let mut reader = follow_from(&broker, channels[0].as_str(), broker.head() - count);
        group.bench_function(BenchmarkId::new("found", count), |bencher| {
            bencher.iter(|| find(&mut reader, &broker, &mut gathered, count));
        });
        group.bench_function(BenchmarkId::new("found and copied", count), |bencher| {
            bencher.iter(|| {
                find(&mut reader, &broker, &mut gathered, count);
                hand_out(&broker, &gathered, &mut output);
            });
        });
        floor(&mut group, count);
    }
    group.finish();
}

/// 1,000 channels with ten messages each and one more in some of them, one reader for all.
pub(crate) fn pattern(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gather a pattern over 1,000 channels");
    for count in [1, 30, 1_000] {
        let (broker, channels) = filled(1_000);
        let start = broker.head();
        for channel in channels.iter().take(count.try_into().unwrap()) {
            publish(&broker, channel, &text(MESSAGE_BYTES));
        }
        group.throughput(Throughput::Elements(count));
        let (mut gathered, mut output) = (Gathered::default(), Vec::new());
        group.bench_function(BenchmarkId::new("channels with news known", count), |bencher| {
            let mut reader = follow_from(&broker, "chat.*", start);
            bencher.iter(|| {
                find(&mut reader, &broker, &mut gathered, count);
                hand_out(&broker, &gathered, &mut output);
            });
        });
        group.bench_function(BenchmarkId::new("channels looked for", count), |bencher| {
            let setup = || follow_from(&broker, "chat.*", start);
            let routine = |reader: &mut Reader| {
                find(reader, &broker, &mut gathered, count);
                hand_out(&broker, &gathered, &mut output);
            };
            bencher.iter_batched_ref(setup, routine, BatchSize::SmallInput);
        });
        floor(&mut group, count);
    }
    group.finish();
}

fn floor(group: &mut BenchmarkGroup<'_, WallTime>, count: u64) {
    let bytes = text(MESSAGE_BYTES).repeat(count.try_into().unwrap());
    let mut output = Vec::new();
    group.bench_function(BenchmarkId::new("floor: copy", count), |bencher| {
        bencher.iter(|| {
            output.clear();
            output.extend_from_slice(black_box(bytes.as_bytes()));
        });
    });
}

/// Finds what is new. The reader is not moved on, so it finds the same the next time.
fn find(reader: &mut Reader, broker: &Broker, gathered: &mut Gathered, count: u64) {
    reader.gather(broker, broker.head(), usize::MAX, gathered);
    assert_eq!(gathered.items().len() as u64, count);
}

fn filled(channels_count: usize) -> (Broker, Vec<ChannelName>) {
    let (broker, channels) = (Broker::new(1, Limits::default()), channels(channels_count));
    for channel in channels.iter().cycle().take(10_000) {
        publish(&broker, channel, &text(MESSAGE_BYTES));
    }
    (broker, channels)
}
