//! A channel: its ring behind a short lock, what is asked before a message is taken, and which
//! lanes to tell of news.

use crate::{
    Archive, Asker, ChannelName, Cold, Message, Options, Recent,
    broker::Shared,
    keys::Keys,
    ring::{Lost, Ring, Taken},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};
use std::{
    sync::{Arc, PoisonError},
    task::{Poll, ready},
};

/// One channel of the broker. `last` ≥ every offset its ring holds or has lost.
#[derive(Debug)]
pub(crate) struct Channel {
    name: ChannelName,
    options: Options,
    ring: Mutex<Ring>,
    book: Mutex<Book>,
    last: AtomicU64,
    /// How the offset index calls it while the registry holds it; 0 before.
    number: AtomicU32,
    /// A bit a lane that has followers of exactly this channel; set and cleared by the lanes.
    pub(crate) followed: AtomicU64,
    /// A bit a lane in whose queue this channel stands.
    pub(crate) dirty: AtomicU64,
}

/// What is asked before a message is taken, where the broker itself decides that. Boxed, as most
/// channels have neither keys nor ids.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) keys: Option<Box<Keys>>,
    pub(crate) recent: Option<Box<Recent>>,
}

/// What a read of one channel found.
pub(crate) struct Run {
    /// The offset of the next message that was not read.
    pub(crate) next: Option<u64>,
    /// What the channel had lost by the time of reading.
    pub(crate) taken: Taken,
    /// What this reading could not read, though another may.
    pub(crate) unread: Taken,
    /// Bytes left of the reader's budget; zero or less ends the batch.
    pub(crate) budget: isize,
    /// The archive has to fetch what is at `next` or behind it.
    pub(crate) waits: bool,
}

impl Channel {
    pub(crate) fn new(name: ChannelName, options: Options, ring: Ring, last: u64) -> Self {
        Self {
            name,
            options,
            ring: Mutex::new(ring),
            book: Mutex::default(),
            last: AtomicU64::new(last),
            number: AtomicU32::new(0),
            followed: AtomicU64::new(0),
            dirty: AtomicU64::new(0),
        }
    }

    pub(crate) fn name(&self) -> &ChannelName {
        &self.name
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// How the offset index calls it: by its place in the registry, from 1.
    pub(crate) fn number(&self) -> u32 {
        self.number.load(Ordering::Relaxed)
    }

    pub(crate) fn set_number(&self, number: u32) {
        self.number.store(number, Ordering::Relaxed);
    }

    /// Where in memory it is, which tells it from every other channel while it lives.
    pub(crate) fn address(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self).addr()
    }

    /// The offset of the newest message there ever was.
    pub(crate) fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    pub(crate) fn set_last(&self, offset: u64) {
        self.last.store(offset, Ordering::Release);
    }

    /// Whether nobody would miss it: nothing retained, remembered or filed for eviction.
    pub(crate) fn is_dead(&mut self) -> bool {
        let ring = self.ring.get_mut().unwrap_or_else(PoisonError::into_inner);
        let book = self.book.get_mut().unwrap_or_else(PoisonError::into_inner);
        ring.is_empty() && !ring.ranked && book.recent.as_ref().is_none_or(|ids| ids.is_empty())
    }

    /// The ring. A panic elsewhere cannot have left it half changed, so poison is ignored.
    pub(crate) fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The book, which only those who hold the sequencer's lock, or sweep, ask for.
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The offset of the first message after `after`, what is lost by then, and whether the archive has
    /// said so.
    ///
    /// About so many bytes from there on are likely to be read next. One that cannot be read has no certain
    /// offset: then it is one that is not beyond it, and reading
    /// there tells what is lost.
    pub(crate) fn next_after(
        &self,
        shared: &Shared,
        after: u64,
        bytes_max: usize,
        asker: Asker<'_>,
    ) -> Poll<(Option<u64>, Taken, bool)> {
        // Who is given nothing to keep had better read no more than the first.
        let bytes_max = if asker.is_blocking() { 1 } else { bytes_max.max(1) };
        let (mut covered, mut ring) = (after, self.ring());
        while let Some(archive) = shared.archive.as_ref().filter(|_| covered < ring.floor()) {
            let floor = ring.floor();
            drop(ring);
            let cold = ready!(self.read_cold(&**archive, covered, floor, bytes_max, asker));
            let first = cold.messages.first().map(|message| message.offset()).or(cold.next);
            let first = if cold.lost > 0 { Some(covered + 1) } else { first };
            // Asked last: what is missing there was announced here before.
            ring = self.ring();
            if first.is_some() {
                return Poll::Ready((first, ring.taken(), true));
            }
            covered = floor;
        }
        Poll::Ready((ring.next_after(covered), ring.taken(), false))
    }

