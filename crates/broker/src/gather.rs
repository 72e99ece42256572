//! The one read: what a cursor selects after its place, in the order of the log.
//!
//! Channels with news are merged by offset, a run of one channel under one hold of its lock.

use crate::{
    Asker, Broker, Message, Pattern, PatternMap,
    channel::Channel,
    cursor::{Cursor, Follow, HandedOver, LISTED_MAX, Wild},
    live::LiveRead,
    read_ahead::ReadAhead,
    stretch::Ahead,
};
use smallvec::SmallVec;
use std::{
    cell::{Cell, OnceCell},
    cmp::Reverse,
    collections::BinaryHeap,
    num::NonZeroU64,
    sync::Arc,
    task::Poll,
};

/// What a gather found. Kept by a worker and used again, so that gathering allocates nothing.
#[derive(Debug, Default)]
pub struct Gathered {
    pub(crate) items: Vec<Item>,
    /// The place the cursor has reached when all items are handed over.
    pub(crate) upto: u64,
    /// Whether nothing known is left up to there.
    pub(crate) is_exhausted: bool,
    pub(crate) is_caught_up: bool,
    /// What is left of the bytes it was asked for.
    pub(crate) bytes_left: usize,
    /// Whether something was lost while it was followed, in a channel that then sends readers away.
    pub(crate) is_too_slow: bool,
    /// Whether channels were scanned, which is work enough for one turn.
    pub(crate) has_scanned: bool,
    /// Whether the log was walked along the index, so that it is known what it holds up to `upto`.
    pub(crate) has_walked: bool,
    /// Whether the archive has to fetch what comes next.
    pub(crate) waits: bool,
    /// Whether there is a gap notice among the items.
    pub(crate) has_gaps: bool,
    /// Whether something was lost after the cursor. It depends on the reader whether that concerns it.
    pub(crate) has_met_loss: bool,
    /// The read that this is the result of, if others may have the same.
    pub(crate) live: Option<LiveRead>,
    /// What the archive has returned while this was gathered.
    pub(crate) read_ahead: ReadAhead<Channel>,
    /// Whether an archive was asked where channels go on,
    has_asked: bool,
    /// and where they do, after all that was found.
    pub(crate) learned: Vec<(Arc<Channel>, u64)>,
    /// The eviction count before it was read, if anything has been.
    pub(crate) evictions: Option<NonZeroU64>,
    channels: Vec<Arc<Channel>>,
    order: BinaryHeap<Reverse<(u64, usize)>>,
    /// Entries of the index that a walk is about to read.
    pub(crate) selected: Vec<(u64, Arc<Channel>)>,
}

/// What a reader takes, and how it waits for an archive.
#[derive(Clone, Copy)]
pub(crate) struct Demand<'a> {
    pub(crate) bytes_max: usize,
    /// Messages of this origin are passed over.
    pub(crate) muted: Option<NonZeroU64>,
    pub(crate) asker: Asker<'a>,
}

/// One thing to hand to a subscriber.
#[derive(Clone, Debug)]
pub enum Item {
    /// A message.
    Message(Arc<Message>),
    /// Word of messages that are gone.
    Gap(Gap),
}

/// Messages that `pattern` selects in `from + 1 ..= to` are gone for this reader, some or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// What the subscription follows.
    pub pattern: Pattern,
    /// Everything up to here had been handed over.
    pub from: u64,
    /// The newest offset lost.
    pub to: u64,
}

impl Gathered {
    /// What was found, in order.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The messages found, in order.
    pub fn messages(&self) -> impl Iterator<Item = &Arc<Message>> {
        self.items.iter().filter_map(|item| match item {
            Item::Message(message) => Some(message),
            Item::Gap(_) => None,
        })
    }

    /// Whether the reader is at the place up to which it was asked to read, these items included.
    pub fn is_caught_up(&self) -> bool {
        self.is_caught_up
    }

    /// How many of the bytes asked for are left: with some, and not caught up, it was work that ended
    /// this turn, and reading on fills the same batch.
    pub fn bytes_left(&self) -> usize {
        self.bytes_left
    }

    /// Whether the reader fell behind in a channel whose options send such readers away: nothing
    /// of this is to be handed over then, as the client comes back with its own cursor.
    pub fn is_too_slow(&self) -> bool {
        self.is_too_slow
    }

