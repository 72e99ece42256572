//! An archive of one channel, `cold`, that answers only once the test opens it.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Poll,
};
use tidewire_broker::{
    Archive, ArchiveRead, Broker, ChannelName, Content, Draft, Entry, Limits, LossKind, Message,
    PendingRead, ReadContext,
};

/// Three messages of `cold`, published at the times 1, 2 and 3.
#[derive(Debug, Default)]
pub struct HeldBack {
    is_open: AtomicBool,
    waiting: Mutex<Vec<PendingRead>>,
    asked: AtomicUsize,
}

impl HeldBack {
    /// A broker of epoch `epoch` before such an archive.
    pub fn broker(epoch: u64) -> (Arc<Self>, Broker) {
        let archive = Arc::new(Self::default());
        let broker = Broker::with_archive(epoch, 3, Limits::default(), archive.clone());
        broker.restore(&"cold".parse().unwrap(), 3, 0, LossKind::Messages);
        (archive, broker)
    }

    /// Answers from here on, and wakes the readers that wait.
    pub fn open(&self) {
        self.is_open.store(true, Ordering::SeqCst);
        self.waiting.lock().unwrap().clear();
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// How many wait and are still there.
    pub fn waiting(&self) -> usize {
        self.waiting.lock().unwrap().iter().filter(|waiting| !waiting.is_gone()).count()
    }

    fn answer<T>(&self, context: ReadContext<'_>, answer: impl FnOnce() -> T) -> Poll<T> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if !self.is_open.load(Ordering::SeqCst)
            && let Some(waiting) = context.wait()
        {
            self.waiting.lock().unwrap().push(waiting);
            return Poll::Pending;
        }
        Poll::Ready(answer())
    }
}

impl Archive for HeldBack {
    fn read(
        &self,
        channel: &ChannelName,
        after: u64,
        upto: u64,
        _: usize,
        context: ReadContext<'_>,
    ) -> Poll<ArchiveRead> {
        let message = |offset| {
            let draft = Draft::new(Content::Text(format!("old {offset}").into()));
            let entry = Entry { channel: channel.clone(), offset, time_ms: offset, draft };
            Arc::new(Message::unheld(entry))
        };
        let messages = || (after + 1..=upto.min(3)).map(message).collect();
        self.answer(context, || ArchiveRead { messages: messages(), ..ArchiveRead::default() })
    }

    fn first_since(
        &self,
        _: &ChannelName,
        time_ms: u64,
        context: ReadContext<'_>,
    ) -> Poll<Option<u64>> {
        self.answer(context, || Some(time_ms.max(1)).filter(|first| *first <= 3))
    }

    fn back(
        &self,
        _: &ChannelName,
        before: u64,
        count: usize,
        context: ReadContext<'_>,
    ) -> Poll<Vec<(u64, usize)>> {
        self.answer(context, || (1..before.min(4)).rev().map(|at| (at, 5)).take(count).collect())
    }
}
