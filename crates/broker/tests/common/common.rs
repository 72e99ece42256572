//! What the tests of the broker share: short spellings.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

use tidewire_broker::{
    Broker, Content, Draft, Gap, Gathered, Grant, HistoryPermit, Item, Limits, Pattern, Reader,
    Retention, Rules, SubscribePermit,
};

pub fn broker(messages_max: usize) -> Broker {
    let retention = Retention { messages_max, ..Retention::default() };
    Broker::new(7, Limits { rules: Rules::keeping(retention), ..Limits::default() })
}

pub fn publish(broker: &Broker, channel: &str) -> u64 {
    publish_at(broker, channel, 0)
}

pub fn publish_times(broker: &Broker, channel: &str, count: usize) {
    for _ in 0..count {
        publish(broker, channel);
    }
}

pub fn publish_at(broker: &Broker, channel: &str, now_ms: u64) -> u64 {
    let permit = Grant::open().permit(&channel.parse().unwrap()).unwrap();
    broker.append(permit, Draft::new(Content::Text("x".into())), now_ms).unwrap().offset
}

/// The permit to follow a channel or pattern.
pub fn may_read(pattern: &str) -> SubscribePermit {
    Grant::open().permit_subscribe(&pattern.parse().unwrap()).unwrap()
}

/// The permit to read what was published before.
pub fn may_look_back() -> HistoryPermit {
    Grant::open().permit_history().unwrap()
}

pub fn may_read_all(patterns: &[Pattern]) -> Vec<SubscribePermit> {
    patterns.iter().map(|pattern| may_read(pattern.as_str())).collect()
}

#[derive(Debug, PartialEq, Eq, Clone)]
pub enum Seen {
    Message(u64),
    Gap(String, u64, u64),
}

/// Everything the reader is owed up to the head, in batches of `bytes_max`.
pub fn drain(broker: &Broker, reader: &mut Reader, bytes_max: usize) -> Vec<Seen> {
    let mut gathered = Gathered::default();
    let mut seen = Vec::new();
    loop {
        reader.gather(broker, broker.head(), bytes_max, &mut gathered);
        seen.extend(gathered.items().iter().map(see));
        reader.advance(&gathered, gathered.items().len());
        if gathered.is_caught_up() {
            return seen;
        }
    }
}

pub fn see(item: &Item) -> Seen {
    match item {
        Item::Message(message) => Seen::Message(message.offset()),
        Item::Gap(Gap { pattern, from, to }) => Seen::Gap(pattern.to_string(), *from, *to),
    }
}

pub fn messages(offsets: impl IntoIterator<Item = u64>) -> Vec<Seen> {
    offsets.into_iter().map(Seen::Message).collect()
}