    /// Whether the archive has to fetch what comes after these items: the waker is woken once it has.
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// Drops everything that was found.
    pub fn clear(&mut self) {
        self.items.clear();
        self.channels.clear();
        self.order.clear();
        self.selected.clear();
        self.learned.clear();
        self.read_ahead.clear();
        (self.is_exhausted, self.is_caught_up, self.upto) = (false, false, 0);
        (self.has_scanned, self.has_walked) = (false, false);
        (self.is_too_slow, self.waits, self.evictions) = (false, false, None);
        (self.has_gaps, self.has_met_loss) = (false, false);
        (self.live, self.has_asked) = (None, false);
    }

    /// Whether there is a gap notice among the items.
    pub fn has_gaps(&self) -> bool {
        self.has_gaps
    }

    /// Reads what `cursor` selects up to `limit`, until about `bytes_max` are found; `others` of the
    /// same reader stand no nearer than that, and what they have handed over is passed over.
    #[inline]
    pub(crate) fn read(
        &mut self,
        broker: &Broker,
        cursor: &mut Cursor,
        others: &[Cursor],
        limit: u64,
        Demand { bytes_max, muted, asker }: Demand<'_>,
    ) {
        let asker = asker.since(cursor.state());
        self.evictions = NonZeroU64::new(broker.shared.evictions());
        // Made for the first message, as mostly there is none.
        let handed_over = OnceCell::new();
        let is_anyones = Cell::new(others.is_empty());
        let is_wanted = |cursor: &Cursor, channel: &Channel, message: &Message| {
            let is_own = muted.is_some() && message.origin() == muted;
            // It depends on the reader whether it gets these.
            let is_for_some = message.origin().is_some() || channel.options().compaction.is_some();
            is_anyones.set(is_anyones.get() && !is_for_some);
            !is_own
                && !cursor.needs_no_word_of(channel, message)
                && (others.is_empty()
                    || !handed_over.get_or_init(|| HandedOver::by(others)).has(channel, message))
        };
        if matches!(cursor.wild, Wild::Scan | Wild::Scanning(_) | Wild::Walk) {
            let Poll::Ready(scan_upto) = scan_upto(broker, cursor, limit, asker) else {
                self.waits = true;
                return self.stay(cursor, bytes_max);
            };
            let Some(scan_upto) = scan_upto else {
                let is_wanted =
                    |channel: &Channel, message: &Message| is_wanted(cursor, channel, message);
                self.walk(broker, cursor, limit, bytes_max, is_wanted, asker);
                return self.note_shared(cursor, limit, bytes_max, is_anyones.get());
            };
            // How many channels that will be is not known: one message of each will do.
            self.read_ahead.share_bytes = 1;
            self.has_scanned = true;
            if !self.scan(broker, cursor, scan_upto, limit, asker) {
                return self.stay(cursor, bytes_max);
            }
        }
        let (limit, is_only) = self.consider_all(broker, cursor, limit, bytes_max, asker);
        if self.waits {
            // Any of the channels not read yet may have what comes first. All were asked for together.
            self.items.clear();
            if self.has_scanned {
                // Word of a loss may have been among it, of a channel that is not listed.
                cursor.scan();
            }
            return self.stay(cursor, bytes_max);
        }
        self.merge(broker, cursor, limit, bytes_max, asker, |channel, message| {
            is_wanted(cursor, channel, message)
        });
        if is_only && self.waits && self.upto == cursor.after {
            // There may be a gap among the items, and it may grow before the archive answers. So all of it is read
            // again then: nothing else keeps the gap.
            self.items.clear();
            self.order.clear();
            self.bytes_left = bytes_max;
        }
        self.learn_order();
        self.note_shared(cursor, limit, bytes_max, is_anyones.get());
    }

    /// Ends a turn that has brought the cursor no further.
    fn stay(&mut self, cursor: &Cursor, bytes_max: usize) {
        (self.upto, self.bytes_left) = (cursor.after, bytes_max);
    }

    /// Keeps where the channels that were merged go on, if an archive had to say so.
    fn learn_order(&mut self) {
        let Self { order, channels, learned, .. } = self;
        learned.clear();
        if self.has_asked || self.waits {
            let named = |Reverse((next, at))| Some((Arc::clone(channels.get(at)?), next));
            learned.extend(order.drain().filter_map(named));
        }
    }

