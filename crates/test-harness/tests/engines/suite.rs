//! The behaviours. Each is given an engine that has seen nothing, and the limits it asks for.

use crate::wait;
use std::time::{Duration, Instant};
use tidewire_broker::{
    AppendError, Broker, Compaction, Content, Draft, DraftError, Engine, Gathered, Grant,
    HistoryPermit, Item, Limits, Options, Publishers, QuotaError, Reader, Retention, Rules, Start,
    SubscribePermit,
};

/// An engine under test.
pub(crate) struct Subject {
    pub(crate) broker: Broker,
    pub(crate) engine: Box<dyn Engine>,
    /// Applies limits of age; it may take a moment until that shows.
    pub(crate) sweep: Box<dyn Fn(u64)>,
}

type Behaviour = (&'static str, fn() -> Limits, fn(&Subject));

pub(crate) const SUITE: [Behaviour; 10] = [
    ("positions rise by one and are read in order", Limits::default, positions_rise),
    ("messages come back as they went in", Limits::default, messages_come_back),
    ("a repeat is answered like the first", Limits::default, repeats),
    ("options are kept to", strict, options),
    ("retention removes the oldest and reports it", || keeping(3, 3_600_000), retention),
    ("age takes what is old", || keeping(100, 1_000), age),
    ("names of empty channels are forgotten, and their losses reported", few_names, forgetting),
    ("a newer message of a key supersedes the older", compacted, compaction),
    ("state is bounded", compacted, bounds),
    ("values that are too old are removed", compacted, expiry),
];

fn of(change: impl FnOnce(&mut Options)) -> Limits {
    let mut options = Options::default();
    change(&mut options);
    Limits { rules: Rules::all(options), ..Limits::default() }
}

fn strict() -> Limits {
    of(|it| (it.message_bytes_max, it.publishers) = (10, Publishers::Requests))
}

fn keeping(messages_max: usize, age_max_ms: u64) -> Limits {
    of(|it| it.retention = Retention { messages_max, age_max_ms, ..Retention::default() })
}

fn few_names() -> Limits {
    Limits { dead_channels_max: 1, ..keeping(100, 1_000) }
}

fn compacted() -> Limits {
    let compaction = Compaction { keys_max: 3, age_max_ms: Some(1_000), ..Compaction::default() };
    of(|it| it.compaction = Some(compaction))
}

impl Subject {
    fn publish(&self, channel: &str, draft: Draft, now_ms: u64) -> Result<u64, AppendError> {
        let permit = Grant::open().permit(&channel.parse().unwrap()).unwrap();
        wait(self.engine.publish(permit, draft, now_ms)).map(|position| position.offset)
    }

    fn put(&self, key: &str, value: Option<&str>, now_ms: u64) -> Result<u64, AppendError> {
        let content = value.map_or(Content::Nothing, |text| Content::Text(text.into()));
        let draft = Draft { key: key.parse().ok(), ..Draft::new(content) };
        self.publish("a", draft, now_ms)
    }

    /// What a reader from here is handed: offsets and texts, and gaps as their ends.
    fn read(&self, pattern: &str, start: Start) -> Vec<(u64, String)> {
        let mut reader = Reader::default();
        reader.follow(&self.broker, &[may_read(pattern)], start);
        let (mut gathered, mut found) = (Gathered::default(), Vec::new());
        while !gathered.is_caught_up() {
            reader.gather(&self.broker, self.broker.head(), 1, &mut gathered);
            found.extend(gathered.items().iter().map(|item| match item {
                Item::Message(it) => {
                    (it.offset(), String::from_utf8_lossy(it.content().as_bytes()).into_owned())
                }
                Item::Gap(gap) => (gap.to, "gap".to_owned()),
            }));
            reader.advance(&gathered, gathered.items().len());
        }
        found
    }

    fn after(&self, offset: u64) -> Start {
        Start::after(self.broker.position(offset))
    }

    /// Sweeps until this is what a reader from the beginning finds.
    fn sweep_until(&self, now_ms: u64, expected: &[(u64, String)]) {
        let started = Instant::now();
        while self.read("a", Start::Earliest(may_look_back())) != expected {
            (self.sweep)(now_ms);
            assert!(
                started.elapsed() < PATIENCE,
                "{:?}",
                self.read("a", Start::Earliest(may_look_back()))
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn text(text: &str) -> Draft {
    Draft::new(Content::Text(text.into()))
}

fn numbered(offsets: impl IntoIterator<Item = u64>) -> Vec<(u64, String)> {
    offsets.into_iter().map(|offset| (offset, offset.to_string())).collect()
}

fn positions_rise(subject: &Subject) {
    for n in 1..=20 {
        let channel = ["a", "b.x", "b.y"][usize::try_from(n % 3).unwrap()];
        assert_eq!(subject.publish(channel, text(&n.to_string()), 0), Ok(n));
    }
    assert_eq!(subject.read(">", Start::Earliest(may_look_back())), numbered(1..=20));
    assert_eq!(subject.read("b.*", subject.after(9)), numbered([10, 11, 13, 14, 16, 17, 19, 20]));
    assert_eq!(subject.read("a", Start::Now), []);
}

fn messages_come_back(subject: &Subject) {
    let drafts = [
        Draft { event: "said".parse().ok(), key: "k".parse().ok(), ..text("\u{e9}") },
        Draft::new(Content::Json(r#"{"a": [1]}"#.into())),
        Draft::new(Content::Binary([0, 255].into())),
        Draft::new(Content::Text("".into())),
        Draft::new(Content::Nothing),
    ];
    for (at, draft) in drafts.iter().enumerate() {
        subject.publish("a", draft.clone(), 1_000 + u64::try_from(at).unwrap()).unwrap();
    }
    let mut reader = Reader::default();
    reader.follow(&subject.broker, &[may_read("a")], Start::Earliest(may_look_back()));
    let mut gathered = Gathered::default();
    reader.gather(&subject.broker, subject.broker.head(), 1 << 20, &mut gathered);
    let found: Vec<_> = gathered.messages().collect();
    assert_eq!(found.len(), drafts.len());
    for ((at, draft), message) in drafts.iter().enumerate().zip(found) {
        assert_eq!(message.content(), &draft.content);
        assert_eq!(message.event(), draft.event.as_ref().map(|label| label.as_str()));
        assert_eq!(message.key(), draft.key.as_ref().map(|label| label.as_str()));
        assert_eq!(message.time_ms(), 1_000 + u64::try_from(at).unwrap());
    }
}

fn repeats(subject: &Subject) {
    let named = |text_of: &str| Draft { id: "one".parse().ok(), ..text(text_of) };
    assert_eq!(subject.publish("a", named("1"), 0), Ok(1));
    assert_eq!(subject.publish("b", named("2"), 0), Ok(2));
    assert_eq!(subject.publish("a", named("1"), 10), Ok(1));
    assert_eq!(subject.publish("a", named("3"), 10), Err(AppendError::Draft(DraftError::IdTaken)));
    assert_eq!(subject.read(">", Start::Earliest(may_look_back())), numbered([1, 2]));
    assert_eq!(subject.publish("a", named("3"), 120_000), Ok(3));
}

fn options(subject: &Subject) {
    let refused = subject.publish("a", text("eleven bytes"), 0);
    assert_eq!(refused, Err(AppendError::Draft(DraftError::TooLarge { bytes: 12, bytes_max: 10 })));
    let permit = Grant::open().of_connection().permit(&"a".parse().unwrap()).unwrap();
    let refused = wait(subject.engine.publish(permit, text("x"), 0));
    assert_eq!(refused, Err(AppendError::NotAllowed { allowed: Publishers::Requests }));
    assert_eq!(subject.publish("a", text("1"), 0), Ok(1));
}

fn retention(subject: &Subject) {
    for n in 1..=10 {
        subject.publish("a", text(&n.to_string()), 0).unwrap();
    }
    subject.sweep_until(0, &numbered(8..=10));
    let expected = [vec![(7, "gap".to_owned())], numbered(8..=10)].concat();
    assert_eq!(subject.read("a", subject.after(2)), expected);
    assert_eq!(subject.read("a", subject.after(7)), numbered(8..=10));
}

fn age(subject: &Subject) {
    for n in 1..=4 {
        subject.publish("a", text(&n.to_string()), n * 400).unwrap();
    }
    subject.sweep_until(1_850, &numbered(3..=4));
    assert_eq!(subject.read("a", subject.after(0))[0], (2, "gap".to_owned()));
}

fn forgetting(subject: &Subject) {
    for n in 1..=5 {
        subject.publish(&format!("b.{n}"), text(&n.to_string()), 0).unwrap();
    }
    subject.publish("a", text("6"), 1_500).unwrap();
    let is_done = || {
        (1..=5)
            .all(|n| subject.read(&format!("b.{n}"), Start::Earliest(may_look_back())).is_empty())
    };
    let started = Instant::now();
    while !is_done() || started.elapsed() < Duration::from_millis(100) {
        (subject.sweep)(2_000);
        assert!(
            started.elapsed() < PATIENCE,
            "{:?}",
            subject.read("b.*", Start::Earliest(may_look_back()))
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(subject.publish("b.1", text("7"), 2_000), Ok(7));
    for pattern in ["b.1", "b.3", "b.*"] {
        assert_eq!(subject.read(pattern, subject.after(0))[0].1, "gap", "{pattern}");
    }
    assert_eq!(subject.read("b.1", subject.after(5)), numbered([7]));
    assert_eq!(subject.read("b.*", subject.after(5)), numbered([7]));
    assert_eq!(subject.read("a", subject.after(0)), numbered([6]));
}

fn compaction(subject: &Subject) {
    for (at, key) in ["x", "y", "x", "x", "y"].iter().enumerate() {
        subject.put(key, Some(&(at + 1).to_string()), 0).unwrap();
    }
    assert_eq!(subject.read("a", Start::Earliest(may_look_back())), numbered([4, 5]));
    subject.put("x", None, 0).unwrap();
    assert_eq!(subject.read("a", Start::Earliest(may_look_back())), numbered([5]));
    assert_eq!(subject.read("a", subject.after(4)), [(5, "5".into()), (6, String::new())]);
    assert_eq!(subject.publish("a", text("x"), 0), Err(AppendError::Draft(DraftError::KeyMissing)));
}

fn bounds(subject: &Subject) {
    for key in ["x", "y", "z"] {
        subject.put(key, Some("1"), 0).unwrap();
    }
    let refused = subject.put("w", Some("1"), 0);
    assert_eq!(refused, Err(AppendError::Quota(QuotaError::TooManyKeys { keys_max: 3 })));
    assert_eq!(subject.put("x", Some("2"), 0), Ok(4));
    assert_eq!(subject.put("x", None, 0), Ok(5));
    assert_eq!(subject.put("w", Some("1"), 0), Ok(6));
}

fn expiry(subject: &Subject) {
    subject.put("x", Some("1"), 0).unwrap();
    subject.put("y", Some("2"), 800).unwrap();
    subject.sweep_until(1_100, &numbered([2]));
    // A reader that has the value is informed of its removal.
    assert_eq!(subject.read("a", subject.after(2)), [(3, String::new())]);
}

const PATIENCE: Duration = Duration::from_secs(20);

/// The permit to follow a channel or pattern.
fn may_read(pattern: &str) -> SubscribePermit {
    Grant::open().permit_subscribe(&pattern.parse().unwrap()).unwrap()
}

/// The permit to read what was published before.
fn may_look_back() -> HistoryPermit {
    Grant::open().permit_history().unwrap()
}
