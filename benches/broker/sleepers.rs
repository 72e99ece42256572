//! A publish beside sleeping followers, which must cost the publisher nothing; and their waking,
//! which is the lane's.

use criterion::{BenchmarkId, Criterion, Throughput};
use std::{
    hint::black_box,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};
use tidewire_benches::{MESSAGE_BYTES, channels, publish, text};
use tidewire_broker::{Broker, ChannelName, Lane, Limits, Pattern, Retention, Rules, WaiterId};

pub(crate) fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append beside sleepers");
    group.throughput(Throughput::Elements(BURST as u64));
    // The clock stands still while the lane works, which takes a hundred times as long.
    group.warm_up_time(Duration::from_millis(10)).measurement_time(Duration::from_millis(40));
    for count in [0, 1, 1_000] {
        let mut room = Room::new(BURST, count, &[]);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter_custom(|iterations| (0..iterations).map(|_| room.burst()).sum());
        });
    }
    // After a lane has woken that many waiters, nothing of the log is left in the caches. That is not the
    // publisher's cost, so the case is compared with one sleeper and caches that are as empty.
    group.measurement_time(Duration::from_millis(10));
    let swept: Vec<u64> = (0..SWEPT_BYTES / 8).collect();
    for count in [1, 100_000] {
        let mut room = Room::new(BURST, count, &[]);
        group.bench_function(BenchmarkId::new("from cold caches", count), |bencher| {
            bencher.iter_custom(|iterations| {
                let spent = (0..iterations).map(|_| {
                    black_box(swept.iter().step_by(LINE_BYTES / 8).sum::<u64>());
                    room.burst()
                });
                spent.sum()
            });
        });
    }
    group.finish();
}

pub(crate) fn wake(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wake");
    group.throughput(Throughput::Elements(1_000));
    for (name, patterns) in [("by name", &[][..]), ("by pattern", &["chat.*"])] {
        let mut room = Room::new(1, 1_000, patterns);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| {
                let spent = (0..iterations).map(|_| {
                    room.publish();
                    let start = Instant::now();
                    room.run_until_idle();
                    start.elapsed()
                });
                spent.sum()
            });
        });
    }
    group.bench_function("floor: wakers in a row", |bencher| {
        let wakers = vec![Waker::noop().clone(); 1_000];
        bencher.iter(|| black_box(&wakers).iter().for_each(Waker::wake_by_ref));
    });
    group.finish();
}

/// Channels and a lane of sleepers that follow all of them, by name unless there are patterns.
struct Room {
    broker: Broker,
    lane: Lane,
    channels: Vec<ChannelName>,
    waiters: Vec<WaiterId>,
    payload: String,
}

impl Room {
    fn new(channels_count: usize, waiters_count: usize, patterns: &[&str]) -> Self {
        // A small log that is soon full, so that publishing costs the same from first to last.
        let retention = Retention { messages_max: 64, ..Retention::default() };
        let broker =
            Broker::new(1, Limits { rules: Rules::keeping(retention), ..Limits::default() });
        let mut lane = broker.lane().unwrap();
        let channels = channels(channels_count);
        let mut patterns: Vec<Pattern> =
            patterns.iter().map(|text| text.parse().unwrap()).collect();
        if patterns.is_empty() {
            patterns = channels.iter().map(|name| name.as_str().parse().unwrap()).collect();
        }
        let waiters: Vec<WaiterId> = (0..waiters_count).map(|_| lane.register()).collect();
        for waiter in &waiters {
            patterns.iter().for_each(|pattern| lane.follow(*waiter, pattern));
        }
        let mut room = Self { broker, lane, channels, waiters, payload: text(MESSAGE_BYTES) };
        (0..64).for_each(|_| room.publish());
        room.run_until_idle();
        room
    }

    /// How long it takes to publish, with everyone asleep before and after.
    fn burst(&mut self) -> Duration {
        let start = Instant::now();
        self.publish();
        let spent = start.elapsed();
        self.run_until_idle();
        spent
    }

    /// One message to every channel.
    fn publish(&self) {
        for channel in &self.channels {
            publish(&self.broker, channel, &self.payload);
        }
    }

    /// What a worker does at news: it wakes all sleepers, and each takes the news and sleeps again.
    fn run_until_idle(&mut self) {
        let lane = &mut self.lane;
        while let Poll::Ready(()) = lane.poll_news(&mut Context::from_waker(Waker::noop())) {
            while lane.wake(WAKE_BATCH) {}
        }
        for waiter in &self.waiters {
            black_box(lane.take_news(*waiter));
            lane.sleep(*waiter, Waker::noop(), None);
        }
    }
}

/// Messages between two checks of the lane, each in a channel of its own that must be queued again.
const BURST: usize = 16;
const WAKE_BATCH: usize = 128;
/// More than any cache holds.
const SWEPT_BYTES: u64 = 128 << 20;
const LINE_BYTES: usize = 64;
