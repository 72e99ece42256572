//! A reader: the cursors of one connection, as one ordered stream.
//!
//! Call `follow` for each subscription; then, whenever there may be news, `gather`, hand the items
//! over, and `advance` by as many as were taken. The cursor furthest behind reads alone, up to
//! where the next one stands; there they become one. So a late subscription catches up without a
//! second path. What two subscriptions select is handed over once: one that catches up passes over
//! what others have handed over since they began, for as long as those are followed.

use crate::{
    Bookmark, Broker, Gathered, HistoryPermit, Item, News, Pattern, PendingReads, Position,
    ReadContext, SubscribePermit,
    back::{Search, Wanted, place_before},
    cursor::{Cursor, Follow, Follows, Wild},
    followed::Followed,
    gather::Demand,
    gathered::last_offset,
};
use smallvec::SmallVec;
use std::{
    num::NonZeroU64,
    task::{Poll, Waker, ready},
};

/// The whole state of a connection's subscriptions. An empty reader follows nothing.
#[derive(Debug, Default)]
pub struct Reader {
    /// By place, the furthest behind first; no two at the same place once merged.
    pub(crate) cursors: SmallVec<[Cursor; 1]>,
    /// Messages of this origin are passed over.
    pub(crate) muted: Option<NonZeroU64>,
    /// What it has asked the archive for.
    pending_reads: PendingReads,
    followed: Followed,
}

/// Where a subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// After the newest message.
    Now,
    /// With the oldest message retained.
    Earliest(HistoryPermit),
    /// After this position. If it has another epoch, or the log has not reached it, a gap notice comes first, and then
    /// what is retained. This takes no [`HistoryPermit`]: a client that reconnects has a position.
    ///
    /// A `state` is for a reader that began with the earliest message when the head was at that offset, and has not
    /// reached it yet; [`Reader::state`] returns it. Tombstones up to `state` are passed over, and if they are lost there
    /// is no gap notice. If the log has not reached `state`, a gap notice comes first, as for such a position.
    After(Bookmark),
    /// With the first message of this time, in milliseconds since the Unix epoch, or later.
    Time(u64, HistoryPermit),
    /// A place that [`Start::find`] has found.
    Found(Found),
    /// At the newest messages before a position; `before` itself is not among them.
    ///
    /// It begins after the next older message, or at the beginning of the log if there is no older one. If retention has
    /// removed messages in between, a gap notice comes first, as after any position; not for tombstones, which concern
    /// only readers with older messages. For a position of another epoch a gap notice comes first, and then what is
    /// retained. One that the log has not reached counts as the head.
    Back {
        /// The position; `None` for the end of the log.
        before: Option<Position>,
        /// How many messages.
        count: usize,
        /// Fewer, if as encoded they would take more bytes than about this; but at least one.
        bytes_max: usize,
        /// Proof that the reader may have what was published before it came.
        history: HistoryPermit,
    },
}

/// Where a subscription begins, and what had been lost by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    after: u64,
    /// A reader that begins here gets no gap notice for what was removed before this eviction count.
    stamp: u64,
    /// Nor for tombstones up to here, like one that began with the state of this moment; 0 for none.
    state: u64,
    is_foreign: bool,
}

/// Where a subscription began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// The offset after which delivery is exact.
    pub after: u64,
    /// The requested position is unknown to this log: everything before `after` counts as lost.
    pub is_foreign: bool,
}

impl Start {
    /// After a position, or where a page ended.
    pub fn after(place: impl Into<Bookmark>) -> Self {
        Self::After(place.into())
    }