    /// A place before its oldest message, of `since_ms` or later, if it has one.
    pub(crate) fn place_of(
        &self,
        shared: &Shared,
        since_ms: Option<u64>,
        asker: Asker<'_>,
    ) -> Poll<Option<u64>> {
        let ring = self.ring();
        let archive = shared.archive.as_ref().filter(|_| ring.floor() > ring.bare());
        Poll::Ready(match (archive, since_ms) {
            // The archive need not be asked: its oldest is somewhere behind.
            (Some(_), None) => Some(ring.bare()),
            (Some(_), Some(_)) if asker.has_asked_enough() => return Poll::Pending,
            (Some(archive), Some(since_ms)) => {
                drop(ring);
                ready!(archive.first_since(&self.name, since_ms, asker)).map(|first| first - 1)
            }
            (None, None) => ring.oldest().map(|first| first - 1),
            (None, Some(since_ms)) => ring.first_since(since_ms).map(|first| first - 1),
        })
    }

    /// Up to `count` messages before `before`, newest first: their offsets, and their bytes on a wire.
    pub(crate) fn back(
        &self,
        shared: &Shared,
        before: u64,
        count: usize,
        asker: Asker<'_>,
    ) -> Poll<Vec<(u64, usize)>> {
        let ring = self.ring();
        let mut found: Vec<_> = ring.back(before).take(count).collect();
        let (floor, bare) = (ring.floor(), ring.bare());
        drop(ring);
        let left = count - found.len();
        let archive = shared.archive.as_ref().filter(|_| floor > bare && left > 0);
        if let Some(archive) = archive {
            if asker.has_asked_enough() {
                return Poll::Pending;
            }
            let older = before.min(floor.saturating_add(1));
            let cold = ready!(archive.back(&self.name, older, left, asker));
            found.extend(cold.into_iter().take(left));
        }
        Poll::Ready(found)
    }

    /// Hands `found` the messages in `after + 1 ..= upto`, until `budget` bytes are spent or the archive
    /// has to fetch what comes next.
    pub(crate) fn read(
        &self,
        shared: &Shared,
        after: u64,
        upto: u64,
        mut budget: isize,
        asker: Asker<'_>,
        mut found: impl FnMut(&Arc<Message>),
    ) -> Run {
        let (mut covered, mut unread) = (after, Taken::default());
        let mut ring = self.ring();
        // What leaves the memory meanwhile is in the archive: look how far it reaches each time.
        while let Some(archive) =
            shared.archive.as_ref().filter(|_| covered < ring.floor().min(upto))
        {
            let floor = ring.floor().min(upto);
            drop(ring);
            let bytes_max = usize::try_from(budget.max(1)).unwrap_or(1);
            let cold = self.read_cold(&**archive, covered, floor, bytes_max, asker);
            // Asked last: what is missing there was announced here before.
            ring = self.ring();
            let Poll::Ready(cold) = cold else {
                let (next, taken) = (Some(covered + 1), ring.taken());
                return Run { next, taken, unread, budget, waits: true };
            };
            for message in &cold.messages {
                budget = budget.saturating_sub_unsigned(message.wire_bytes());
                found(message);
            }
            if cold.lost > 0 {
                unread = Taken::of_messages(Lost { offset: cold.lost, stamp: shared.stamp() });
            }
            if cold.next.is_some() {
                let taken = ring.taken();
                return Run { next: cold.next, taken, unread, budget, waits: false };
            }
            covered = floor;
        }
        if covered < ring.floor() {
            // It was read up to `upto`, and the archive has more behind that.
            drop(ring);
            let bytes_max = usize::try_from(budget).unwrap_or(1);
            let (next, taken) = match self.next_after(shared, covered, bytes_max, asker) {
                Poll::Ready((next, taken, _)) => (next, taken),
                // Somewhere behind; whoever reads there is told where.
                Poll::Pending => (Some(covered + 1), self.ring().taken()),
            };
            return Run { next, taken, unread, budget, waits: false };
        }
        let mut next = None;
        for message in ring.iter_after(covered) {
            if message.offset() > upto || budget <= 0 {
                next = Some(message.offset());
                break;
            }
            budget = budget.saturating_sub_unsigned(message.wire_bytes());
            found(message);
        }
        Run { next, taken: ring.taken(), unread, budget, waits: false }
    }

    fn read_cold(
        &self,
        archive: &dyn Archive,
        after: u64,
        upto: u64,
        bytes_max: usize,
        asker: Asker<'_>,
    ) -> Poll<Cold> {
        if asker.has_asked_enough() {
            return Poll::Pending;
        }
        archive.read(&self.name, after, upto, bytes_max, asker)
    }
}
