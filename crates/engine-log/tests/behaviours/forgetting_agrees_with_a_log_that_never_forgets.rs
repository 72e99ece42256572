//! Random publishes, sweeps, power cuts and resumes beside a list of all that was ever published: each reader receives
//! what comes after its position, or a gap notice that covers what is missing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{disk::Machine, may_read, open_at, publish_at, text};
use std::time::{Duration, Instant};
use tidewire_broker::{
    Broker, ChannelName, Content, Draft, Gathered, Item, Limits, Options, Pattern, Position,
    Reader, Repeats, Retention, Rule, Rules, Start,
};
use tidewire_engine_log::{LogEngine, Settings};

/// Everything that was ever answered.
struct Said {
    offset: u64,
    channel: ChannelName,
    key: Option<String>,
    text: String,
    time_ms: u64,
}

struct Life {
    random: fastrand::Rng,
    machine: Machine,
    settings: Settings,
    engine: LogEngine,
    broker: Broker,
    now_ms: u64,
    renewed_ms: u64,
    said: Vec<Said>,
    /// One who follows `a0` across all of it, and how far it came.
    follower: Reader,
    followed: u64,
}

/// What a reader received, and how far its gap notice reaches.
struct Received {
    messages: Vec<(u64, String)>,
    gap: u64,
}

impl Life {
    fn begin(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let (machine, settings) = (Machine::default(), settings(&mut random));
        let (engine, broker) = open_at(&machine, &settings, 1_000).unwrap();
        let follower = Reader::default();
        let (now_ms, renewed_ms, followed) = (1_000, 0, 0);
        let said = Vec::new();
        let mut life = Self {
            random,
            machine,
            settings,
            engine,
            broker,
            now_ms,
            renewed_ms,
            said,
            follower,
            followed,
        };
        life.follow();
        life
    }

    /// One step, and time goes by; `kept` is never empty.
    fn step(&mut self) {
        self.now_ms += self.random.u64(..10);
        if self.now_ms > self.renewed_ms + 20 {
            self.publish("kept", text("renewed"));
            self.renewed_ms = self.now_ms;
        }
        match self.random.u8(..16) {
            0..6 => self.publish_any(),
            6..9 => self.engine.sweep(self.now_ms),
            9 => self.broker.sweep(self.now_ms, 3),
            10..13 => self.resume_anywhere(),
            13 => self.check_kept(),
            14 => self.receive_follower(),
            _ => self.reopen(),
        }
    }

    fn publish_any(&mut self) {
        let number = self.random.u8(..6);
        if self.random.u8(..3) == 0 {
            let content = match self.random.bool() {
                true => Content::Text(self.random.u8(..).to_string().into()),
                false => Content::Nothing,
            };
            let key = format!("k{}", self.random.u8(..2)).parse().ok();
            self.publish(&format!("state{}", number % 3), Draft { key, ..Draft::new(content) });
        } else if self.random.bool() {
            let id = format!("i{}", self.random.u8(..4));
            self.publish(&format!("a{number}"), Draft { id: id.parse().ok(), ..text(&id) });
        } else {
            let said = self.said.len().to_string();
            self.publish(&format!("a{number}"), text(&said));
        }
    }

    fn publish(&mut self, name: &str, draft: Draft) {
        let channel: ChannelName = name.parse().unwrap();
        let text = String::from_utf8(draft.content.as_bytes().to_vec()).unwrap();
        let key = draft.key.as_ref().map(|key| key.as_str().to_owned());
        let offset = publish_at(&self.engine, name, draft, self.now_ms).unwrap();
        if offset > self.last() {
            self.said.push(Said { offset, channel, key, text, time_ms: self.now_ms });
        } else {
            let first = self.said.iter().find(|said| said.offset == offset).unwrap();
            assert_eq!((&first.channel, &first.text), (&channel, &text), "no repeat of that");
        }
    }

    /// Ends in order, killed or by a power cut, and begins again on what is left.
    fn reopen(&mut self) {
        self.receive_follower();
        let epoch = self.broker.epoch();
        self.machine = match self.random.u8(..3) {
            0 => self.machine.copy(),
            1 => self.machine.cut(&mut self.random),
            _ => self.close(),
        };
        (self.engine, self.broker) = open_at(&self.machine, &self.settings, self.now_ms).unwrap();
        assert_eq!((self.broker.epoch(), self.broker.head()), (epoch, self.last()));
        self.follow();
    }

    fn follow(&mut self) {
        self.follower = Reader::default();
        let start = self.after(self.followed);
        self.follower.follow(&self.broker, &[may_read("a0")], start);
    }

    fn receive_follower(&mut self) {
        let received = receive(&self.broker, &mut self.follower, 1 << 20);
        self.check(&"a0".parse().unwrap(), self.followed, &received);
        self.followed = self.last();
    }

    fn resume_anywhere(&mut self) {
        let any = self.random.u8(..6);
        let named = [format!("a{any}"), format!("state{}", any % 3), "*".into(), ">".into()];
        let pattern: Pattern = self.random.choice(named).unwrap().parse().unwrap();
        let after = self.random.u64(..=self.last());
        let received = self.resume(&pattern, after);
        self.check(&pattern, after, &received);
        if pattern.as_str().starts_with("state") {
            self.check_gap_in_state(&pattern, received.gap);
        }
    }

