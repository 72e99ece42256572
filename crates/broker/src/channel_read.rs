//! Reading one channel: what it has in memory, and before that what the archive has.

use crate::{
    Archive, Message, ReadContext,
    broker::Shared,
    channel::Channel,
    read_ahead::{ArchiveRun, ReadAhead},
    ring::{LossWatermark, LossWatermarks},
};
use std::{
    sync::Arc,
    task::{Poll, ready},
};

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
    /// The offset of the first message after `after`, what is lost by then, and whether the answer is the archive's.
    ///
    /// About `bytes_max` bytes from there on are likely to be read next. The offset of a message that cannot be read is
    /// not certain: then the result is one that is not greater, and a read from there reports the loss.
    pub(crate) fn next_after(
        self: &Arc<Self>,
        shared: &Shared,
        after: u64,
        bytes_max: usize,
        context: ReadContext<'_>,
        read_ahead: &mut ReadAhead<Self>,
    ) -> Poll<(Option<u64>, LossWatermarks, bool)> {
        let bytes_max = read_ahead.bytes_max(bytes_max, context);
        let (mut covered, mut ring) = (after, self.ring());
        while let Some(archive) = shared.archive.as_ref().filter(|_| covered < ring.memory_floor())
        {
            let memory_floor = ring.memory_floor();
            drop(ring);
            let range = (covered, memory_floor);
            let run =
                self.read_archive(&**archive, range, memory_floor, bytes_max, context, read_ahead);
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
        context: ReadContext<'_>,
    ) -> Poll<Option<u64>> {
        let ring = self.ring();
        let archive =
            shared.archive.as_ref().filter(|_| ring.memory_floor() > ring.archive_floor());
        Poll::Ready(match (archive, since_ms) {
            // No need to ask the archive: its oldest message comes after the floor.
            (Some(_), None) => Some(ring.archive_floor()),
            (Some(_), Some(_)) if context.has_asked_enough() => return Poll::Pending,
            (Some(archive), Some(since_ms)) => {
                drop(ring);
                ready!(archive.first_since(self.name(), since_ms, context)).map(|first| first - 1)
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
        context: ReadContext<'_>,
    ) -> Poll<Vec<(u64, usize)>> {
        let ring = self.ring();
        let mut found: Vec<_> = ring.back(before).take(count).collect();
        let (memory_floor, archive_floor) = (ring.memory_floor(), ring.archive_floor());
        drop(ring);
        let left = count - found.len();
        let archive = shared.archive.as_ref().filter(|_| memory_floor > archive_floor && left > 0);
        if let Some(archive) = archive {
            if context.has_asked_enough() {
                return Poll::Pending;
            }
            let older = before.min(memory_floor.saturating_add(1));
            let read = ready!(archive.back(self.name(), older, left, context));
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
        context: ReadContext<'_>,
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
            let bytes_max = read_ahead.bytes_max(usize::try_from(budget).unwrap_or(1), context);
            let range = (covered, memory_floor.min(upto));
            let run =
                self.read_archive(&**archive, range, memory_floor, bytes_max, context, read_ahead);
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
            let found = self.next_after(shared, covered, bytes_max, context, read_ahead);
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
        context: ReadContext<'_>,
        read_ahead: &'a mut ReadAhead<Self>,
    ) -> Poll<&'a mut ArchiveRun<Self>> {
        let ask = |upto| match context.has_asked_enough() {
            true => Poll::Pending,
            false => archive.read(self.name(), after, upto, bytes_max, context),
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
