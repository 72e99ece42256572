//! The one read: what a cursor selects after its place, in the order of the log.
//!
//! Channels with news are merged by offset, a run of one channel under one hold of its lock.

use crate::{
    Broker, Gathered, Item, Message, PatternMap, ReadContext,
    channel::Channel,
    cursor::{Cursor, Follow, HandedOver, LISTED_MAX, Wild},
    order::Ahead,
};
use smallvec::SmallVec;
use std::{
    cell::{Cell, OnceCell},
    cmp::Reverse,
    num::NonZeroU64,
    sync::Arc,
    task::Poll,
};

/// What a reader takes, and how it waits for an archive.
#[derive(Clone, Copy)]
pub(crate) struct Demand<'a> {
    pub(crate) bytes_max: usize,
    /// Messages of this origin are passed over.
    pub(crate) muted: Option<NonZeroU64>,
    pub(crate) context: ReadContext<'a>,
}

impl Gathered {
    /// Reads what `cursor` selects up to `limit`, until about `bytes_max` are found; `others` of the
    /// same reader stand no nearer than that, and what they have handed over is passed over.
    #[inline]
    pub(crate) fn read(
        &mut self,
        broker: &Broker,
        cursor: &mut Cursor,
        others: &[Cursor],
        limit: u64,
        Demand { bytes_max, muted, context }: Demand<'_>,
    ) {
        let context = context.since(cursor.state());
        self.evictions = NonZeroU64::new(broker.shared.evictions());
        // Made for the first message, as mostly there is none.
        let handed_over = OnceCell::new();
        let is_anyones = Cell::new(others.is_empty());
        let is_wanted = |cursor: &Cursor, channel: &Channel, message: &Message| {
            let is_own = muted.is_some() && message.origin() == muted;
            // It depends on the reader whether it gets these.
            let is_for_some = message.origin().is_some() || channel.is_compacted();
            is_anyones.set(is_anyones.get() && !is_for_some);
            !is_own
                && !cursor.needs_no_word_of(channel, message)
                && (others.is_empty()
                    || !handed_over.get_or_init(|| HandedOver::by(others)).has(channel, message))
        };
        if matches!(cursor.wild, Wild::Scan | Wild::Scanning(_) | Wild::Walk) {
            let Poll::Ready(scan_upto) = scan_upto(broker, cursor, limit, context) else {
                self.waits = true;
                return self.stay(cursor, bytes_max);
            };
            let Some(scan_upto) = scan_upto else {
                let is_wanted =
                    |channel: &Channel, message: &Message| is_wanted(cursor, channel, message);
                self.walk(broker, cursor, limit, bytes_max, is_wanted, context);
                return self.note_shared(cursor, limit, bytes_max, is_anyones.get());
            };
            // How many channels that will be is not known: one message of each will do.
            self.read_ahead.share_bytes = 1;
            self.has_scanned = true;
            if !self.scan(broker, cursor, scan_upto, limit, context) {
                return self.stay(cursor, bytes_max);
            }
        }
        let (limit, is_only) = self.consider_all(broker, cursor, limit, bytes_max, context);
        if self.waits {
            // Any of the channels not read yet may have what comes first. All were asked for together.
            self.items.clear();
            if self.has_scanned {
                // Word of a loss may have been among it, of a channel that is not listed.
                cursor.scan();
            }
            return self.stay(cursor, bytes_max);
        }
        self.merge(broker, cursor, limit, bytes_max, context, |channel, message| {
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
        context: ReadContext<'_>,
    ) -> (u64, bool) {
        let listed =
            if let Wild::Listed(listing) = &cursor.wild { listing.channels.len() } else { 0 };
        self.read_ahead.share_bytes = bytes_max / (listed + cursor.follows.len()).max(1);
        if let Wild::Listed(listing) = &cursor.wild {
            limit = limit.min(listing.horizon);
            for channel in &listing.channels {
                self.consider(broker, cursor, channel, limit, context);
            }
        }
        let is_only = listed == 0 && cursor.follows.len() == 1;
        for channel in cursor.follows.iter().filter_map(|follow| follow.channel.as_ref()) {
            // Where it goes on is found by reading it, unless that is known. What was lost before is not.
            match is_only && cursor.known_next(channel).is_none() {
                true => self.consider_unasked(cursor, channel, limit),
                false => self.consider(broker, cursor, channel, limit, context),
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
        context: ReadContext<'_>,
    ) {
        if channel.last() <= cursor.after {
            return;
        }
        if let Some(next) = self.next(broker, cursor, channel, limit, context) {
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
        context: ReadContext<'_>,
    ) -> Option<u64> {
        let (next, losses) = match cursor.known_next(channel) {
            Some(next) => (Some(next), channel.ring().losses()),
            None => {
                let (after, bytes_max) = (cursor.after, self.read_ahead.share_bytes);
                let read_ahead = &mut self.read_ahead;
                let found =
                    channel.next_after(&broker.shared, after, bytes_max, context, read_ahead);
                let Poll::Ready((next, losses, is_from_archive)) = found else {
                    self.waits = true;
                    return None;
                };
                if let Some(next) = next.filter(|_| is_from_archive && !context.is_blocking()) {
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
        context: ReadContext<'_>,
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
            let run = channel.read(&broker.shared, range, budget, context, read_ahead, |message| {
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
}

/// Up to where a cursor has to scan the channels, or `None` where it can walk the log. A scan that has begun goes on.
///
/// It can where the order is known. While it catches up it need not where channels are so few that one
/// look at each is less work than to pass all those offsets.
fn scan_upto(
    broker: &Broker,
    cursor: &Cursor,
    limit: u64,
    context: ReadContext<'_>,
) -> Poll<Option<u64>> {
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
    match broker.shared.ahead(cursor.after, context) {
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

/// How many offsets are passed for what a look at one channel costs in memory,
const WALKED_A_CHANNEL: usize = 16;

/// and where its messages are on disk.
const WALKED_AN_ARCHIVED_CHANNEL: usize = 1_024;