    /// A compacted channel that is never forgotten loses tombstones only, and only those that nothing
    /// superseded before their time was over: two keys never reach the bound on their number.
    fn check_gap_in_state(&self, pattern: &Pattern, gap: u64) {
        if gap == 0 || self.settings.limits.dead_channels_max < NEVER_FORGETS {
            return;
        }
        let mut of_channel = self.said.iter().filter(|said| pattern.matches(&said.channel));
        let lost = of_channel.find(|said| said.offset == gap).unwrap();
        let superseded = of_channel.find(|said| said.key == lost.key);
        let is_lost = superseded.is_none_or(|by| by.time_ms >= lost.time_ms + TOMBSTONE_AGE_MS);
        assert!(
            lost.text.is_empty() && is_lost,
            "gap up to {gap} of {pattern}, which lost nothing"
        );
    }

    /// A reader that resumes where `kept` has lost nothing gets no gap notice, whichever other channels were forgotten.
    fn check_kept(&mut self) {
        let pattern: Pattern = "kept".parse().unwrap();
        let after = self.random.u64(..=self.last());
        let received = self.resume(&pattern, after);
        self.check(&pattern, after, &received);
        let is_missing = |said: &Said| {
            said.channel.as_str() == "kept" && said.offset > after && !received.has(said.offset)
        };
        assert!(received.gap == 0 || self.said.iter().any(is_missing), "gap behind {after}");
    }

    fn resume(&mut self, pattern: &Pattern, after: u64) -> Received {
        let mut reader = Reader::default();
        reader.follow(&self.broker, &[may_read(pattern.as_str())], self.after(after));
        let bytes_max = self.random.usize(1..1_000);
        receive(&self.broker, &mut reader, bytes_max)
    }

    fn check(&self, pattern: &Pattern, after: u64, received: &Received) {
        assert!(
            received.messages.is_sorted_by(|one, other| one.0 < other.0),
            "each once, in order"
        );
        for (offset, text) in &received.messages {
            let said = self.said.iter().find(|said| said.offset == *offset).unwrap();
            assert!(*offset > after && pattern.matches(&said.channel) && *text == said.text);
        }
        for (at, said) in self.said.iter().enumerate() {
            let is_superseded = said.key.is_some()
                && self.said[at + 1..]
                    .iter()
                    .any(|newer| newer.channel == said.channel && newer.key == said.key);
            let is_owed = said.offset > after.max(received.gap) && pattern.matches(&said.channel);
            let Said { offset, channel, .. } = said;
            assert!(
                !is_owed || is_superseded || received.has(*offset),
                "{offset} of {channel} is missing behind {after}, gap up to {}",
                received.gap
            );
        }
    }

    /// However many names there were, only names in use, and as many others as allowed, are kept.
    fn end(mut self) {
        self.now_ms += 1_000;
        self.publish("kept", text("last"));
        let names_max = self.settings.limits.dead_channels_max + 4;
        let begin = Instant::now();
        loop {
            for _ in 0..5 {
                self.engine.sweep(self.now_ms);
                self.publish("kept", text("last"));
            }
            self.machine = self.close();
            (self.engine, self.broker) =
                open_at(&self.machine, &self.settings, self.now_ms).unwrap();
            if self.broker.stats().channels <= names_max {
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", self.broker.stats());
        }
    }

    /// The disks as a quiet end leaves them.
    fn close(&self) -> Machine {
        self.engine.close();
        self.machine.copy()
    }

    fn last(&self) -> u64 {
        self.said.last().map_or(0, |said| said.offset)
    }

    fn after(&self, offset: u64) -> Start {
        Start::after(Position { epoch: self.broker.epoch(), offset })
    }
}

impl Received {
    fn has(&self, offset: u64) -> bool {
        self.messages.iter().any(|(received, _)| *received == offset)
    }
}

fn receive(broker: &Broker, reader: &mut Reader, bytes_max: usize) -> Received {
    let (mut received, mut gathered) =
        (Received { messages: Vec::new(), gap: 0 }, Gathered::default());
    while !gathered.is_caught_up() {
        reader.gather(broker, broker.head(), bytes_max, &mut gathered);
        for item in gathered.items() {
            match item {
                Item::Gap(gap) => received.gap = received.gap.max(gap.to),
                Item::Message(message) => {
                    let text = String::from_utf8(message.content().as_bytes().to_vec()).unwrap();
                    received.messages.push((message.offset(), text));
                }
            }
        }
        reader.advance(&gathered, gathered.items().len());
    }
    received
}

/// Plain channels, and compacted ones whose tombstones go after 50 ms like everything else.
fn settings(random: &mut fastrand::Rng) -> Settings {
    let retention =
        Retention { age_max_ms: TOMBSTONE_AGE_MS, messages_max: 4, ..Retention::default() };
    let repeats = Repeats { ids_max: 2, age_max_ms: 80 };
    let options = Options { retention, repeats, ..Options::default() };
    let compact = Rule { compact: Some(true), ..Rule::default() };
    let patterns = ["state0", "state1", "state2"].map(|name| (name.parse().unwrap(), compact));
    let limits = Limits {
        rules: Rules::new(options, patterns),
        dead_channels_max: random.choice([0, 1, 2, NEVER_FORGETS]).unwrap(),
        ..Limits::default()
    };
    Settings { limits, ..Settings::default() }
}

const TOMBSTONE_AGE_MS: u64 = 50;

/// More than there are channels.
const NEVER_FORGETS: usize = 100;

#[test]
fn forgetting_agrees_with_a_log_that_never_forgets() {
    for seed in 0..25 {
        println!("seed {seed}");
        let mut life = Life::begin(seed);
        for _ in 0..150 {
            life.step();
        }
        life.end();
    }
}
