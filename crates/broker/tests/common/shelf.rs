//! An archive in memory, and the engine that fills it and drops what is old: in the order that the
//! archive's port asks for.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

#[cfg(shuttle)]
use shuttle::sync::Mutex;
#[cfg(not(shuttle))]
use std::sync::Mutex;
use std::{collections::BTreeMap, ops::Bound, sync::Arc, task::Poll};
use tidewire_broker::{
    Archive, Asker, Broker, ChannelName, Cold, Content, Draft, Entry, Loss, Message,
};

#[derive(Debug, Default)]
pub struct Shelf {
    /// By channel and offset.
    entries: Mutex<BTreeMap<(String, u64), Entry>>,
    ends: Mutex<BTreeMap<String, Ends>>,
}

/// What a store notes of a channel, for the next start.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    last: u64,
    taken: u64,
}

impl Shelf {
    pub fn publish(&self, broker: &Broker, channel: &str, offset: u64) {
        let draft = Draft::new(Content::Text("x".into()));
        let entry = Entry { channel: channel.parse().unwrap(), offset, time_ms: 0, draft };
        self.entries.lock().unwrap().insert((channel.into(), offset), entry.clone());
        self.ends.lock().unwrap().entry(channel.into()).or_default().last = offset;
        broker.ingest(entry, None).unwrap();
    }

    /// Retention: announced first, then gone.
    pub fn drop_upto(&self, broker: &Broker, channel: &str, upto: u64) {
        broker.lose(&channel.parse().unwrap(), upto, Loss::Messages);
        let mut ends = self.ends.lock().unwrap();
        let Ends { taken, .. } = ends.entry(channel.into()).or_default();
        *taken = upto.max(*taken);
        drop(ends);
        self.entries.lock().unwrap().retain(|(of, offset), _| of != channel || *offset > upto);
    }

    /// What was announced goes.
    pub fn remove(&self, channel: &str, offset: u64) {
        self.entries.lock().unwrap().remove(&(channel.into(), offset));
    }

    /// Tells a broker that starts anew what there is.
    pub fn restore(&self, broker: &Broker) {
        for (channel, Ends { last, taken }) in &*self.ends.lock().unwrap() {
            broker.restore(&channel.parse().unwrap(), *last, *taken, Loss::Messages);
        }
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
    fn read(
        &self,
        channel: &ChannelName,
        after: u64,
        upto: u64,
        bytes_max: usize,
        _: Asker<'_>,
    ) -> Poll<Cold> {
        let mut entries = self.select(channel.as_str(), after, upto);
        let rest = entries.split_off(entries.len().min(1 + bytes_max / 100));
        let next = rest.first().map(|entry| entry.offset);
        let messages = entries.into_iter().map(Message::unheld).map(Arc::new).collect();
        Poll::Ready(Cold { messages, next, ..Cold::default() })
    }

    fn first_since(&self, channel: &ChannelName, time_ms: u64, _: Asker<'_>) -> Poll<Option<u64>> {
        let entries = self.select(channel.as_str(), 0, u64::MAX);
        let first = entries.iter().find(|entry| entry.time_ms >= time_ms);
        Poll::Ready(first.map(|entry| entry.offset))
    }

    fn back(
        &self,
        channel: &ChannelName,
        before: u64,
        count: usize,
        _: Asker<'_>,
    ) -> Poll<Vec<(u64, usize)>> {
        let entries = self.select(channel.as_str(), 0, before.saturating_sub(1));
        let found = entries.iter().rev().take(count);
        Poll::Ready(found.map(|entry| (entry.offset, entry.draft.bytes())).collect())
    }
}
