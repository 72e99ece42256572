//! Seeded worlds: a link beside a small model of the server, through cuts, dead connections, restarts and retention.
//!
//! The model is as simple as the promise: one log, and whatever is asked for is read from it in order. At the end each
//! subscriber has had each of its messages once and in order, or a gap notice.

use super::*;
use crate::{
    Delivery,
    machine::{Failure, Item},
    pattern::covers,
};
use std::collections::VecDeque;
use tidewire_protocol::{Gap, Message, PollAnswer};

/// The server: message `n` of the log is in the channel at index `n - 1`. Those up to `tail` are gone.
struct Server {
    epoch: u64,
    log: Vec<&'static str>,
    tail: u64,
}

struct Connection {
    kind: Kind,
    /// Patterns, each with the offset after which it begins.
    patterns: Vec<(String, u64)>,
    cursor: u64,
    items: VecDeque<Item>,
    is_dead: bool,
}

#[derive(Debug)]
struct Subscriber {
    member: MemberId,
    channels: Vec<String>,
    since: Since,
    head_before: Position,
    /// Behind this it is owed everything, once it is known.
    owed_after: Option<Position>,
    given: Vec<Position>,
    gaps: Vec<Gap>,
}

struct World {
    rng: Rng,
    now: Duration,
    link: Link,
    server: Server,
    connection: Option<Connection>,
    pages: Vec<PageRequest>,
    subscribers: Vec<Subscriber>,
    joined_late: u64,
}

const CHANNELS: [&str; 4] = ["a.a", "a.b", "b", "c.d.e"];
const PATTERNS: [&str; 6] = ["a.a", "a.*", ">", "b", "c.>", "*.b"];

impl Server {
    fn head(&self) -> u64 {
        u64::try_from(self.log.len()).unwrap()
    }

    const fn at(&self, offset: u64) -> Position {
        Position { epoch: self.epoch, offset }
    }

    /// Behind where a request begins, and the losses of its patterns.
    fn start(&self, since: Since, patterns: &[String]) -> (u64, Vec<Gap>) {
        let all_lost = |from: String| -> Vec<Gap> {
            let to = self.at(self.head());
            patterns.iter().map(|it| Gap { channel: it.clone(), from: from.clone(), to }).collect()
        };
        match since {
            Since::Earliest => (self.tail, Vec::new()),
            Since::After(at) if at.after.epoch == self.epoch && at.after.offset <= self.head() => {
                let gaps = patterns.iter().filter_map(|it| self.lost(it, at.after.offset));
                (at.after.offset.max(self.tail), gaps.collect())
            }
            Since::After(at) => (self.head(), all_lost(at.to_string())),
            _ => (self.head(), Vec::new()),
        }
    }

    /// What retention has removed of a pattern after `from`.
    fn lost(&self, pattern: &str, from: u64) -> Option<Gap> {
        let mut lost = (from + 1)..=self.tail;
        let is_lost = lost.any(|offset| covers(pattern, self.channel(offset)));
        let (from, to) = (self.at(from).to_string(), self.at(self.tail));
        is_lost.then(|| Gap { channel: pattern.to_owned(), from, to })
    }

