//! A page of history: which messages it is to hold, and how they are found.
//!
//! Whichever way pages go, each is a place and an ordinary read from there; going back only means
//! to find the place from its end.

use super::page::{Page, Reach};
use crate::{Limits, RequestedStart, Subscription, Time, subscription::LostStart};
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Poll, Waker, ready},
};
use tidewire_broker::{
    Bookmark, Broker, Gap, Gathered, HistoryPermit, Item, Pattern, PendingReads, ReadContext,
    Reader, Search, Start, Started, SubscribePermit,
};
use tidewire_protocol::{InvalidSince, Since};

/// Which page of history somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Of which channels, and proof that they may be read.
    pub permit: SubscribePermit,
    /// Proof that the past may be read.
    pub history: HistoryPermit,
    /// The part of the log, and from which end of it.
    pub span: Span,
    /// The most messages; 100 by default, and no more than the server's limit.
    pub limit: Option<usize>,
}

/// A part of the log, and from which of its ends the page is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// The oldest messages behind `since` that are before `until`.
    Oldest {
        /// After this position, or of this time or later.
        since: Since,
        /// Before this position or time; by default the head.
        until: Option<Since>,
    },
    /// The newest messages before `before` that are behind `since`.
    Newest {
        /// Before this position or time.
        before: Since,
        /// After this position, or of this time or later; by default all that is retained.
        since: Option<Since>,
    },
}

impl Span {
    /// Reads what a request says: with `before` it asks for the newest, otherwise for the oldest.
    ///
    /// # Errors
    ///
    /// One of them is no place in the log, or there are both a `before` and an `until`.
    pub fn parse(
        since: Option<&str>,
        before: Option<&str>,
        until: Option<&str>,
    ) -> Result<Self, InvalidSpan> {
        let place = |text: Option<&str>| text.map(str::parse::<Since>).transpose();
        match (place(since)?, place(before)?, place(until)?) {
            (_, Some(_), Some(_)) => Err(InvalidSpan::TwoEnds),
            (since, Some(before), None) => Ok(Self::Newest { before, since }),
            (since, None, until) => {
                Ok(Self::Oldest { since: since.unwrap_or(Since::Earliest), until })
            }
        }
    }
}

/// Reads how many messages a page may have.
///
/// # Errors
///
/// It is no whole number from 1 on.
pub fn parse_page_limit(text: &str) -> Result<usize, InvalidPageLimit> {
    let limit = text.parse().ok().filter(|limit| *limit > 0);
    limit.ok_or_else(|| InvalidPageLimit { text: text.into() })
}

/// Why a request for history names no part of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSpan {
    /// One of its ends is no place in the log.
    #[error(transparent)]
    Place(#[from] InvalidSince),
    /// It has both a `before` and an `until`.
    #[error(
        "before and until exclude each other: with before, a page holds the newest messages there; \
         with until, the oldest since `since`"
    )]
    TwoEnds,
}

/// The text is no number of messages that a page may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("limit={text} is not a whole number from 1 on")]
pub struct InvalidPageLimit {
    /// What was given.
    pub text: Box<str>,
}

impl Page {
    /// Reads what is retained: at most `limit` messages, and about as many bytes as one gather.
    ///
    /// Messages are in the order of the log, from whichever end the page is filled. Before a position of another epoch
    /// there is nothing, which is reported as a gap. This waits for what an archive has to fetch; [`PageReading`] does
    /// not.
    pub fn read(request: PageRequest, broker: &Broker, limits: &Limits, time: Time) -> Self {
        let mut reading = PageReading::new(request, broker, limits, time);
        loop {
            if let Poll::Ready(page) = reading.poll_by(broker, limits, None) {
                return page;
            }
        }
    }
}

/// A page that is being read, a part in each turn.
///
/// Messages that are removed meanwhile are reported as a gap, as to any reader. New ones are left to the next page.
#[derive(Debug)]
pub struct PageReading {
    permit: SubscribePermit,
    history: HistoryPermit,
    span: Span,
    limit: usize,
    time: Time,
    /// Later messages are left to the next page.
    head: u64,
    pending_reads: PendingReads,
    /// For the places where the page begins and ends.
    search: Search,
    /// Once it is known where to read.
    part: Option<Part>,
}

/// What has been read so far.
#[derive(Debug)]
struct Part {
    reader: Reader,
    /// Where it began, and where it ends.
    after: u64,
    upto: u64,
    items: Vec<Item>,
    lost: Vec<LostStart>,
    /// How many more messages and bytes, where it is filled from its beginning.
    room: Option<(usize, usize)>,
    /// Whether there is more before it, where it is filled from its end.
    has_more: bool,
}

