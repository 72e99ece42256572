//! Random publishes, follows, partial hand-overs and retention, beside a log that keeps everything.
//!
//! Readers get their news from a lane. Each message that a reader follows is either delivered, in order and once, or
//! covered by a gap notice. Once with everything in memory; once with an archive and hardly anything in memory, and
//! with a restart of the broker in between.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)]

use crate::common::{Seen, drain, may_look_back, may_read, publish, see};
use crate::test_archive::TestArchive;
use std::{
    mem,
    sync::Arc,
    task::{Context, Poll, Waker},
};
use tidewire_broker::{
    Broker, ChannelName, Gathered, Lane, Limits, Pattern, Position, Reader, Retention, Rules,
    Start, WaiterId,
};

const CHANNELS: [&str; 4] = ["a.x", "a.y", "b.x", "b.y.z"];
const PATTERNS: [&str; 8] = ["a.x", "a.y", "b.x", "b.y.z", "a.*", "*.x", "b.>", ">"];

struct World {
    random: fastrand::Rng,
    broker: Broker,
    lane: Lane,
    /// Where everything retained is, unless that is the broker.
    archive: Option<Arc<TestArchive>>,
    published: Vec<ChannelName>,
}

struct Subject {
    waiter: WaiterId,
    reader: Reader,
    pattern: Pattern,
    /// Everything up to here is settled: delivered, or covered by a gap notice.
    upto: u64,
    gone_to: u64,
    /// A gap up to here was reported since it was connected.
    reported_to: u64,
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
        Self { random, broker, lane, archive: None, published: Vec::new() }
    }

    /// A broker whose memory holds ten messages at most, and often none.
    fn archived(seed: u64) -> Self {
        let mut this = Self::new(seed);
        this.archive = Some(Arc::default());
        this.start();
        this
    }

    /// Restarts the broker from its archive.
    fn start(&mut self) {
        let Some(archive) = &self.archive else { return };
        let limits = Limits { bytes_max: self.random.usize(0..1_600), ..Limits::default() };
        let head = self.published.len() as u64;
        self.broker = Broker::with_archive(7, head, limits, archive.clone());
        archive.restore(&self.broker);
        self.lane = self.broker.lane().unwrap();
    }

    /// Has everybody come back after a start, each with the last that it has seen.
    fn welcome_back(&mut self, subjects: &mut [Subject]) {
        for subject in subjects {
            (subject.waiter, subject.reader) = (self.lane.register(), Reader::default());
            self.lane.follow(subject.waiter, &subject.pattern);
            let start = Start::after(Position { epoch: 7, offset: subject.upto });
            let permits = [may_read(subject.pattern.as_str())];
            let started = subject.reader.follow(&self.broker, &permits, start);
            assert_eq!((started.after, started.is_foreign), (subject.upto, false));
            subject.reported_to = 0;
        }
    }

    /// What an engine's retention does; the broker's own has no say before an archive.
    fn drop_some(&mut self) {
        let Some(archive) = &self.archive else { return };
        let channel = CHANNELS[self.random.usize(0..CHANNELS.len())];
        let places = self.published.iter().zip(1..);
        let offsets: Vec<u64> =
            places.filter(|(it, _)| it.as_str() == channel).map(|(_, offset)| offset).collect();
        if !offsets.is_empty() {
            archive.drop_upto(&self.broker, channel, offsets[self.random.usize(0..offsets.len())]);
        }
    }

    fn publish(&mut self) {
        let channel = CHANNELS[self.random.usize(0..CHANNELS.len())];
        self.published.push(channel.parse().unwrap());
        let offset = self.published.len() as u64;
        match &self.archive {
            Some(archive) => archive.publish(&self.broker, channel, offset),
            None => assert_eq!(publish(&self.broker, channel), offset),
        }
    }

    fn subscribe(&mut self) -> Subject {
        let pattern: Pattern = PATTERNS[self.random.usize(0..PATTERNS.len())].parse().unwrap();
        let (waiter, mut reader) = (self.lane.register(), Reader::default());
        self.lane.follow(waiter, &pattern);
        let head = self.broker.head();
        let start = match self.random.u8(0..3) {
            0 => Start::Now,
            1 => Start::Earliest(may_look_back()),
            _ => Start::after(Position { epoch: 7, offset: self.random.u64(0..=head) }),
        };
        let started = reader.follow(&self.broker, &[may_read(pattern.as_str())], start);
        let upto = started.after;
        let excused =
            if start == Start::Earliest(may_look_back()) { self.gone() } else { Vec::new() };
        Subject { waiter, reader, pattern, upto, gone_to: 0, reported_to: 0, excused }
    }

    fn gone(&self) -> Vec<u64> {
        let mut everything = Reader::default();
        everything.follow(&self.broker, &[may_read(">")], Start::Earliest(may_look_back()));
        let kept = drain(&self.broker, &mut everything, 1 << 20);
        (1..=self.broker.head()).filter(|offset| !kept.contains(&Seen::Message(*offset))).collect()
    }

    fn run_until_idle(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        while self.lane.poll_news(&mut context) == Poll::Ready(()) {}
    }

    /// Lets a subject read once, handing over some or all of what is found.
    fn read(&mut self, subject: &mut Subject) -> bool {
        if let Some(news) = self.lane.take_news(subject.waiter) {
            subject.reader.note(news);
        }
        let mut gathered = Gathered::default();
        let bytes_max = self.random.usize(1..2_000);
        subject.reader.gather(&self.broker, self.lane.read_limit(), bytes_max, &mut gathered);
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
                assert!(from <= to && to > subject.reported_to, "a gap reported twice");
                subject.reported_to = to;
                subject.gone_to = subject.gone_to.max(to);
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

fn run(mut world: World) {
    let mut subjects: Vec<Subject> = Vec::new();
    for _ in 0..200 {
        match world.random.u8(0..10) {
            0 if subjects.len() < 6 => subjects.push(world.subscribe()),
            1 if subjects.len() > 3 => {
                let gone = subjects.swap_remove(world.random.usize(0..subjects.len()));
                world.lane.remove(gone.waiter);
            }
            2 if world.random.u8(0..4) == 0 => {
                world.start();
                if world.archive.is_some() {
                    world.welcome_back(&mut subjects);
                }
            }
            3 => world.drop_some(),
            0..=5 => world.publish(),
            6 => world.run_until_idle(),
            _ => {
                let mut taken = mem::take(&mut subjects);
                for subject in &mut taken {
                    world.read(subject);
                }
                subjects = taken;
            }
        }
    }
    world.run_until_idle();
    for subject in &mut subjects {
        while !world.read(subject) {}
        world.check_skipped(subject, world.broker.head());
    }
}

fn run_all(world: impl Fn(u64) -> World + std::panic::RefUnwindSafe) {
    for seed in 0..3_000 {
        let outcome = std::panic::catch_unwind(|| run(world(seed)));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}

#[test]
fn every_reader_sees_each_message_once_or_gets_a_gap_notice() {
    run_all(World::new);
}

#[test]
fn before_an_archive_no_less() {
    run_all(World::archived);
}
