//! An archive in memory, and the engine that fills it and drops what is old: in the order that the
//! archive's port asks for.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

#[cfg(shuttle)]
use shuttle::sync::Mutex;
#[cfg(not(shuttle))]
use std::sync::Mutex;
use std::{collections::BTreeMap, ops::Bound};
use tidewire_broker::{Archive, Broker, ChannelName, Cold, Content, Draft, Entry};

/// By channel and offset.
#[derive(Debug, Default)]
pub struct Shelf {
    entries: Mutex<BTreeMap<(String, u64), Entry>>,
}

impl Shelf {
    pub fn publish(&self, broker: &Broker, channel: &str, offset: u64) {
        self.publish_at(broker, channel, offset, 0);
    }

    pub fn publish_at(&self, broker: &Broker, channel: &str, offset: u64, time_ms: u64) {
        let draft = Draft::new(Content::Text("x".into()));
        let entry = Entry { channel: channel.parse().unwrap(), offset, time_ms, draft };
        self.entries.lock().unwrap().insert((channel.into(), offset), entry.clone());
        broker.ingest(entry, None).unwrap();
    }

    /// Retention: announced first, then gone.
    pub fn drop_upto(&self, broker: &Broker, channel: &str, upto: u64) {
        broker.lose(&channel.parse().unwrap(), upto);
        self.entries.lock().unwrap().retain(|(of, offset), _| of != channel || *offset > upto);
    }

    /// The offsets held of `channel`.
    pub fn offsets(&self, channel: &str) -> Vec<u64> {
        self.select(channel, 0, u64::MAX).into_iter().map(|entry| entry.offset).collect()
    }

    fn select(&self, channel: &str, after: u64, upto: u64) -> Vec<Entry> {
        let entries = self.entries.lock().unwrap();
        if after >= upto {
            return Vec::new();
        }
        let bounds =
            (Bound::Excluded((channel.into(), after)), Bound::Included((channel.into(), upto)));
        entries.range(bounds).map(|(_, entry)| entry.clone()).collect()
    }
}

impl Archive for Shelf {
    fn read(&self, channel: &ChannelName, after: u64, upto: u64, bytes_max: usize) -> Cold {
        let mut entries = self.select(channel.as_str(), after, upto);
        let rest = entries.split_off(entries.len().min(1 + bytes_max / 100));
        Cold { entries, next: rest.first().map(|entry| entry.offset), lost: 0 }
    }

    fn next_after(&self, channel: &ChannelName, after: u64) -> Option<u64> {
        self.select(channel.as_str(), after, u64::MAX).first().map(|entry| entry.offset)
    }

    fn first_since(&self, channel: &ChannelName, time_ms: u64) -> Option<u64> {
        let entries = self.select(channel.as_str(), 0, u64::MAX);
        entries.iter().find(|entry| entry.time_ms >= time_ms).map(|entry| entry.offset)
    }

    fn back(&self, channel: &ChannelName, before: u64, count: usize) -> Vec<u64> {
        let entries = self.select(channel.as_str(), 0, before.saturating_sub(1));
        entries.iter().rev().take(count).map(|entry| entry.offset).collect()
    }
}
