//! The order of the log: whose message each offset is, by the index in memory and by the archive.

use crate::{
    Broker, ChannelName, ReadContext, Stretch,
    broker::Shared,
    offset_index::{IndexWriter, Segment},
};
use std::{sync::Arc, task::Poll};

/// What is known of the order after a place.
#[derive(Debug)]
pub(crate) enum Ahead {
    /// The entries of the next offsets.
    Known(Arc<Segment>),
    /// It is not known up to this offset; after it, it may be.
    Unknown(u64),
    /// There is nothing more.
    Nothing,
    /// The archive has to fetch it.
    Waits,
}

impl Broker {
    /// Takes over the newest part of the order from the archive. Once every channel has been made known
    /// with [`Broker::restore`], and before anybody reads. O(offsets taken over), which are bounded.
    pub fn restore_order(&self) {
        let Some(archive) = &self.shared.archive else { return };
        let (head, index) = (self.head(), &self.shared.index);
        let mut sequencer = self.shared.sequencer();
        let mut after = head.saturating_sub(index.len_max().min(RESTORED_MAX));
        index.begin_after(after);
        while after < head {
            let Poll::Ready(Some(stretch)) = archive.order(after, ReadContext::BLOCKING) else {
                break;
            };
            if stretch.first > after.saturating_add(1) {
                // The index is complete after its tail, so it starts again after what is not known.
                after = stretch.first - 1;
                sequencer.index = IndexWriter::default();
                index.begin_after(after);
            }
            let before = after;
            for (offset, number) in self.shared.numbered(&stretch, before, head) {
                // An archive is asked where a time begins.
                sequencer.index.push(index, offset, number, 0);
                after = offset;
            }
            if after == before {
                break;
            }
        }
        if after < head {
            sequencer.index = IndexWriter::default();
            index.begin_after(head);
        }
    }

    /// In which channel the message at `offset` is or was; `None` if that is not known, or not any more.
    pub fn poll_channel_at(
        &self,
        offset: u64,
        context: ReadContext<'_>,
    ) -> Poll<Option<ChannelName>> {
        let Some(before) = offset.checked_sub(1) else { return Poll::Ready(None) };
        let segment = match self.shared.ahead(before, context) {
            Ahead::Known(segment) => segment,
            Ahead::Unknown(_) | Ahead::Nothing => return Poll::Ready(None),
            Ahead::Waits => return Poll::Pending,
        };
        Poll::Ready(self.shared.registry.look_up(|standing, _| {
            let number = segment.entries(before, offset).find(|(at, _)| *at == offset)?.1;
            standing.find(number).map(|channel| channel.name().clone())
        }))
    }

    /// Notes that the archive is about to forget a channel of which nothing is left, and whose newest
    /// offset was `last`: the order names it no longer.
    pub fn lose_forgotten(&self, last: u64) {
        self.shared.registry.note_forgotten(last, self.shared.stamp());
    }
}

impl Shared {
    /// What is known of the order after `after`.
    pub(crate) fn ahead(&self, after: u64, context: ReadContext<'_>) -> Ahead {
        if let Some(segment) = self.index.segment_after(after) {
            return Ahead::Known(segment);
        }
        // Asked only now, as it rises: from here on there was nothing to be found just before.
        let tail = self.index.tail();
        if after >= tail {
            return Ahead::Nothing;
        }
        let head = self.head();
        let stretch = match self.archive.as_ref().map(|archive| archive.order(after, context)) {
            Some(Poll::Pending) => return Ahead::Waits,
            Some(Poll::Ready(stretch)) => stretch,
            None => None,
        };
        let (next, stretch) = (after.saturating_add(1), stretch.unwrap_or_default());
        if stretch.first > next {
            return Ahead::Unknown(tail.min(stretch.first - 1));
        }
        // Up to the head the registry knows every channel. One that it does not find has been forgotten, and
        // the registry reports that to each reader that looks numbers up.
        let segment: Segment = self.numbered(&stretch, 0, head).collect();
        if segment.end() <= next {
            return Ahead::Unknown(tail);
        }
        let segment = Arc::new(segment);
        self.index.keep(&segment);
        Ahead::Known(segment)
    }

    /// The offsets of a stretch in `after + 1 ..= upto`, with the numbers that the registry gives their
    /// channels; 0 for one that it does not know.
    fn numbered(
        &self,
        stretch: &Stretch,
        after: u64,
        upto: u64,
    ) -> impl Iterator<Item = (u64, u32)> {
        let numbers = stretch
            .channels
            .iter()
            .map(|name| self.registry.find(name.as_str()).map_or(0, |channel| channel.number()));
        let numbers: Vec<u32> = numbers.collect();
        let number = move |at: u32| {
            let at = usize::try_from(at.checked_sub(1)?).ok()?;
            numbers.get(at).copied()
        };
        let entries = (stretch.first..).zip(&stretch.entries);
        let entries = entries.filter(move |(offset, _)| (after + 1..=upto).contains(offset));
        entries.map(move |(offset, at)| (offset, number(*at).unwrap_or(0)))
    }
}

/// How many offsets are taken over at a start, which takes some tens of milliseconds for them; what is
/// older is read from the archive when a reader gets there.
const RESTORED_MAX: u64 = 262_144;
