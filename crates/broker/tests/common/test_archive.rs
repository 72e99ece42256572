//! An archive in memory, and the engine that fills it and drops what is old: in the order that the
//! archive's port asks for.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

#[cfg(shuttle)]
use shuttle::sync::Mutex;
#[cfg(not(shuttle))]
use std::sync::Mutex;
use std::{collections::BTreeMap, ops::Bound, sync::Arc, task::Poll};
use tidewire_broker::{
    Archive, ArchiveRead, Broker, ChannelName, Content, Draft, Entry, LossKind, Message,
    ReadContext, Stretch,
};

#[derive(Debug, Default)]
pub struct TestArchive {
    /// By channel and offset.
    entries: Mutex<BTreeMap<(String, u64), Entry>>,
    ends: Mutex<BTreeMap<String, Ends>>,
    /// Whose message each offset was, held or not.
    order: Mutex<BTreeMap<u64, String>>,
    looks: Mutex<Looks>,
}

/// What it was asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Looks {
    /// How often for a channel's messages,
    pub reads: usize,
    /// and for the place of one.
    pub searches: usize,
}

/// What a store notes of a channel, for the next start.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    last: u64,
    taken: u64,
}

impl TestArchive {
    pub fn publish(&self, broker: &Broker, channel: &str, offset: u64) {
        let draft = Draft::new(Content::Text("x".into()));
        let entry = Entry { channel: channel.parse().unwrap(), offset, time_ms: 0, draft };
        self.entries.lock().unwrap().insert((channel.into(), offset), entry.clone());
        self.ends.lock().unwrap().entry(channel.into()).or_default().last = offset;
        self.order.lock().unwrap().insert(offset, channel.into());
        broker.ingest(entry, None).unwrap();
    }

    /// Retention: announced first, then gone.
    pub fn drop_upto(&self, broker: &Broker, channel: &str, upto: u64) {
        broker.lose(&channel.parse().unwrap(), upto, LossKind::Messages);
        let mut ends = self.ends.lock().unwrap();
        let Ends { taken, .. } = ends.entry(channel.into()).or_default();
        *taken = upto.max(*taken);
        drop(ends);
        self.entries.lock().unwrap().retain(|(of, offset), _| of != channel || *offset > upto);
    }

    /// The newest offset that retention has taken from a channel.
    pub fn taken(&self, channel: &str) -> u64 {
        self.ends.lock().unwrap().get(channel).map_or(0, |ends| ends.taken)
    }

    /// What was announced goes.
    pub fn remove(&self, channel: &str, offset: u64) {
        self.entries.lock().unwrap().remove(&(channel.into(), offset));
    }

    /// Forgets whose message an offset was.
    pub fn forget_order(&self, offset: u64) {
        self.order.lock().unwrap().remove(&offset);
    }

    /// What it was asked since this was last called.
    pub fn take_looks(&self) -> Looks {
        std::mem::take(&mut *self.looks.lock().unwrap())
    }

    /// Names the channels to a broker that restarts.
    pub fn restore(&self, broker: &Broker) {
        for (channel, Ends { last, taken }) in &*self.ends.lock().unwrap() {
            broker.restore(&channel.parse().unwrap(), *last, *taken, LossKind::Messages);
        }
        broker.restore_order();
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

impl Archive for TestArchive {
    fn read(
        &self,
        channel: &ChannelName,
        after: u64,
        upto: u64,
        bytes_max: usize,
        _: ReadContext<'_>,
    ) -> Poll<ArchiveRead> {
        self.looks.lock().unwrap().reads += 1;
        let mut entries = self.select(channel.as_str(), after, upto);
        let rest = entries.split_off(entries.len().min(1 + bytes_max / 100));
        let next = rest.first().map(|entry| entry.offset);
        let messages = entries.into_iter().map(Message::unheld).map(Arc::new).collect();
        Poll::Ready(ArchiveRead { messages, next, ..ArchiveRead::default() })
    }

    fn first_since(
        &self,
        channel: &ChannelName,
        time_ms: u64,
        _: ReadContext<'_>,
    ) -> Poll<Option<u64>> {
        self.looks.lock().unwrap().searches += 1;
        let entries = self.select(channel.as_str(), 0, u64::MAX);
        let first = entries.iter().find(|entry| entry.time_ms >= time_ms);
        Poll::Ready(first.map(|entry| entry.offset))
    }

    fn back(
        &self,
        channel: &ChannelName,
        before: u64,
        count: usize,
        _: ReadContext<'_>,
    ) -> Poll<Vec<(u64, usize)>> {
        let entries = self.select(channel.as_str(), 0, before.saturating_sub(1));
        let found = entries.iter().rev().take(count);
        Poll::Ready(found.map(|entry| (entry.offset, entry.draft.bytes())).collect())
    }

    fn order(&self, after: u64, _: ReadContext<'_>) -> Poll<Option<Stretch>> {
        let order = self.order.lock().unwrap();
        let Some((first, _)) = order.range(after + 1..).next() else { return Poll::Ready(None) };
        let consecutive =
            order.range(first..).zip(*first..).take_while(|((is, _), at)| **is == *at);
        let channels: Vec<ChannelName> = consecutive
            .take(STRETCH_MAX)
            .map(|((_, channel), _)| channel.parse().unwrap())
            .collect();
        let entries = (1..).take(channels.len()).collect();
        Poll::Ready(Some(Stretch { first: *first, channels, entries }))
    }

    fn place_since(&self, time_ms: u64, _: ReadContext<'_>) -> Poll<Option<u64>> {
        let entries = self.entries.lock().unwrap();
        let since = entries.values().filter(|entry| entry.time_ms >= time_ms);
        Poll::Ready(since.map(|entry| entry.offset - 1).min().or(Some(u64::MAX)))
    }

    fn oldest(&self) -> Option<u64> {
        let entries = self.entries.lock().unwrap();
        entries.keys().map(|(_, offset)| *offset).min().or(Some(u64::MAX))
    }
}

/// How many offsets of the order it returns at once.
const STRETCH_MAX: usize = if cfg!(shuttle) { 2 } else { 100 };