    fn channel(&self, offset: u64) -> &'static str {
        self.log[usize::try_from(offset).unwrap() - 1]
    }

    fn message(&self, offset: u64) -> Message {
        let (channel, position) = (self.channel(offset), self.at(offset));
        let json =
            format!(r#"{{"channel":"{channel}","position":"{position}","time":0,"data":1}}"#);
        serde_json::from_str(&json).unwrap()
    }

    fn page(&self, request: &PageRequest, count: usize) -> PollAnswer {
        let (start, gaps) = self.start(request.since, &request.channels);
        let is_asked =
            |offset: &u64| request.channels.iter().any(|it| covers(it, self.channel(*offset)));
        let found: Vec<u64> = (start + 1..=self.head()).filter(is_asked).take(count).collect();
        let end = if found.len() == count { *found.last().unwrap_or(&start) } else { self.head() };
        let messages = found.into_iter().map(|offset| self.message(offset)).collect();
        PollAnswer { messages, position: self.at(end).into(), gaps, retry_ms: None }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let wire = rng.choice([Wire::Auto, Wire::Auto, Wire::Sse, Wire::Poll, Wire::WebSocket]);
        let options = LinkOptions {
            wire: wire.unwrap(),
            heartbeat: Duration::from_millis(400),
            backoff: Backoff::new(Duration::from_millis(50), Duration::from_secs(2)),
            patience: Duration::from_millis(500),
            attempts_max: u32::MAX,
            can_renew_token: false,
        };
        Self {
            link: Link::new(options, seed),
            rng,
            now: Duration::ZERO,
            server: Server { epoch: 1, log: Vec::new(), tail: 0 },
            connection: None,
            pages: Vec::new(),
            subscribers: Vec::new(),
            joined_late: 0,
        }
    }

    fn run(&mut self) {
        for _ in 0..400 {
            self.now += Duration::from_millis(self.rng.u64(0..60));
            match self.rng.u8(..100) {
                0..40 => (0..self.rng.usize(1..6)).for_each(|_| {
                    self.server.log.push(CHANNELS[self.rng.usize(..CHANNELS.len())]);
                }),
                40..46 => self.subscribe(),
                46..49 if self.subscribers.len() > 1 => {
                    let at = self.rng.usize(..self.subscribers.len());
                    let gone = self.subscribers.swap_remove(at);
                    self.link.unsubscribe(gone.member);
                }
                49..54 => self.cut(),
                54..57 => self.connection.iter_mut().for_each(|it| it.is_dead = true),
                57..59 => self.server.tail = self.rng.u64(self.server.tail..=self.server.head()),
                59 => {
                    // It restarts without its log.
                    self.server = Server { epoch: self.server.epoch + 1, log: Vec::new(), tail: 0 };
                    self.cut();
                }
                _ => {}
            }
            self.step(false);
        }
        for _ in 0..300 {
            self.now += Duration::from_millis(50);
            self.step(true);
        }
        self.subscribers.iter().for_each(|subscriber| subscriber.check(&self.server));
    }

    fn subscribe(&mut self) {
        let mut channels: Vec<String> = Vec::new();
        for _ in 0..self.rng.usize(1..4) {
            let pattern = PATTERNS[self.rng.usize(..PATTERNS.len())];
            if !channels.iter().any(|it| it == pattern) {
                channels.push(pattern.to_owned());
            }
        }
        let head_before = self.server.at(self.server.head());
        let past = self.rng.u64(self.server.tail..=self.server.head());
        let since = match self.rng.u8(..3) {
            0 => Since::Now,
            1 => Since::Earliest,
            _ => Since::after(self.server.at(past)),
        };
        let owed_after = matches!(since, Since::After(_)).then(|| self.server.at(past));
        let member = self.link.subscribe(channels.clone(), since, self.rng.bool());
        let (given, gaps) = (Vec::new(), Vec::new());
        self.subscribers.push(Subscriber {
            member,
            channels,
            since,
            head_before,
            owed_after,
            given,
            gaps,
        });
    }

    fn cut(&mut self) {
        if self.connection.take().is_some() {
            self.link.handle_failure(Failure::Cut("cut".into()), self.now);
        }
    }

    fn step(&mut self, is_healed: bool) {
        self.link.handle_time(self.now);
        while let Some(action) = self.link.poll_action(self.now) {
            self.act(action);
        }
        self.write();
        if is_healed || self.rng.u8(..4) > 0 {
            let count = if is_healed { 1_000 } else { self.rng.usize(1..6) };
            for _ in 0..count {
                let connection = self.connection.as_mut().filter(|it| !it.is_dead);
                let Some(item) = connection.and_then(|it| it.items.pop_front()) else { break };
                self.link.handle_item(item, self.now);
            }
        }
        while !self.pages.is_empty() && (is_healed || self.rng.bool()) {
            let page = self.pages.swap_remove(self.rng.usize(..self.pages.len()));
            let answer = match self.rng.u8(..8) {
                0 if !is_healed => Err(Failure::Cut("a page was cut".into())),
                _ => Ok(self.server.page(&page, self.rng.usize(1..20))),
            };
            self.link.handle_page(page.member, answer, self.now);
        }
        for subscriber in &mut self.subscribers {
            if is_healed || self.rng.u8(..4) == 0 {
                while let Some(step) = self.link.take(subscriber.member) {
                    subscriber.receive(step, &self.server);
                }
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Open(Opening { kind, channels, since, .. }) => {
                let (start, gaps) = self.server.start(since, &channels);
                let mut items = VecDeque::from([Item::Head(self.server.at(self.server.head()))]);
                items.extend(gaps.into_iter().map(Item::Gap));
                items.push_back(Item::Position(self.server.at(start).into()));
                let patterns = channels.into_iter().map(|channel| (channel, start)).collect();
                let (cursor, is_dead) = (start, false);
                self.connection = Some(Connection { kind, patterns, cursor, items, is_dead });
            }
            Action::Close => self.connection = None,
            Action::Page(page) => self.pages.push(page),
            Action::Send(text) => self.obey(&text),
            Action::ForgetToken => panic!("there is no token"),
        }
    }

    /// A request on the WebSocket.
    fn obey(&mut self, text: &str) {
        let (head, connection) = (self.server.head(), self.connection.as_mut().unwrap());
        assert_eq!(connection.kind, Kind::WebSocket);
        match ClientMessage::parse(text).unwrap() {
            ClientMessage::Subscribe(request) => {
                let (id, channel) = (request.id, request.channel.into_owned());
                assert!(
                    connection.patterns.iter().all(|(it, _)| *it != channel),
                    "{channel} twice"
                );
                connection.patterns.push((channel.clone(), head));
                let position = self.server.at(head);
                connection.items.push_back(Item::Subscribed { id, channel, position });
                self.joined_late += 1;
            }
            ClientMessage::Unsubscribe(request) => {
                connection.patterns.retain(|(it, _)| *it != request.channel);
            }
            other => panic!("{other:?}"),
        }
    }

    /// The server delivers some of what is new.
    fn write(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        for _ in 0..self.rng.usize(0..8) {
            if connection.cursor < self.server.tail {
                let lost = connection.patterns.iter().filter_map(|(pattern, after)| {
                    self.server.lost(pattern, connection.cursor.max(*after))
                });
                connection.items.extend(lost.map(Item::Gap));
                connection.cursor = self.server.tail;
            }
            if connection.cursor == self.server.head() {
                let position = self.server.at(connection.cursor);
                connection.items.push_back(Item::Position(position.into()));
                return;
            }
            connection.cursor += 1;
            let (offset, channel) = (connection.cursor, self.server.channel(connection.cursor));
            let mut patterns = connection.patterns.iter();
            if patterns.any(|(pattern, after)| *after < offset && covers(pattern, channel)) {
                connection.items.push_back(Item::Message(self.server.message(offset)));
            }
        }
    }
}

impl Subscriber {
    fn receive(&mut self, step: Step, server: &Server) {
        let Step::Progress { delivery, position, .. } = step else { panic!("{step:?}") };
        if self.owed_after.is_none() {
            self.owed_after = match self.since {
                Since::Earliest => Some(server.at(server.tail)),
                _ => position.map(|position| position.after),
            };
        }
        match delivery {
            Some(Delivery::Message(message)) => {
                let at = message.position;
                let is_asked = self.channels.iter().any(|it| covers(it, &message.channel));
                assert!(is_asked, "{message:?} is not for {:?}", self.channels);
                let is_old =
                    self.head_before.epoch == at.epoch && at.offset <= self.head_before.offset;
                assert!(self.since != Since::Now || !is_old, "{at} was there before `now`");
                let last = self.given.iter().rev().find(|had| had.epoch == at.epoch);
                assert!(last.is_none_or(|had| had.offset < at.offset), "{at} after {last:?}");
                self.given.push(at);
            }
            Some(Delivery::Gap(gap)) => {
                let is_known =
                    self.gaps.iter().any(|it| it.channel == gap.channel && it.to == gap.to);
                assert!(!is_known, "{gap:?} twice");
                if gap.from.parse::<Position>().is_ok_and(|from| from.epoch != gap.to.epoch) {
                    self.owed_after = Some(gap.to);
                }
                self.gaps.push(gap);
            }
            None => {}
        }
    }

    fn check(&self, server: &Server) {
        let after = self.owed_after.expect("it has begun");
        assert_eq!(after.epoch, server.epoch, "nobody said that {after} is lost");
        for offset in after.offset + 1..=server.head() {
            let (position, channel) = (server.at(offset), server.channel(offset));
            let reported = |pattern: &String| {
                let mut gaps = self.gaps.iter().filter(|gap| gap.channel == *pattern);
                gaps.any(|gap| gap.to.epoch == server.epoch && gap.to.offset >= offset)
            };
            let mut covering = self.channels.iter().filter(|it| covers(it, channel)).peekable();
            let is_owed = covering.peek().is_some();
            let is_reported = offset <= server.tail && covering.any(reported);
            let is_given = self.given.contains(&position);
            assert!(
                !is_owed || is_given || is_reported,
                "{position} of {channel} was not given: {self:?}"
            );
        }
    }
}

#[test]
fn in_a_hundred_worlds_nobody_loses_or_repeats_anything_in_silence() {
    let mut joined_late = 0;
    for seed in 0..100 {
        let mut world = World::new(seed);
        let run = std::panic::AssertUnwindSafe(|| world.run());
        if let Err(panic) = std::panic::catch_unwind(run) {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
        joined_late += world.joined_late;
    }
    assert!(
        joined_late > 100,
        "{joined_late} subscriptions on an open connection prove too little"
    );
}