    /// Looks for the place where messages begin, so that following what `permits` are for from what this returns does not
    /// have to wait, and looks at few channels.
    ///
    /// `search` is kept until then: a new one for each start and other patterns. [`Start::Now`] and positions
    /// that the log has reached are ready as they are, and so is [`Start::Back`], which is left to [`Reader::poll_once`].
    pub fn find(
        self,
        broker: &Broker,
        permits: &[SubscribePermit],
        search: &mut Search,
        context: ReadContext<'_>,
    ) -> Poll<Self> {
        let may_search = match self {
            Self::Time(..) | Self::Earliest(_) => true,
            Self::After(Bookmark { after, state }) => !is_reached(broker, after, state),
            Self::Now | Self::Found(_) | Self::Back { .. } => false,
        };
        if !may_search {
            return Poll::Ready(self);
        }
        let mut follows: Follows = permits.iter().map(|permit| look(broker, permit)).collect();
        let Started { after, is_foreign } =
            ready!(begin(broker, &mut follows, self, search, context));
        let (stamp, state) = follows.first().map_or((0, 0), |one| (one.stamp, one.state));
        Poll::Ready(Self::Found(Found { after, stamp, state, is_foreign }))
    }
}

impl Reader {
    /// A reader of what there is by now, which no lane feeds: for history.
    ///
    /// Unlike following, asking leaves no trace: a channel that is not there is not made.
    pub fn once(broker: &Broker, permit: &SubscribePermit, start: Start) -> (Self, Started) {
        let mut follows = [look(broker, permit)];
        let started = begin_blocking(broker, &mut follows, start);
        (Self::at(started.after, follows), started)
    }

    /// The same, without waiting for an archive that has to find the place. `search` is kept until then:
    /// a new one for each start.
    pub fn poll_once(
        broker: &Broker,
        permit: &SubscribePermit,
        start: Start,
        search: &mut Search,
        context: ReadContext<'_>,
    ) -> Poll<(Self, Started)> {
        let mut follows = [look(broker, permit)];
        let started = ready!(begin(broker, &mut follows, start, search, context));
        Poll::Ready((Self::at(started.after, follows), started))
    }

    fn at(after: u64, follows: [Follow; 1]) -> Self {
        let cursors = follows.map(|follow| Cursor::new(after, [follow].into())).into();
        Self { cursors, ..Self::default() }
    }

    /// Follows what `permits` are for, all from `start`. A pattern that is followed already is left as it is.
    ///
    /// If a lane is to report news, register the patterns with it first: then nothing is missed in between. O(permits),
    /// plus one visit to all channels if a pattern starts backwards from a position, or at a time or with the earliest
    /// message and the order is not known there.
    pub fn follow(
        &mut self,
        broker: &Broker,
        permits: &[SubscribePermit],
        start: Start,
    ) -> Started {
        let mut follows = Follows::with_capacity(permits.len());
        let Self { cursors, followed, .. } = self;
        let count = cursors.iter().map(|cursor| cursor.follows.len()).sum::<usize>();
        followed.reserve(count + permits.len(), cursors.iter().flat_map(Cursor::patterns));
        for pattern in permits.iter().map(SubscribePermit::pattern) {
            let new = follows.iter().map(|follow| &follow.pattern);
            let known = cursors.iter().flat_map(Cursor::patterns).chain(new);
            if !followed.has(pattern, known) {
                let name = pattern.as_channel();
                let channel = name.map(|name| broker.shared.registry.obtain(&name));
                let follow = Follow::new(pattern.clone(), channel);
                followed.insert(&follow.pattern);
                follows.push(follow);
            }
        }
        let started = begin_blocking(broker, &mut follows, start);
        if !follows.is_empty() {
            let mut cursor = Cursor::new(started.after, follows);
            if start == Start::Now {
                // Whatever comes after the head, a lane reports.
                cursor.wild = Wild::Quiet;
            }
            self.insert(cursor);
        }
        started
    }

    /// Passes over every message whose [`crate::Draft::origin`] is this one.
    pub fn mute(&mut self, origin: NonZeroU64) {
        self.muted = Some(origin);
    }

    /// Follows `pattern` no longer; false if it did not.
    pub fn unfollow(&mut self, pattern: &Pattern) -> bool {
        let did = self.follows(pattern);
        self.cursors.iter_mut().for_each(|cursor| cursor.unfollow(pattern));
        self.followed.remove(pattern);
        self.cursors.retain(|cursor| !cursor.follows.is_empty());
        did
    }

