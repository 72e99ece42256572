//! Followers of wildcards where there is news of more channels than a lane notes for each, and more
//! than one turn of the lane sorts out. Who sleeps reads only once it is woken.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{broker, may_look_back, may_read, publish};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
};
use tidewire_broker::{Broker, Gathered, Lane, Pattern, Reader, Start, WaiterId};

const CHANNELS: usize = 5_000;
const PATTERNS: [&str; 6] = [">", "g1.*", "*.17", "g2.>", "g3.3", ">"];

#[derive(Default)]
struct Nudge(AtomicBool);

impl Wake for Nudge {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Follower {
    waiter: WaiterId,
    reader: Reader,
    pattern: Pattern,
    nudge: Arc<Nudge>,
    is_asleep: bool,
    /// Where it began.
    after: u64,
    seen: Vec<u64>,
}

fn follow(broker: &Broker, lane: &mut Lane, pattern: &str, start: Start) -> Follower {
    let (waiter, mut reader) = (lane.register(), Reader::default());
    let permit = may_read(pattern);
    let pattern = permit.pattern().clone();
    lane.follow(waiter, &pattern);
    let after = reader.follow(broker, &[permit], start).after;
    let nudge = Arc::new(Nudge::default());
    Follower { waiter, reader, pattern, nudge, is_asleep: false, after, seen: Vec::new() }
}

/// Reads once, if it is awake, and sleeps when it has everything.
fn read(follower: &mut Follower, broker: &Broker, lane: &mut Lane, bytes_max: usize, part: usize) {
    follower.is_asleep &= !follower.nudge.0.swap(false, Ordering::SeqCst);
    if follower.is_asleep {
        return;
    }
    lane.take_news(follower.waiter).into_iter().for_each(|news| follower.reader.note(news));
    let mut gathered = Gathered::default();
    follower.reader.gather(broker, lane.read_limit(), bytes_max, &mut gathered);
    let count = gathered.items().len() / part;
    follower.seen.extend(gathered.messages().take(count).map(|message| message.offset()));
    assert!(follower.seen.last().is_none_or(|last| *last <= lane.read_limit()));
    follower.reader.advance(&gathered, count);
    if gathered.is_caught_up() && part == 1 {
        follower.is_asleep = true;
        lane.sleep(follower.waiter, &Waker::from(Arc::clone(&follower.nudge)), None);
    }
}

#[test]
fn everyone_is_woken_for_everything_and_reads_it_once_in_order() {
    let name = |number: usize| format!("g{}.{}", number % 5, number / 5);
    for seed in 0..4 {
        let mut random = fastrand::Rng::with_seed(seed);
        let broker = broker(1_000);
        let (mut lane, mut published) = (broker.lane().unwrap(), vec![String::new()]);
        let mut followers: Vec<Follower> = Vec::new();
        for step in 0..120 {
            if step % 9 == 0 && followers.len() < 12 {
                let start =
                    if random.bool() { Start::Now } else { Start::Earliest(may_look_back()) };
                let pattern = PATTERNS[followers.len() % PATTERNS.len()];
                followers.push(follow(&broker, &mut lane, pattern, start));
            }
            let burst = if random.u8(..12) == 0 { CHANNELS } else { random.usize(..150) };
            for number in 0..burst {
                let any = if burst == CHANNELS { number } else { random.usize(..CHANNELS) };
                publish(&broker, &name(any));
                published.push(name(any));
            }
            let _ = lane.poll_news(&mut Context::from_waker(Waker::noop()));
            lane.wake(random.usize(..4));
            for follower in &mut followers {
                let (bytes_max, part) = (random.usize(1..20_000), random.usize(1..3));
                read(follower, &broker, &mut lane, bytes_max, part);
            }
        }
        for _ in 0..10_000 {
            let _ = lane.poll_news(&mut Context::from_waker(Waker::noop()));
            while lane.wake(64) {}
            followers
                .iter_mut()
                .for_each(|follower| read(follower, &broker, &mut lane, 1 << 16, 1));
            if !lane.is_behind() && followers.iter().all(|follower| follower.is_asleep) {
                break;
            }
        }
        for Follower { pattern, after, seen, .. } in &followers {
            let owed = (1..).zip(&published[1..]).filter(|(offset, channel)| {
                offset > after && pattern.matches(&channel.parse().unwrap())
            });
            let owed: Vec<u64> = owed.map(|(offset, _)| offset).collect();
            assert!(
                *seen == owed,
                "seed {seed}, {pattern} after {after}: {} of {}",
                seen.len(),
                owed.len()
            );
        }
    }
}