impl PageReading {
    /// A page of what is there by now.
    pub fn new(request: PageRequest, broker: &Broker, limits: &Limits, time: Time) -> Self {
        let PageRequest { permit, history, span, limit } = request;
        let limit = limit.unwrap_or(PAGE_MESSAGES).clamp(1, limits.page_messages_max.max(1));
        let (head, pending_reads) = (broker.head(), PendingReads::default());
        let search = Search::default();
        Self { permit, history, span, limit, time, head, pending_reads, search, part: None }
    }

    /// Of which channels.
    pub(crate) fn pattern(&self) -> &Pattern {
        self.permit.pattern()
    }

    /// The page, once it is read; otherwise `waker` is woken when it is time to ask again.
    pub fn poll(&mut self, broker: &Broker, limits: &Limits, waker: &Waker) -> Poll<Page> {
        if self.pending_reads.is_waiting(waker) {
            return Poll::Pending;
        }
        self.poll_by(broker, limits, Some(waker))
    }

    /// Reads a part. Without a waker it may wait, but only for the archive.
    fn poll_by(&mut self, broker: &Broker, limits: &Limits, waker: Option<&Waker>) -> Poll<Page> {
        let Self { permit, history: allowed, span, limit, time, head, pending_reads, search, part } =
            self;
        let context =
            waker.map_or(ReadContext::BLOCKING, |waker| ReadContext::new(pending_reads, waker));
        let history = History {
            permit,
            allowed: *allowed,
            limits,
            broker,
            limit: *limit,
            time: *time,
            head: *head,
            context,
        };
        if part.is_none() {
            match ready!(history.begin_page(*span, search)) {
                Ok(begun) => *part = Some(begun),
                Err(page) => return Poll::Ready(page),
            }
        }
        let Some(part) = part else { return Poll::Pending };
        let (mut gathered, bytes_max) = (Gathered::default(), part.bytes_max(limits));
        match waker {
            Some(waker) => {
                part.reader.poll_gather(broker, part.upto, bytes_max, &mut gathered, waker);
            }
            None => part.reader.gather(broker, part.upto, bytes_max, &mut gathered),
        }
        if let Some(has_more) = part.take_in(&gathered) {
            let part = self.part.take();
            return part.map_or(Poll::Pending, |part| Poll::Ready(part.finish(has_more, broker)));
        }
        if !gathered.waits() {
            // There is more to look at: others first.
            waker.into_iter().for_each(Waker::wake_by_ref);
        }
        Poll::Pending
    }
}

impl Part {
    fn bytes_max(&self, limits: &Limits) -> usize {
        self.room.map_or(limits.gather_bytes_max, |(_, bytes_max)| bytes_max)
    }

    /// Adds what was found next. Once the page is complete, returns whether there is more after it.
    fn take_in(&mut self, gathered: &Gathered) -> Option<bool> {
        let is_message = |item: &(usize, &Item)| matches!(item.1, Item::Message(_));
        let messages = || gathered.items().iter().enumerate().filter(is_message);
        let beyond = self.room.and_then(|(room, _)| messages().nth(room));
        let end = beyond.map_or(gathered.items().len(), |(at, _)| at);
        let before = self.items.len();
        self.items.append(&mut up_to(self.upto, gathered.items().iter().take(end)));
        self.reader.advance(gathered, end);
        if beyond.is_some() || gathered.is_caught_up() {
            return Some(beyond.is_some());
        }
        let (room, bytes_max) = self.room.as_mut()?;
        let found = self.items.iter().skip(before);
        let found = found.filter(|item| matches!(item, Item::Message(_)));
        *room = room.saturating_sub(found.count());
        *bytes_max = gathered.bytes_left();
        (*bytes_max == 0 && !self.items.is_empty()).then_some(true)
    }

    fn finish(self, has_more: bool, broker: &Broker) -> Page {
        let Self { reader, after, upto, items, lost, room, has_more: has_older } = self;
        // Filled from its end it is whole, and says what is before it.
        let (place, before, has_more) = match room {
            Some(_) => (after, after, has_more),
            None => (upto, after.min(upto), has_older),
        };
        let before = before.saturating_add(1);
        Page::new(items, place, lost).behind(&reader, broker).reaching(Reach { before, has_more })
    }
}

/// What all parts of one search have in common.
struct History<'a> {
    permit: &'a SubscribePermit,
    allowed: HistoryPermit,
    broker: &'a Broker,
    limits: &'a Limits,
    limit: usize,
    time: Time,
    head: u64,
    context: ReadContext<'a>,
}

