//! A subscription from some time ago begins at one place, however long an archive takes to find it.
#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::{Server, TIDEWIRE, texts};
use std::{
    sync::{Arc, Mutex},
    task::Poll,
};
use tidewire_broker::{Archive, ArchiveRead, Broker, ChannelName, Limits, LossKind, ReadContext};

/// Knows what it has been asked before, and has the asker of anything else wait a moment.
#[derive(Debug, Default)]
struct Slow(Mutex<Vec<u64>>);

impl Archive for Slow {
    fn first_since(
        &self,
        _: &ChannelName,
        time_ms: u64,
        context: ReadContext<'_>,
    ) -> Poll<Option<u64>> {
        let mut asked = self.0.lock().unwrap();
        if asked.contains(&time_ms) {
            return Poll::Ready(Some(1));
        }
        asked.push(time_ms);
        drop(context.wait());
        Poll::Pending
    }

    fn read(
        &self,
        _: &ChannelName,
        _: u64,
        _: u64,
        _: usize,
        _: ReadContext<'_>,
    ) -> Poll<ArchiveRead> {
        Poll::Ready(ArchiveRead::default())
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
fn a_time_ago_is_counted_from_when_it_was_asked() {
    let archive = Arc::new(Slow::default());
    let broker = Broker::with_archive(36, 3, Limits::default(), archive.clone());
    broker.restore(&"cold".parse().unwrap(), 3, 0, LossKind::Messages);
    let mut server = Server::over(broker);
    server.time.wall_ms = 1_000_000;
    let mut connection = server.open(TIDEWIRE, &[]);
    server.output(&mut connection);
    server.ask(&mut connection, r#"{"type":"subscribe","id":1,"channel":"cold","since":"1m"}"#);
    let mut received = Vec::new();
    for _ in 0..4 {
        received.extend(texts(&server.output(&mut connection)));
        server.time.wall_ms += 1;
        server.wait(&mut connection, 1);
    }
    assert!(received.concat().contains(r#""type":"subscribed""#), "{received:?}");
    assert_eq!(*archive.0.lock().unwrap(), [940_000]);
}
