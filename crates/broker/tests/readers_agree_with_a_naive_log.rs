//! Random publishes, follows, partial hand-overs and retention, beside a log that keeps everything.
//!
//! Readers are fed by a lane. Each message that a reader follows is either seen, in order and once,
//! or lies in a gap that the reader was told of, and is then really gone from the broker.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)]

#[path = "common/common.rs"]
mod common;
use common::{Seen, drain, publish, see};
use std::task::{Context, Poll, Waker};
use tidewire_broker::{
    Broker, ChannelName, Gathered, Lane, Limits, Pattern, Position, Reader, Retention, Rules,
    SeatId, Start,
};

const CHANNELS: [&str; 4] = ["a.x", "a.y", "b.x", "b.y.z"];
const PATTERNS: [&str; 8] = ["a.x", "a.y", "b.x", "b.y.z", "a.*", "*.x", "b.>", ">"];

struct World {
    random: fastrand::Rng,
    broker: Broker,
    lane: Lane,
    published: Vec<ChannelName>,
}

struct Subject {
    seat: SeatId,
    reader: Reader,
    pattern: Pattern,
    /// Everything up to here is settled: seen, or told to be gone.
    upto: u64,
    gone_to: u64,
    /// Gone before it asked for the earliest there is: not owed.
    excused: Vec<u64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let messages_max = random.usize(1..30);
        let retention = Retention { messages_max, ..Retention::default() };
        let bytes_max = random.usize(2_000..20_000);
        let broker = Broker::new(
            7,
            Limits { rules: Rules::keeping(retention), bytes_max, ..Limits::default() },
        );
        let lane = broker.lane().unwrap();
        Self { random, broker, lane, published: Vec::new() }
    }

    fn publish(&mut self) {
        let channel = CHANNELS[self.random.usize(0..CHANNELS.len())];
        let offset = publish(&self.broker, channel);
        self.published.push(channel.parse().unwrap());
        assert_eq!(offset, self.published.len() as u64);
    }

    fn subscribe(&mut self) -> Subject {
        let pattern: Pattern = PATTERNS[self.random.usize(0..PATTERNS.len())].parse().unwrap();
        let (seat, mut reader) = (self.lane.sit(), Reader::default());
        self.lane.follow(seat, &pattern);
        let head = self.broker.head();
        let start = match self.random.u8(0..3) {
            0 => Start::Now,
            1 => Start::Earliest,
            _ => Start::After(Position { epoch: 7, offset: self.random.u64(0..=head) }),
        };
        let started = reader.follow(&self.broker, std::slice::from_ref(&pattern), start);
        let upto = started.after;
        let excused = if start == Start::Earliest { self.gone() } else { Vec::new() };
        Subject { seat, reader, pattern, upto, gone_to: 0, excused }
    }

    fn gone(&self) -> Vec<u64> {
        let mut everything = Reader::default();
        everything.follow(&self.broker, &[">".parse().unwrap()], Start::Earliest);
        let kept = drain(&self.broker, &mut everything, 1 << 20);
        (1..=self.broker.head()).filter(|offset| !kept.contains(&Seen::Message(*offset))).collect()
    }

    fn settle(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        while self.lane.poll_news(&mut context) == Poll::Ready(()) {}
    }

    /// Lets a subject read once, handing over some or all of what is found.
    fn read(&mut self, subject: &mut Subject) -> bool {
        if let Some(news) = self.lane.take_news(subject.seat) {
            subject.reader.note(news);
        }
        let mut gathered = Gathered::default();
        let bytes_max = self.random.usize(1..2_000);
        subject.reader.gather(&self.broker, self.lane.settled(), bytes_max, &mut gathered);
        let count = self.random.usize(0..=gathered.items().len());
        for item in &gathered.items()[..count] {
            self.check(subject, see(item));
        }
        subject.reader.advance(&gathered, count);
        gathered.is_caught_up() && count == gathered.items().len()
    }

    fn check(&self, subject: &mut Subject, seen: Seen) {
        match seen {
            Seen::Gap(_, from, to) => {
                assert!(from <= to && to > subject.gone_to, "a gap told twice");
                subject.gone_to = to;
            }
            Seen::Message(offset) => {
                assert!(offset > subject.upto, "{offset} again, or out of order");
                self.check_skipped(subject, offset - 1);
                subject.upto = offset;
            }
        }
    }

    fn check_skipped(&self, subject: &Subject, upto: u64) {
        for offset in subject.upto + 1..=upto {
            let channel = &self.published[offset as usize - 1];
            let is_owed = subject.pattern.matches(channel)
                && offset > subject.gone_to
                && !subject.excused.contains(&offset);
            assert!(!is_owed, "{} lost {offset} of {channel} silently", subject.pattern);
        }
    }
}

fn run(seed: u64) {
    let mut world = World::new(seed);
    let mut subjects: Vec<Subject> = Vec::new();
    for _ in 0..200 {
        match world.random.u8(0..10) {
            0 if subjects.len() < 6 => subjects.push(world.subscribe()),
            1 if subjects.len() > 3 => {
                let gone = subjects.swap_remove(world.random.usize(0..subjects.len()));
                world.lane.rise(gone.seat);
            }
            0..=5 => world.publish(),
            6 => world.settle(),
            _ => {
                let mut taken = std::mem::take(&mut subjects);
                for subject in &mut taken {
                    world.read(subject);
                }
                subjects = taken;
            }
        }
    }
    world.settle();
    for subject in &mut subjects {
        while !world.read(subject) {}
        world.check_skipped(subject, world.broker.head());
    }
}

#[test]
fn every_reader_sees_each_message_once_or_is_told_it_is_gone() {
    for seed in 0..3_000 {
        let outcome = std::panic::catch_unwind(|| run(seed));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}