    /// Whether `pattern`, as spelled, is followed.
    pub fn follows(&self, pattern: &Pattern) -> bool {
        self.followed.has(pattern, self.patterns())
    }

    /// What is followed.
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.cursors.iter().flat_map(Cursor::patterns)
    }

    /// Whether it has to look beyond what a lane has reported: it has cursors at several offsets, or there may be news in
    /// any channel. The cost of that does not depend on how many messages there are for it.
    pub fn catches_up(&self) -> bool {
        match &*self.cursors {
            [] => false,
            [cursor] => matches!(cursor.wild, Wild::Scan | Wild::Scanning(_) | Wild::Walk),
            _ => true,
        }
    }

    /// The offset up to which everything has been handed over, or `None` with nothing followed.
    pub fn after(&self) -> Option<u64> {
        self.cursors.first().map(|cursor| cursor.after)
    }

    /// The offset up to which nothing is left for it: [`Reader::after`], or further where it is known that nothing after
    /// that was for this reader. `quiet_to` is [`crate::Lane::quiet_to`] of its waiter. O(channels followed by name).
    ///
    /// A reader of a quiet channel is at the head, though its cursor has had no reason to move.
    pub fn reached(&self, broker: &Broker, quiet_to: Option<u64>) -> u64 {
        // Before the channels are looked at: what they have up to here they have by then.
        let head = broker.head();
        let [cursor] = &*self.cursors else { return self.after().unwrap_or(head) };
        let limit = match cursor.quiet_to(quiet_to) {
            Some(limit) => limit.min(head),
            None => return cursor.after,
        };
        let mut named = cursor.follows.iter().filter_map(|follow| follow.channel.as_ref());
        match named.any(|channel| channel.last() > cursor.after) {
            true => cursor.after,
            false => limit.max(cursor.after),
        }
    }

    /// The head at which it began with the earliest message, as long as it has not reached that head and follows compacted
    /// channels: a reader that continues from here with [`Start::After`] gets the same gap notices as this one. O(rules)
    /// for a pattern with a wildcard.
    pub fn state(&self, broker: &Broker) -> Option<u64> {
        let follows = self.cursors.iter().flat_map(|cursor| &cursor.follows);
        let compacted = follows.filter(|follow| match &follow.channel {
            Some(channel) => channel.is_compacted(),
            None => broker.may_compact(&follow.pattern),
        });
        let state = compacted.map(|follow| follow.state).min()?;
        self.after().is_some_and(|after| after < state).then_some(state)
    }

    /// Takes in what a lane has reported for this reader.
    pub fn note(&mut self, news: News) {
        if news.is_named() {
            return;
        }
        if let Some(live) = self.cursors.last_mut() {
            live.note(news);
        }
    }

    /// Finds what to hand over next, up to offset `read_limit` and about `bytes_max` bytes.
    ///
    /// `read_limit` is the lane's, or the broker's head if there is no lane. It may find nothing although the reader is
    /// not caught up: a turn ends after a number of steps along the log (fewer for fewer bytes), of channels, or of bytes
    /// that are passed over. Apart from that, O(messages found).
    ///
    /// This waits for what the archive has to fetch. If other readers need turns meanwhile, call
    /// [`Reader::poll_gather`].
    pub fn gather(
        &mut self,
        broker: &Broker,
        read_limit: u64,
        bytes_max: usize,
        gathered: &mut Gathered,
    ) {
        if !self.gather_live(broker, read_limit, bytes_max, gathered) {
            self.gather_by(ReadContext::BLOCKING, broker, read_limit, bytes_max, gathered);
        }
    }

    /// The same, without waiting: if the archive has to fetch what comes next, only what is certainly before it is found,
    /// and [`Gathered::waits`] says so. `waker` is woken when it is time to call again.
    pub fn poll_gather(
        &mut self,
        broker: &Broker,
        read_limit: u64,
        bytes_max: usize,
        gathered: &mut Gathered,
        waker: &Waker,
    ) {
        if self.gather_live(broker, read_limit, bytes_max, gathered) {
            return;
        }
        if self.pending_reads.is_waiting(waker) {
            gathered.clear();
            gathered.waits = true;
            (gathered.upto, gathered.bytes_left) = (self.after().unwrap_or(0), bytes_max);
            return;
        }
        let pending_reads = std::mem::take(&mut self.pending_reads);
        let context = ReadContext::new(&pending_reads, waker);
        self.gather_by(context, broker, read_limit, bytes_max, gathered);
        self.pending_reads = pending_reads;
    }

    /// Gathers for any reader.
    pub(crate) fn gather_by(
        &mut self,
        context: ReadContext<'_>,
        broker: &Broker,
        read_limit: u64,
        bytes_max: usize,
        gathered: &mut Gathered,
    ) {
        let demand = Demand { bytes_max, muted: self.muted, context };
        loop {
            gathered.clear();
            let [cursor, others @ ..] = &mut *self.cursors else {
                gathered.is_caught_up = true;
                return;
            };
            let limit = others.first().map_or(read_limit, |next| next.after).max(cursor.after);
            gathered.read(broker, cursor, others, limit, demand);
            gathered.is_caught_up =
                others.is_empty() && gathered.is_exhausted && gathered.upto >= limit;
            let has_worked = gathered.has_scanned || !gathered.is_exhausted;
            if !gathered.items.is_empty() || gathered.is_caught_up || has_worked {
                return;
            }
            self.advance(gathered, 0);
        }
    }

    /// Moves past the first `handed_over` items of what was gathered last.
    pub fn advance(&mut self, gathered: &Gathered, handed_over: usize) {
        if self.advance_live(gathered, handed_over) {
            return;
        }
        let Some(cursor) = self.cursors.first_mut() else { return };
        // Who was given nothing but the wait for an archive or for a scan to end is not yet slow itself.
        let waits = gathered.waits || matches!(cursor.wild, Wild::Scanning(_));
        if !waits || !gathered.items.is_empty() {
            for follow in &mut cursor.follows {
                follow.begun = follow.begun.or(gathered.evictions);
            }
        }
        let done = gathered.items.get(..handed_over).unwrap_or(&gathered.items);
        let left = gathered.items.get(done.len()..).unwrap_or_default();
        if gathered.has_gaps {
            cursor.note_reported(done);
            if left.iter().any(|item| matches!(item, Item::Gap(_))) {
                // A loss is found by looking at its channel, which may hold nothing else any more.
                cursor.scan();
            }
        }
        if left.is_empty() {
            // It holds after all items, and not for a reader that gets them again.
            gathered.learned.iter().for_each(|(channel, next)| cursor.note_next(channel, *next));
        }
        if !left.is_empty() {
            cursor.after = last_offset(done).unwrap_or(cursor.after);
        } else if gathered.is_exhausted {
            cursor.exhaust(gathered.upto, gathered.has_walked);
        } else {
            cursor.after = cursor.after.max(gathered.upto);
        }
        self.merge();
    }

    fn insert(&mut self, cursor: Cursor) {
        let at = self.cursors.partition_point(|other| other.after < cursor.after);
        if at == self.cursors.len() {
            // Lanes report to the one furthest ahead; who is not that any more has to look itself.
            self.cursors.iter_mut().for_each(Cursor::scan);
        }
        self.cursors.insert(at, cursor);
        self.merge();
    }

    /// Makes cursors at the same place one.
    fn merge(&mut self) {
        self.cursors.dedup_by(|ahead, kept| {
            let is_same = ahead.after == kept.after;
            if is_same {
                kept.absorb(std::mem::take(&mut ahead.follows));
            }
            is_same
        });
        if cfg!(debug_assertions) {
            self.check();
        }
    }

    /// Checks that the cursors are in order, and agree in themselves.
    fn check(&self) {
        let is_in_order = self.cursors.is_sorted_by(|one, next| one.after < next.after);
        assert!(is_in_order, "cursors are not in the order of their places");
        self.cursors.iter().for_each(Cursor::check);
        self.followed.check(self.patterns());
    }
}