impl History<'_> {
    /// Finds where to read, or returns the page of a request for what is before a position of another epoch.
    fn begin_page(&self, span: Span, search: &mut Search) -> Poll<Result<Part, Page>> {
        let end = match span {
            Span::Oldest { until, .. } => until.unwrap_or(Since::Now),
            Span::Newest { before, .. } => before,
        };
        let Some(upto) = ready!(self.last_before(end, search)) else {
            return self.nothing_before(end, search).map(Err);
        };
        Poll::Ready(Ok(match span {
            Span::Oldest { since, .. } => {
                let Begun { reader, after, lost } = ready!(self.begin(since, search));
                let room = Some((self.limit, self.limits.gather_bytes_max));
                Part { reader, after, upto, items: Vec::new(), lost, room, has_more: false }
            }
            Span::Newest { since, .. } => {
                let before = Some(self.broker.position(upto.saturating_add(1)));
                let (count, bytes_max) = (self.limit, self.limits.gather_bytes_max);
                let start = Start::Back { before, count, bytes_max, history: self.allowed };
                let found = self.poll_once(start, search);
                let (reader, Started { after, .. }) = ready!(found);
                let back = Begun { reader, after, lost: Vec::new() };
                let bound = match since {
                    Some(since) => Some(ready!(self.begin(since, search))),
                    None => None,
                };
                let bound = bound.filter(|bound| bound.after >= after);
                let has_more = bound.is_none() && after > 0;
                let Begun { reader, after, lost } = bound.unwrap_or(back);
                Part { reader, after, upto, items: Vec::new(), lost, room: None, has_more }
            }
        }))
    }

    /// The page of a request for what is before a position of another epoch.
    fn nothing_before(&self, bound: Since, search: &mut Search) -> Poll<Page> {
        let (_, Started { after, .. }) =
            ready!(self.poll_once(Start::Earliest(self.allowed), search));
        let reach = Reach { before: after.saturating_add(1), has_more: false };
        Poll::Ready(Page::new(Vec::new(), after, vec![self.lost(bound, after)]).reaching(reach))
    }

    /// The offset before `bound`, no further than the head, or `None` in another epoch.
    fn last_before(&self, bound: Since, search: &mut Search) -> Poll<Option<u64>> {
        let before = match self.start(bound) {
            Start::After(Bookmark { after, .. }) if after.epoch != self.broker.epoch() => {
                return Poll::Ready(None);
            }
            Start::After(Bookmark { after, .. }) => after.offset.saturating_sub(1),
            // The place before the first message of a time is the one behind all earlier ones.
            start => ready!(self.poll_once(start, search)).1.after,
        };
        Poll::Ready(Some(before.min(self.head)))
    }

    fn begin(&self, since: Since, search: &mut Search) -> Poll<Begun> {
        let found = self.poll_once(self.start(since), search);
        let (reader, Started { after, is_foreign }) = ready!(found);
        let lost = is_foreign.then(|| self.lost(since, after));
        Poll::Ready(Begun { reader, after, lost: lost.into_iter().collect() })
    }

    fn start(&self, place: Since) -> Start {
        let allowed = || Ok::<_, Infallible>(self.allowed);
        let Ok(start) = RequestedStart::Since(place).resolve(self.time, allowed);
        start
    }

    fn lost(&self, place: Since, to: u64) -> LostStart {
        let start = RequestedStart::Since(place);
        let subscription = Subscription { pattern: self.permit.pattern().clone(), start };
        LostStart { subscription, to }
    }

    fn poll_once(&self, start: Start, search: &mut Search) -> Poll<(Reader, Started)> {
        Reader::poll_once(self.broker, self.permit, start, search, self.context)
    }
}

/// A reader at the place where a page begins, and what the place asked for has lost.
struct Begun {
    reader: Reader,
    after: u64,
    lost: Vec<LostStart>,
}

/// The `items` of a page up to this offset: of losses, only those that would have been on it.
fn up_to<'a>(upto: u64, items: impl Iterator<Item = &'a Item>) -> Vec<Item> {
    let keep = |item: &Item| match item {
        Item::Gap(gap) if gap.from >= upto => None,
        Item::Gap(gap) => Some(Item::Gap(Gap { to: gap.to.min(upto), ..gap.clone() })),
        Item::Message(message) => Some(Item::Message(Arc::clone(message))),
    };
    items.filter_map(keep).collect()
}

/// Messages on a page when nobody says how many.
const PAGE_MESSAGES: usize = 100;
