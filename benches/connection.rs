//! One connection's share of a publish, from its wake-up until it has nothing left to send.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::{hint::black_box, time::Instant};
use tidewire_benches::{Audience, MESSAGE_BYTES, channels, criterion, text};
use tidewire_connection::{Format, Framing, Heartbeat, Wire};

fn transmit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("transmit");
    let payload = text(MESSAGE_BYTES);
    for count in [1, 30] {
        let same = vec![channels(1).remove(0); count];
        let different = channels(count);
        let sse = Wire::Sse {
            format: Format::Raw,
            framing: Framing::Chunked,
            heartbeat: Heartbeat::Block,
        };
        let websocket = Wire::WebSocket(Format::Raw);
        for (name, wire, pattern, channels) in [
            ("websocket", websocket, "chat.0", &same),
            ("sse", sse, "chat.0", &same),
            ("websocket, a pattern", websocket, "chat.*", &different),
        ] {
            let mut audience = Audience::open(wire, &[pattern], AUDIENCE + 1);
            let publish = |audience: &mut Audience| {
                audience.publish(channels, &payload);
                audience.sort_out_news();
                // The first has the messages' bytes made.
                audience.deliver_to_one().unwrap()
            };
            let bytes = publish(&mut audience);
            assert_eq!(audience.deliver(), bytes * AUDIENCE);
            group.throughput(Throughput::Elements((AUDIENCE * count) as u64));
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter_custom(|iterations| {
                    let spent = (0..iterations).map(|_| {
                        publish(&mut audience);
                        let start = Instant::now();
                        audience.deliver();
                        start.elapsed()
                    });
                    spent.sum()
                });
            });
            group.bench_function(
                BenchmarkId::new(format!("{name}, floor: copy"), count),
                |bencher| {
                    let (bytes, mut output) = (vec![0; bytes], Vec::new());
                    bencher.iter(|| {
                        for _ in 0..AUDIENCE {
                            output.clear();
                            output.extend_from_slice(black_box(&bytes));
                            black_box(&output);
                        }
                    });
                },
            );
        }
    }
    group.finish();
}

/// Connections that send one after the other, so that the clock is read seldom.
const AUDIENCE: usize = 64;

criterion_group! {
    name = benches;
    config = criterion();
    targets = transmit
}
criterion_main!(benches);