/// Follows what a permit is for without a trace: a channel that is not there is not made.
fn look(broker: &Broker, permit: &SubscribePermit) -> Follow {
    let pattern = permit.pattern();
    let channel = pattern.as_channel().map(|name| broker.shared.registry.look(&name));
    Follow::new(pattern.clone(), channel)
}

/// Finds the place where `follows` begin, and waits for an archive that has to look for it.
fn begin_blocking(broker: &Broker, follows: &mut [Follow], start: Start) -> Started {
    match begin(broker, follows, start, &mut Search::default(), ReadContext::BLOCKING) {
        Poll::Ready(started) => started,
        // Against the port's rules. From here on nothing is missed, nor is anything waited for.
        Poll::Pending => Started { after: 0, is_foreign: false },
    }
}

/// Whether the log has come to `position`, and to the state of a moment.
fn is_reached(broker: &Broker, position: Position, state: Option<u64>) -> bool {
    position.epoch == broker.epoch() && position.offset.max(state.unwrap_or(0)) <= broker.head()
}

/// Finds the place where `follows` begin.
fn begin(
    broker: &Broker,
    follows: &mut [Follow],
    start: Start,
    search: &mut Search,
    context: ReadContext<'_>,
) -> Poll<Started> {
    let mut is_foreign = false;
    let head = broker.head();
    // A reader that begins with the state of a moment has nothing that older tombstones could remove. Neither has a
    // reader that goes backwards: what they removed was gone before it began, and it is given the tombstones themselves.
    let mut begin_with = |state, fresh| {
        follows.iter_mut().for_each(|follow| (follow.state, follow.fresh) = (state, fresh));
    };
    let after = match start {
        Start::Now => broker.head(),
        Start::After(Bookmark { after, state }) if is_reached(broker, after, state) => {
            state.into_iter().for_each(|state| begin_with(state, state));
            after.offset
        }
        Start::After(_) => {
            is_foreign = true;
            let after = ready!(search.first.poll(broker, follows, None, context));
            // What the client missed does not end where the first channel goes on: each other one reports its own loss.
            follows.iter_mut().for_each(|follow| follow.stamp = 0);
            after
        }
        Start::Earliest(_) => {
            begin_with(head, head);
            ready!(search.first.poll(broker, follows, None, context))
        }
        Start::Time(time_ms, _) => {
            ready!(search.first.poll(broker, follows, Some(time_ms), context))
        }
        Start::Found(found) => {
            begin_with(found.state, found.state);
            follows.iter_mut().for_each(|follow| follow.stamp = found.stamp);
            is_foreign = found.is_foreign;
            found.after
        }
        Start::Back { before: Some(Position { epoch, .. }), .. } if epoch != broker.epoch() => {
            is_foreign = true;
            ready!(search.first.poll(broker, follows, None, context))
        }
        Start::Back { before, count, bytes_max, .. } => {
            begin_with(0, head);
            let before = before.map_or(u64::MAX, |position| position.offset);
            let before = before.min(broker.head().saturating_add(1));
            let wanted = Wanted { before, count, bytes_max };
            ready!(place_before(broker, follows, wanted, search, context))
        }
    };
    Poll::Ready(Started { after, is_foreign })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Grant, Limits};

    fn reader() -> Reader {
        let (mut reader, broker) = (Reader::default(), Broker::new(1, Limits::default()));
        let permit = Grant::open().permit_subscribe(&"a".parse().unwrap()).unwrap();
        reader.follow(&broker, &[permit], Start::Now);
        reader
    }

    #[test]
    #[should_panic(expected = "cursors are not in the order of their places")]
    fn cursors_out_of_order_are_noticed() {
        let mut reader = reader();
        reader.cursors.push(Cursor::new(0, [Follow::new("b".parse().unwrap(), None)].into()));
        reader.check();
    }

    #[test]
    #[should_panic(expected = "a cursor stands before where a follow began")]
    fn a_cursor_that_has_moved_back_is_noticed() {
        let mut reader = reader();
        reader.cursors.iter_mut().flat_map(|it| &mut it.follows).for_each(|it| it.start = 1);
        reader.check();
    }
}
