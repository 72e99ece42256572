//! An archive has answered, and there is news: the turn that writes what another connection wrote answers too.
#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::{Server, TIDEWIRE, texts};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, Waker},
};
use tidewire_broker::{
    Archive, ArchiveRead, Broker, ChannelName, Content, Draft, Entry, LossKind, Message,
    PendingRead, ReadContext,
};
use tidewire_connection::Connection;

/// One message, and the readers that wait for it.
#[derive(Debug, Default)]
struct Slow {
    has_fetched: AtomicBool,
    waiting: Mutex<Vec<PendingRead>>,
}

impl Archive for Slow {
    fn read(
        &self,
        channel: &ChannelName,
        _: u64,
        _: u64,
        _: usize,
        context: ReadContext<'_>,
    ) -> Poll<ArchiveRead> {
        if !self.has_fetched.load(Ordering::SeqCst) {
            self.waiting.lock().unwrap().extend(context.wait());
            return Poll::Pending;
        }
        let draft = Draft::new(Content::Text("old".into()));
        let entry = Entry { channel: channel.clone(), offset: 1, time_ms: 1, draft };
        let messages = vec![Arc::new(Message::unheld(entry))].into();
        Poll::Ready(ArchiveRead { messages, ..ArchiveRead::default() })
    }

    fn first_since(&self, _: &ChannelName, _: u64, _: ReadContext<'_>) -> Poll<Option<u64>> {
        Poll::Ready(Some(1))
    }

    fn back(
        &self,
        _: &ChannelName,
        _: u64,
        _: usize,
        _: ReadContext<'_>,
    ) -> Poll<Vec<(u64, usize)>> {
        Poll::Ready(vec![(1, 3)])
    }
}

/// What a connection writes in one turn, as a server gives it.
fn turn(server: &mut Server, connection: &mut Connection) -> Vec<String> {
    let Server { worker, time, .. } = server;
    let mut output = Vec::new();
    connection.handle_time(worker, *time);
    while connection.poll_transmit(worker, *time, Waker::noop()) {
        output.extend_from_slice(worker.batch.contiguous().unwrap());
        connection.handle_transmitted(worker.batch.len(), worker, *time);
        if !connection.may_transmit(worker) {
            break;
        }
    }
    texts(&output)
}

#[test]
fn a_request_that_waits_is_answered_though_a_batch_is_shared() {
    let archive = Arc::new(Slow::default());
    let same = Arc::clone(&archive);
    let broker = Broker::with_archive(36, 1, Default::default(), same);
    broker.restore(&"cold".parse().unwrap(), 1, 0, LossKind::Messages);
    let mut server = Server::over(broker);
    let [mut first, mut second] = [(); 2].map(|()| server.open(TIDEWIRE, &[("a", "now")]));
    server.output(&mut first);
    server.output(&mut second);
    server.ask(&mut second, r#"{"type":"history","id":7,"channel":"cold"}"#);
    assert_eq!(turn(&mut server, &mut second), [""; 0], "the archive is slow");
    archive.has_fetched.store(true, Ordering::SeqCst);
    archive.waiting.lock().unwrap().clear();
    server.text("a", "new");
    server.worker.lane.fire_timers(0);
    let news = turn(&mut server, &mut first);
    let received = turn(&mut server, &mut second);
    assert!(
        received.iter().any(|text| text.starts_with(r#"{"type":"history","id":7"#)),
        "{received:?}"
    );
    assert!(received.ends_with(&news), "{received:?}");
}
