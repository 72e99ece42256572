//! What a worker answers about its connections, a bounded number of them at a time.
//!
//! It is a task of its own, which runs between the rounds of the loop: then no connection has a turn. A list of ten thousand
//! connections takes tens of turns, each shorter than a round.

use super::{Entry, WorkerLoop};
use crate::{
    inquiries::{ConnectionId, Inquiry, List, ListKey, Listed, Passage, Reach, Wanted},
    socket::Socket,
    temporary::spread,
};
use std::collections::BinaryHeap;
use tidewire_broker::Pattern;
use tidewire_connection::{Ending, Worker};
use tokio::task::yield_now;

impl<S: Socket> WorkerLoop<S> {
    /// Answers inquiries, one after the other, for as long as it is polled.
    pub(crate) async fn run_inquiries(&self) {
        let Some(mut inquiries) = self.worker_context.inquiries.inquiries.take() else { return };
        // The request that asks may have been given up, so nobody may be there for an answer.
        while let Some(inquiry) = inquiries.recv().await {
            match inquiry {
                Inquiry::List(wanted, answer) => {
                    let _ = answer.send(self.list(&wanted).await);
                }
                Inquiry::Reach(passage, answer) => {
                    let _ = answer.send(self.reach(&passage).await);
                }
                Inquiry::Disconnect(id, answer) => {
                    let _ = answer.send(self.disconnect(id));
                }
            }
        }
    }

    /// The first of its connections that are wanted.
    pub(super) async fn list(&self, wanted: &Wanted) -> List {
        // The last one on top, which makes room for one before it.
        let mut first: BinaryHeap<ListKey> = BinaryHeap::new();
        let mut list = List::default();
        self.visit(|at, entry, worker| {
            if !entry.is_wanted(wanted) {
                return;
            }
            list.total += 1;
            let offset = entry.driver.connection().reached(worker);
            let key = ListKey { offset, id: self.id(at, entry) };
            if wanted.after.is_some_and(|after| key <= after) {
                return;
            }
            list.left += 1;
            first.push(key);
            if first.len() > wanted.limit {
                first.pop();
            }
        })
        .await;
        let keys = first.into_sorted_vec();
        for some in keys.chunks(DESCRIBED_MAX) {
            list.connections.extend(self.describe(some));
            yield_now().await;
        }
        list
    }

    pub(super) async fn reach(&self, passage: &Passage) -> Reach {
        let mut reach = Reach::default();
        self.visit(|_, entry, worker| {
            let connection = entry.driver.connection();
            if connection.patterns().any(|pattern| pattern.matches(&passage.channel)) {
                match connection.reached(worker) >= passage.offset {
                    true => reach.passed += 1,
                    false => reach.behind += 1,
                }
            }
        })
        .await;
        reach
    }

    pub(super) fn disconnect(&self, id: ConnectionId) -> Option<u64> {
        let at = usize::try_from(id.waiter).ok()?;
        let mut entries = self.entries.borrow_mut();
        let entry = entries.get_mut(at)?.as_deref_mut()?;
        if self.id(at, entry) != id {
            return None;
        }
        let (worker, time) = (self.worker_context.worker.borrow(), self.worker_context.clock.now());
        let retry_ms = spread(worker.limits.retry_ms);
        let ending = |position| Ending::Disconnected { position: Some(position) };
        let offset = entry.driver.disconnect(ending, retry_ms, &worker, time)?;
        // It has something to say.
        entry.waker.wake_by_ref();
        Some(offset)
    }

    /// What a list shows of these connections. One may have ended meanwhile.
    fn describe(&self, keys: &[ListKey]) -> Vec<Listed> {
        let entries = self.entries.borrow();
        let describe = |key: &ListKey| {
            let at = usize::try_from(key.id.waiter).ok()?;
            let entry = entries.get(at)?.as_deref()?;
            (self.id(at, entry) == key.id).then(|| entry.describe(*key))
        };
        keys.iter().filter_map(describe).collect()
    }

    /// Has `look` look at every connection. One that opens meanwhile may be left out.
    async fn visit(&self, mut look: impl FnMut(usize, &Entry<S>, &Worker)) {
        let mut from = 0;
        while let Some(end) = self.visit_some(from, &mut look) {
            from = end;
            yield_now().await;
        }
    }

    /// Has `look` look at some of them, and says where to go on.
    fn visit_some(
        &self,
        from: usize,
        look: &mut impl FnMut(usize, &Entry<S>, &Worker),
    ) -> Option<usize> {
        let entries = self.entries.borrow();
        let worker = self.worker_context.worker.borrow();
        let end = entries.len().min(from + VISITED_MAX);
        for (at, place) in (from..end).zip(entries.get(from..end).unwrap_or_default()) {
            // One that is ending is connected no more.
            if let Some(entry) = place
                && entry.driver.connection().is_open()
            {
                look(at, entry, &worker);
            }
        }
        (end < entries.len()).then_some(end)
    }

    fn id(&self, at: usize, entry: &Entry<S>) -> ConnectionId {
        let waiter = u32::try_from(at).unwrap_or(u32::MAX);
        let worker = self.worker_context.inquiries.number;
        ConnectionId { worker, waiter, serial: entry.driver.serial() }
    }
}

impl<S: Socket> Entry<S> {
    fn is_wanted(&self, wanted: &Wanted) -> bool {
        let Wanted { user, channel, transport, .. } = wanted;
        let (own, _) = self.driver.kind().labels();
        let is_of_user = |user: &String| self.driver.user().is_some_and(|it| **it == **user);
        transport.as_ref().is_none_or(|transport| transport == own)
            && user.as_ref().is_none_or(is_of_user)
            && channel.as_ref().is_none_or(|channel| self.follows(channel))
    }

    fn follows(&self, wanted: &Pattern) -> bool {
        let mut patterns = self.driver.connection().patterns();
        match wanted.as_channel() {
            Some(channel) => patterns.any(|pattern| pattern.matches(&channel)),
            None => patterns.any(|pattern| pattern == wanted),
        }
    }

    fn describe(&self, key: ListKey) -> Listed {
        let (transport, dialect) = self.driver.kind().labels();
        let patterns = || self.driver.connection().patterns();
        Listed {
            key,
            transport,
            dialect,
            address: self.driver.address(),
            user: self.driver.user().cloned(),
            channels: patterns().take(CHANNELS_SHOWN).map(|it| it.as_str().to_owned()).collect(),
            channel_count: patterns().count(),
            opened_s: self.opened_s,
        }
    }
}

/// Connections that are looked at without a pause: some hundred nanoseconds each.
const VISITED_MAX: usize = 256;

/// Connections that are described without a pause: some microseconds each, of which most are for the address.
const DESCRIBED_MAX: usize = 64;

/// Of the channels of one connection.
const CHANNELS_SHOWN: usize = 10;