    /// Takes in the channels of a cursor that may have news. Returns up to where these are all, and whether
    /// there is nothing to merge.
    fn consider_all(
        &mut self,
        broker: &Broker,
        cursor: &Cursor,
        mut limit: u64,
        bytes_max: usize,
        asker: Asker<'_>,
    ) -> (u64, bool) {
        let listed =
            if let Wild::Listed(listing) = &cursor.wild { listing.channels.len() } else { 0 };
        self.read_ahead.share_bytes = bytes_max / (listed + cursor.follows.len()).max(1);
        if let Wild::Listed(listing) = &cursor.wild {
            limit = limit.min(listing.horizon);
            for channel in &listing.channels {
                self.consider(broker, cursor, channel, limit, asker);
            }
        }
        let is_only = listed == 0 && cursor.follows.len() == 1;
        for channel in cursor.follows.iter().filter_map(|follow| follow.channel.as_ref()) {
            // Where it goes on is found by reading it, unless that is known. What was lost before is not.
            match is_only && cursor.known_next(channel).is_none() {
                true => self.consider_unasked(cursor, channel, limit),
                false => self.consider(broker, cursor, channel, limit, asker),
            }
        }
        (limit, is_only)
    }

    fn consider(
        &mut self,
        broker: &Broker,
        cursor: &Cursor,
        channel: &Arc<Channel>,
        limit: u64,
        asker: Asker<'_>,
    ) {
        if channel.last() <= cursor.after {
            return;
        }
        if let Some(next) = self.next(broker, cursor, channel, limit, asker) {
            self.order.push(Reverse((next, self.channels.len())));
            self.channels.push(Arc::clone(channel));
        }
    }

    /// Adds a channel at the offset right after the cursor, so that reading it reports what is lost there.
    fn consider_unasked(&mut self, cursor: &Cursor, channel: &Arc<Channel>, limit: u64) {
        let next = cursor.after.saturating_add(1);
        if channel.last() > cursor.after && next <= limit {
            self.order.push(Reverse((next, self.channels.len())));
            self.channels.push(Arc::clone(channel));
        }
    }

    /// The channel's first message that the cursor has to read up to `limit`, after word of what is
    /// lost before it.
    pub(crate) fn next(
        &mut self,
        broker: &Broker,
        cursor: &Cursor,
        channel: &Arc<Channel>,
        limit: u64,
        asker: Asker<'_>,
    ) -> Option<u64> {
        let (next, losses) = match cursor.known_next(channel) {
            Some(next) => (Some(next), channel.ring().losses()),
            None => {
                let (after, bytes_max) = (cursor.after, self.read_ahead.share_bytes);
                let read_ahead = &mut self.read_ahead;
                let found = channel.next_after(&broker.shared, after, bytes_max, asker, read_ahead);
                let Poll::Ready((next, losses, is_from_archive)) = found else {
                    self.waits = true;
                    return None;
                };
                if let Some(next) = next.filter(|_| is_from_archive && !asker.is_blocking()) {
                    self.has_asked = true;
                    self.learned.push((Arc::clone(channel), next));
                }
                (next, losses)
            }
        };
        self.note_loss(cursor, channel, losses, cursor.after, cursor.after, 0);
        next.filter(|next| *next <= limit)
    }

    fn merge(
        &mut self,
        broker: &Broker,
        cursor: &Cursor,
        limit: u64,
        bytes_max: usize,
        asker: Asker<'_>,
        is_wanted: impl Fn(&Channel, &Message) -> bool,
    ) {
        let mut budget = isize::try_from(bytes_max).unwrap_or(isize::MAX).max(1);
        // The last message looked at, whether it is for this reader or not.
        let mut passed = cursor.after;
        while budget > 0
            && !self.waits
            && let Some(Reverse((next, at))) = self.order.pop()
        {
            let Some(channel) = self.channels.get(at).cloned() else { continue };
            self.drop_twins(&channel, next);
            let other = self.order.peek().map(|Reverse((other, _))| (other - 1).max(next));
            let upto = other.map_or(limit, |other| other.min(limit));
            let before = self.items.len();
            let Self { items, read_ahead, .. } = self;
            let range = (next - 1, upto);
            let run = channel.read(&broker.shared, range, budget, asker, read_ahead, |message| {
                passed = message.offset();
                if is_wanted(&channel, message) {
                    items.push(Item::Message(Arc::clone(message)));
                }
            });
            (budget, self.waits) = (run.budget, run.waits);
            for gone in [run.losses, run.unread] {
                self.note_loss(cursor, &channel, gone, next - 1, next - 1, before);
            }
            if let Some(next) = run.next.filter(|next| *next <= limit) {
                self.order.push(Reverse((next, at)));
            }
        }
        self.bytes_left = usize::try_from(budget).unwrap_or(0);
        self.is_exhausted = self.order.is_empty() && !self.waits;
        self.upto = if self.is_exhausted { limit.max(cursor.after) } else { passed };
    }

