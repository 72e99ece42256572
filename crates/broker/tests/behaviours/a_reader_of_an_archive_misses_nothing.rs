//! What is in the archive only and what is in memory too are one log to a reader.
#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::{drain, may_read, messages};
use std::{sync::Arc, task::Poll};
use tidewire_broker::{
    Archive, ArchiveRead, Broker, ChannelName, Content, Draft, Entry, Limits, Message, ReadContext,
    Reader, Start,
};

/// A list of everything.
#[derive(Debug)]
struct Everything(Vec<Entry>);

impl Everything {
    fn of(&self, channel: &ChannelName, after: u64) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(move |entry| entry.channel == *channel && entry.offset > after)
    }
}

impl Archive for Everything {
    fn read(
        &self,
        channel: &ChannelName,
        after: u64,
        upto: u64,
        _: usize,
        _: ReadContext<'_>,
    ) -> Poll<ArchiveRead> {
        let found = self.of(channel, after).filter(|entry| entry.offset <= upto);
        let messages = found.cloned().map(Message::unheld).map(Arc::new).collect();
        Poll::Ready(ArchiveRead { messages, ..ArchiveRead::default() })
    }

    fn first_since(&self, channel: &ChannelName, _: u64, _: ReadContext<'_>) -> Poll<Option<u64>> {
        Poll::Ready(self.of(channel, 0).next().map(|entry| entry.offset))
    }

    fn back(
        &self,
        _: &ChannelName,
        _: u64,
        _: usize,
        _: ReadContext<'_>,
    ) -> Poll<Vec<(u64, usize)>> {
        Poll::Ready(Vec::new())
    }
}

#[test]
fn channels_that_take_turns_in_the_archive_are_read_to_their_ends() {
    let names = ["a", "b", "a", "b", "a", "b"];
    let entries: Vec<Entry> = (1..).zip(names).map(|(offset, name)| entry(name, offset)).collect();
    // Room for none, some and all of the six.
    for bytes_max in [0, 400, 800, 1 << 20] {
        let limits = Limits { bytes_max, ..Limits::default() };
        let archive = Arc::new(Everything(entries.clone()));
        let broker = Broker::with_archive(7, 0, limits, archive);
        entries.iter().for_each(|entry| broker.ingest(entry.clone(), None).unwrap());
        for after in 0..=6 {
            let mut reader = Reader::default();
            let permits = ["a", "b"].map(may_read);
            reader.follow(&broker, &permits, Start::after(broker.position(after)));
            assert_eq!(
                drain(&broker, &mut reader, 1 << 20),
                messages(after + 1..=6),
                "{bytes_max}"
            );
        }
    }
}

fn entry(name: &str, offset: u64) -> Entry {
    let draft = Draft::new(Content::Text("x".into()));
    Entry { channel: name.parse().unwrap(), offset, time_ms: offset, draft }
}
