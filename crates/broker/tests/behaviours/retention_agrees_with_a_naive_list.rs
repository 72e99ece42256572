//! Retention by count, bytes and age, alone and together, and the whole log's own bound, beside a
//! plain list.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)]

use crate::common::{drain, may_look_back, may_read, messages};
use tidewire_broker::{Broker, Content, Draft, Grant, Limits, Reader, Retention, Rules, Start};

const CHANNELS: [&str; 3] = ["a", "b", "c.d"];

struct Kept {
    offset: u64,
    channel: usize,
    time_ms: u64,
    bytes: usize,
}

/// What a log keeps, by looking at everything each time.
struct Naive {
    retention: Retention,
    bytes_max: usize,
    kept: Vec<Kept>,
}

impl Naive {
    fn bytes(&self) -> usize {
        self.kept.iter().map(|kept| kept.bytes).sum()
    }

    fn retain(&mut self, channel: usize, now_ms: u64) {
        let Retention { messages_max, bytes_max, age_max_ms } = self.retention;
        loop {
            let of_it = || self.kept.iter().filter(|kept| kept.channel == channel);
            let (len, bytes) = (of_it().count(), of_it().map(|kept| kept.bytes).sum::<usize>());
            let Some(oldest) = of_it().next() else { return };
            let is_old = now_ms - oldest.time_ms >= age_max_ms;
            if len <= messages_max && (bytes <= bytes_max || len == 1) && !is_old {
                return;
            }
            let oldest = oldest.offset;
            self.kept.retain(|kept| kept.offset != oldest);
        }
    }

    fn trim(&mut self) {
        while self.bytes() > self.bytes_max {
            self.kept.remove(0);
        }
    }
}

/// A bound that matters, or one that nothing reaches.
fn bound(random: &mut fastrand::Rng, tight: std::ops::Range<usize>) -> usize {
    if random.bool() { random.usize(tight) } else { 1 << 40 }
}

fn run(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let retention = Retention {
        messages_max: bound(&mut random, 1..12),
        bytes_max: bound(&mut random, 1..2_500),
        age_max_ms: bound(&mut random, 1..60) as u64,
    };
    let bytes_max = bound(&mut random, 500..4_000);
    let limits = Limits { rules: Rules::keeping(retention), bytes_max, ..Limits::default() };
    let broker = Broker::new(7, limits);
    let mut naive = Naive { retention, bytes_max, kept: Vec::new() };
    let (mut now_ms, mut published) = (0, 0);
    for _ in 0..100 {
        now_ms += random.u64(0..4);
        if random.u8(0..8) == 0 {
            broker.sweep(now_ms, CHANNELS.len());
            (0..CHANNELS.len()).for_each(|channel| naive.retain(channel, now_ms));
        } else {
            let (channel, len) = (random.usize(0..CHANNELS.len()), random.usize(0..200));
            let permit = Grant::open().permit(&CHANNELS[channel].parse().unwrap()).unwrap();
            let draft = Draft::new(Content::Text("x".repeat(len).into()));
            let offset = broker.append(permit, draft, now_ms).unwrap().offset;
            naive.kept.push(Kept { offset, channel, time_ms: now_ms, bytes: len + 160 });
            naive.retain(channel, now_ms);
            naive.trim();
            published += 1;
        }
        let (mut reader, _) =
            Reader::once(&broker, &may_read(">"), Start::Earliest(may_look_back()));
        let wanted = messages(naive.kept.iter().map(|kept| kept.offset));
        assert_eq!(drain(&broker, &mut reader, 1 << 20), wanted);
        let stats = broker.stats();
        assert_eq!(stats.bytes, naive.bytes());
        assert_eq!(stats.evicted, published - naive.kept.len() as u64);
    }
}

#[test]
fn what_is_kept_is_what_the_bounds_leave() {
    for seed in 0..2_000 {
        let outcome = std::panic::catch_unwind(|| run(seed));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}