    /// Drops what else stands for `channel` before `next`: it may be followed by name and by patterns.
    ///
    /// Another may stand there as well, one of which it is not known where its next message is.
    fn drop_twins(&mut self, channel: &Arc<Channel>, next: u64) {
        let mut others = SmallVec::<[usize; 1]>::new();
        while let Some(&Reverse((twin, at))) = self.order.peek()
            && twin == next
        {
            self.order.pop();
            if self.channels.get(at).is_some_and(|other| !Arc::ptr_eq(other, channel)) {
                others.push(at);
            }
        }
        self.order.extend(others.into_iter().map(|at| Reverse((next, at))));
    }

    /// One notice a pattern: what is lost later on only makes it reach further.
    pub(crate) fn note_gap(&mut self, gap: Gap, at: usize) {
        self.has_gaps = true;
        let noted = self.items.iter_mut().find_map(|item| match item {
            Item::Gap(noted) if noted.pattern == gap.pattern => Some(noted),
            _ => None,
        });
        match noted {
            Some(noted) => noted.to = noted.to.max(gap.to),
            None => self.items.insert(at.min(self.items.len()), Item::Gap(gap)),
        }
    }
}

/// Up to where a cursor has to scan the channels, or `None` where it can walk the log. A scan that has begun goes on.
///
/// It can where the order is known. While it catches up it need not where channels are so few that one
/// look at each is less work than to pass all those offsets.
fn scan_upto(broker: &Broker, cursor: &Cursor, limit: u64, asker: Asker<'_>) -> Poll<Option<u64>> {
    if let Wild::Scanning(scanning) = &cursor.wild {
        return Poll::Ready(Some(scanning.upto));
    }
    let (channels, offsets) = (broker.shared.registry.places(), limit - cursor.after);
    let is_recent = cursor.after >= broker.shared.index.tail();
    let walked = if is_recent { WALKED_A_CHANNEL } else { WALKED_AN_ARCHIVED_CHANNEL };
    let is_far =
        usize::try_from(offsets).map_or(true, |offsets| offsets > channels.saturating_mul(walked));
    let is_reported = matches!(cursor.wild, Wild::Walk) && is_recent;
    if channels <= LISTED_MAX && is_far && !is_reported {
        return Poll::Ready(Some(limit));
    }
    match broker.shared.ahead(cursor.after, asker) {
        Ahead::Known(_) | Ahead::Nothing => Poll::Ready(None),
        Ahead::Unknown(upto) => Poll::Ready(Some(limit.min(upto))),
        Ahead::Waits => Poll::Pending,
    }
}

/// The patterns with wildcards among `follows`, to try a channel against all of them at once.
pub(crate) fn wild_patterns(follows: &[Follow]) -> PatternMap<()> {
    let mut wild = PatternMap::default();
    for follow in follows.iter().filter(|follow| follow.channel.is_none()) {
        *wild.entry(&follow.pattern) = Some(());
    }
    wild
}

/// The offset of the last message among `items`.
pub(crate) fn last_offset(items: &[Item]) -> Option<u64> {
    items.iter().rev().find_map(|item| match item {
        Item::Message(message) => Some(message.offset()),
        Item::Gap(_) => None,
    })
}

/// How many offsets are passed for what a look at one channel costs in memory,
const WALKED_A_CHANNEL: usize = 16;

/// and where its messages are on disk.
const WALKED_AN_ARCHIVED_CHANNEL: usize = 1_024;
