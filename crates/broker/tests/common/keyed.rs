//! What the tests of compacted channels share: keyed publishes, and a client that keeps a state.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

use std::collections::BTreeMap;
use tidewire_broker::{
    AppendError, Broker, Compaction, Content, Draft, Gathered, Grant, Item, Limits, Options,
    Reader, Rules,
};

pub fn compacted(compaction: Compaction, change: impl FnOnce(&mut Options)) -> Broker {
    let mut options = Options { compaction: Some(compaction), ..Options::default() };
    change(&mut options);
    Broker::new(7, Limits { rules: Rules::all(options), ..Limits::default() })
}

/// Publishes a value, or with none a tombstone.
pub fn put(
    broker: &Broker,
    channel: &str,
    key: &str,
    value: Option<&str>,
    now_ms: u64,
) -> Result<u64, AppendError> {
    let permit = Grant::open().permit(&channel.parse().unwrap()).unwrap();
    let content = value.map_or(Content::Nothing, |text| Content::Text(text.into()));
    let draft = Draft { key: Some(key.parse().unwrap()), ..Draft::new(content) };
    broker.append(permit, draft, now_ms).map(|position| position.offset)
}

/// What a client that applies every message it is handed knows in the end.
#[derive(Debug, Default)]
pub struct Mirror {
    pub state: BTreeMap<String, String>,
    pub messages: usize,
    pub tombstones: usize,
    pub gaps: usize,
    pub last: u64,
}

impl Mirror {
    pub fn take(&mut self, item: &Item) {
        let Item::Message(message) = item else {
            self.gaps += 1;
            return;
        };
        assert!(message.offset() > self.last, "out of order");
        self.last = message.offset();
        self.messages += 1;
        let key = message.key().unwrap().to_owned();
        match message.content() {
            Content::Nothing => {
                self.tombstones += 1;
                self.state.remove(&key)
            }
            content => {
                let text = String::from_utf8(content.as_bytes().into()).unwrap();
                self.state.insert(key, text)
            }
        };
    }

    /// Reads on, up to the head, or only one batch of `bytes_max`.
    pub fn read(&mut self, broker: &Broker, reader: &mut Reader, bytes_max: usize, all: bool) {
        let mut gathered = Gathered::default();
        loop {
            reader.gather(broker, broker.head(), bytes_max, &mut gathered);
            gathered.items().iter().for_each(|item| self.take(item));
            reader.advance(&gathered, gathered.items().len());
            if gathered.is_caught_up() || !all {
                return;
            }
        }
    }
}
