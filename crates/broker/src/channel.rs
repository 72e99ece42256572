//! A channel: its ring behind a short lock, the state that is checked before a message is appended, and the lanes to
//! notify of news.

use crate::{
    Archive, Asker, ChannelName, DedupWindow, Message, Options,
    broker::Shared,
    keys::Keys,
    read_ahead::{ArchiveRun, ReadAhead},
    ring::{LossWatermark, LossWatermarks, Ring},
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
    append_state: Mutex<AppendState>,
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
pub(crate) struct AppendState {
    pub(crate) keys: Option<Box<Keys>>,
    pub(crate) dedup_window: Option<Box<DedupWindow>>,
}

/// What a read of one channel found.
pub(crate) struct Run {
    /// The offset of the next message that was not read.
    pub(crate) next: Option<u64>,
    /// What the channel had lost by the time of reading.
    pub(crate) losses: LossWatermarks,
    /// What this reading could not read, though another may.
    pub(crate) unread: LossWatermarks,
    /// Bytes left of the reader's budget; zero or less ends the batch.
    pub(crate) budget: isize,
    /// The archive has to fetch what is at or after `next`.
    pub(crate) waits: bool,
}

impl Channel {
    pub(crate) fn new(name: ChannelName, options: Options, ring: Ring, last: u64) -> Self {
        Self {
            name,
            options,
            ring: Mutex::new(ring),
            append_state: Mutex::default(),
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

    /// Its address in memory, which identifies it while it lives.
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
        let append_state = self.append_state.get_mut().unwrap_or_else(PoisonError::into_inner);
        ring.is_empty()
            && !ring.ranked
            && append_state.dedup_window.as_ref().is_none_or(|ids| ids.is_empty())
    }

    /// The ring. A panic elsewhere cannot have left it half changed, so poison is ignored.
    pub(crate) fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, which is used only under the sequencer's lock, or by a sweep.
    pub(crate) fn append_state(&self) -> MutexGuard<'_, AppendState> {
        self.append_state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The offset of the first message after `after`, what is lost by then, and whether the answer is the archive's.
    ///
    /// About `bytes_max` bytes from there on are likely to be read next. The offset of a message that cannot be read is
    /// not certain: then the result is one that is not greater, and a read from there reports the loss.
    pub(crate) fn next_after(
        self: &Arc<Self>,
        shared: &Shared,
        after: u64,
        bytes_max: usize,
        asker: Asker<'_>,
        read_ahead: &mut ReadAhead<Self>,
    ) -> Poll<(Option<u64>, LossWatermarks, bool)> {
        let bytes_max = read_ahead.bytes_max(bytes_max, asker);
        let (mut covered, mut ring) = (after, self.ring());
        while let Some(archive) = shared.archive.as_ref().filter(|_| covered < ring.memory_floor())
        {
            let memory_floor = ring.memory_floor();
            drop(ring);
            let range = (covered, memory_floor);
            let run =
                self.read_archive(&**archive, range, memory_floor, bytes_max, asker, read_ahead);
            let run = ready!(run);
            let beyond = Some(run.upto() + 1).filter(|next| *next <= memory_floor);
            let first = if run.lost() > 0 { Some(covered + 1) } else { run.first().or(beyond) };
            // Asked last: what is missing there was announced here before.
            ring = self.ring();
            if first.is_some() {
                return Poll::Ready((first, ring.losses(), true));
            }
            covered = memory_floor;
        }
        Poll::Ready((ring.next_after(covered), ring.losses(), false))
    }

    /// A place before its oldest message, of `since_ms` or later, if it has one.
    pub(crate) fn place_of(
        &self,
        shared: &Shared,
        since_ms: Option<u64>,
        asker: Asker<'_>,
    ) -> Poll<Option<u64>> {
        let ring = self.ring();
        let archive =
            shared.archive.as_ref().filter(|_| ring.memory_floor() > ring.archive_floor());
        Poll::Ready(match (archive, since_ms) {
            // The archive need not be asked: its oldest is somewhere behind.
            (Some(_), None) => Some(ring.archive_floor()),
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
        let (memory_floor, archive_floor) = (ring.memory_floor(), ring.archive_floor());
        drop(ring);
        let left = count - found.len();
        let archive = shared.archive.as_ref().filter(|_| memory_floor > archive_floor && left > 0);
        if let Some(archive) = archive {
            if asker.has_asked_enough() {
                return Poll::Pending;
            }
            let older = before.min(memory_floor.saturating_add(1));
            let read = ready!(archive.back(&self.name, older, left, asker));
            found.extend(read.into_iter().take(left));
        }
        Poll::Ready(found)
    }

    /// Hands `found` the messages in `after + 1 ..= upto`, until `budget` bytes are spent or the archive
    /// has to fetch what comes next.
    ///
    /// What the archive says beyond `upto` is kept until the gather ends.
    pub(crate) fn read(
        self: &Arc<Self>,
        shared: &Shared,
        (after, upto): (u64, u64),
        mut budget: isize,
        asker: Asker<'_>,
        read_ahead: &mut ReadAhead<Self>,
        mut found: impl FnMut(&Arc<Message>),
    ) -> Run {
        let (mut covered, mut unread) = (after, LossWatermarks::default());
        let mut ring = self.ring();
        // What leaves the memory meanwhile is in the archive: look how far it reaches each time.
        while let Some(archive) =
            shared.archive.as_ref().filter(|_| covered < ring.memory_floor().min(upto))
        {
            let memory_floor = ring.memory_floor();
            drop(ring);
            let bytes_max = read_ahead.bytes_max(usize::try_from(budget).unwrap_or(1), asker);
            let range = (covered, memory_floor.min(upto));
            let run =
                self.read_archive(&**archive, range, memory_floor, bytes_max, asker, read_ahead);
            // Asked last: what is missing there was announced here before.
            ring = self.ring();
            let Poll::Ready(run) = run else {
                let (next, losses) = (Some(covered + 1), ring.losses());
                return Run { next, losses, unread, budget, waits: true };
            };
            run.take(upto, |message| {
                budget = budget.saturating_sub_unsigned(message.wire_bytes());
                found(message);
                budget > 0
            });
            if run.lost() > 0 {
                unread = LossWatermarks::of_messages(LossWatermark {
                    offset: run.lost(),
                    stamp: shared.stamp(),
                });
            }
            covered = run.upto();
            let beyond = Some(covered + 1).filter(|_| covered < memory_floor.min(upto));
            if let Some(next) = run.first().or(beyond) {
                let (next, losses) = (Some(next), ring.losses());
                return Run { next, losses, unread, budget, waits: false };
            }
        }
        if covered < ring.memory_floor() {
            // It was read up to `upto`, and the archive has more after that.
            drop(ring);
            let bytes_max = usize::try_from(budget).unwrap_or(1);
            let found = self.next_after(shared, covered, bytes_max, asker, read_ahead);
            let (next, losses) = match found {
                Poll::Ready((next, losses, _)) => (next, losses),
                // It is somewhere after that; a read from there finds out where.
                Poll::Pending => (Some(covered + 1), self.ring().losses()),
            };
            return Run { next, losses, unread, budget, waits: false };
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
        Run { next, losses: ring.losses(), unread, budget, waits: false }
    }

    /// What the archive says of `after + 1 ..= upto`, and mostly more of what it has up to `memory_floor`.
    fn read_archive<'a>(
        self: &Arc<Self>,
        archive: &dyn Archive,
        (after, upto): (u64, u64),
        memory_floor: u64,
        bytes_max: usize,
        asker: Asker<'_>,
        read_ahead: &'a mut ReadAhead<Self>,
    ) -> Poll<&'a mut ArchiveRun<Self>> {
        let ask = |upto| match asker.has_asked_enough() {
            true => Poll::Pending,
            false => archive.read(&self.name, after, upto, bytes_max, asker),
        };
        read_ahead.obtain(self, after, || {
            let read = ready!(ask(memory_floor));
            if read.lost > 0 && upto < memory_floor {
                // A loss beyond the range concerns only readers that read there.
                return ask(upto).map(|read| (read, upto));
            }
            Poll::Ready((read, memory_floor))
        })
    }
}
