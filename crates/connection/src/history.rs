//! A page of history: which messages it is to hold, and how they are found.
//!
//! Whichever way pages go, each is a place and an ordinary read from there; going back only means
//! to find the place from its end.

use crate::{Limits, Page, Place, Refusal, Subscription, Time, answer::Reach, start::Lost};
use std::sync::Arc;
use tidewire_broker::{Broker, Gap, Gathered, Item, Pattern, Position, Reader, Start, Started};
use tidewire_protocol::{ErrorCode, Since};

/// Which page of history somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The channels.
    pub pattern: Pattern,
    /// The part of the log, and from which end of it.
    pub span: Span,
    /// How many messages at most; 100 unless told, and no more than the server's limit.
    pub limit: Option<usize>,
}

/// A part of the log, and from which of its ends the page is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// The oldest messages behind `since` that are before `until`.
    Oldest {
        /// Behind this position, or of this time or later.
        since: Since,
        /// Before this position or time; the head, unless told.
        until: Option<Since>,
    },
    /// The newest messages before `before` that are behind `since`.
    Newest {
        /// Before this position or time.
        before: Since,
        /// Behind this position, or of this time or later; all that is retained, unless told.
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
    ) -> Result<Self, Refusal> {
        let place = |text: Option<&str>| text.map(str::parse::<Since>).transpose();
        match (place(since)?, place(before)?, place(until)?) {
            (_, Some(_), Some(_)) => {
                let message = "before and until are two ends: with before, a page holds the newest \
                               messages there; with until, the oldest since `since`";
                Err(Refusal::new(ErrorCode::BadRequest, message))
            }
            (since, Some(before), None) => Ok(Self::Newest { before, since }),
            (since, None, until) => {
                Ok(Self::Oldest { since: since.unwrap_or(Since::Earliest), until })
            }
        }
    }
}

impl Page {
    /// Reads what is retained: at most `limit` messages, and about as many bytes as one gather.
    ///
    /// Messages are in the order of the log, whichever end the page is filled from. Before a
    /// position of another epoch there is nothing, which is told as a gap.
    pub fn read(request: PageRequest, broker: &Broker, limits: &Limits, time: Time) -> Self {
        let PageRequest { pattern, span, limit } = request;
        let limit = limit.unwrap_or(PAGE_MESSAGES).clamp(1, limits.page_messages_max.max(1));
        // What comes after this is left to who goes on from here.
        let head = broker.head();
        let history = History { pattern, broker, limits, time, head };
        match span {
            Span::Oldest { since, until } => history.oldest(since, until, limit),
            Span::Newest { before, since } => history.newest(before, since, limit),
        }
    }
}

/// What all parts of one search have in common.
struct History<'a> {
    pattern: Pattern,
    broker: &'a Broker,
    limits: &'a Limits,
    time: Time,
    head: u64,
}

impl History<'_> {
    fn oldest(&self, since: Since, until: Option<Since>, limit: usize) -> Page {
        let until = until.unwrap_or(Since::Now);
        let Some(upto) = self.last_before(until) else { return self.nothing_before(until) };
        let Begun { mut reader, after, lost } = self.begin(since);
        let (mut gathered, mut items) = (Gathered::default(), Vec::new());
        let (mut room, mut bytes_max) = (limit, self.limits.gather_bytes_max);
        let has_more = loop {
            reader.gather(self.broker, upto, bytes_max, &mut gathered);
            let is_message = |item: &(usize, &Item)| matches!(item.1, Item::Message(_));
            let beyond = gathered.items().iter().enumerate().filter(is_message).nth(room);
            let end = beyond.map_or(gathered.items().len(), |(at, _)| at);
            let before = items.len();
            items.append(&mut up_to(upto, gathered.items().iter().take(end)));
            reader.advance(&gathered, end);
            if beyond.is_some() || gathered.is_caught_up() {
                break beyond.is_some();
            }
            let found = items.iter().skip(before).filter(|item| matches!(item, Item::Message(_)));
            room = room.saturating_sub(found.count());
            bytes_max = gathered.bytes_left();
            if bytes_max == 0 && !items.is_empty() {
                break true;
            }
        };
        Page::new(items, after, lost)
            .behind(&reader, self.broker)
            .reaching(Reach { before: after.saturating_add(1), has_more })
    }

    fn newest(&self, before: Since, since: Option<Since>, limit: usize) -> Page {
        let Some(upto) = self.last_before(before) else { return self.nothing_before(before) };
        let before = Some(self.broker.position(upto.saturating_add(1)));
        let bytes_max = self.limits.gather_bytes_max;
        let start = Start::Back { before, count: limit, bytes_max };
        let (reader, Started { after, .. }) = self.read_from(start);
        let back = Begun { reader, after, lost: Vec::new() };
        let bound = since.map(|since| self.begin(since)).filter(|bound| bound.after >= after);
        let has_more = bound.is_none() && after > 0;
        let Begun { mut reader, after, lost } = bound.unwrap_or(back);
        let (mut gathered, mut items) = (Gathered::default(), Vec::new());
        while !gathered.is_caught_up() {
            self.gather(&mut reader, upto, &mut gathered);
            items.append(&mut up_to(upto, gathered.items().iter()));
            reader.advance(&gathered, gathered.items().len());
        }
        Page::new(items, upto, lost)
            .behind(&reader, self.broker)
            .reaching(Reach { before: after.min(upto).saturating_add(1), has_more })
    }

    /// The page of who asks for what is before a position of another epoch.
    fn nothing_before(&self, bound: Since) -> Page {
        let (_, Started { after, .. }) = self.read_from(Start::Earliest);
        Page::new(Vec::new(), after, vec![self.lost(bound, after)])
            .reaching(Reach { before: after.saturating_add(1), has_more: false })
    }

    /// The offset before `bound`, no further than the head, or `None` in another epoch.
    fn last_before(&self, bound: Since) -> Option<u64> {
        let before = match self.start(bound) {
            Start::After(position) | Start::Within { position, .. } => {
                let Position { epoch, offset } = position;
                (epoch == self.broker.epoch()).then(|| offset.saturating_sub(1))?
            }
            // The place before the first message of a time is the one behind all earlier ones.
            start => self.read_from(start).1.after,
        };
        Some(before.min(self.head))
    }

    fn begin(&self, since: Since) -> Begun {
        let (reader, Started { after, is_foreign }) = self.read_from(self.start(since));
        let lost = is_foreign.then(|| self.lost(since, after));
        Begun { reader, after, lost: lost.into_iter().collect() }
    }

    fn start(&self, place: Since) -> Start {
        Place::Since(place).start(self.time)
    }

    fn lost(&self, place: Since, to: u64) -> Lost {
        let subscription =
            Subscription { pattern: self.pattern.clone(), place: Place::Since(place) };
        Lost { subscription, to }
    }

    fn read_from(&self, start: Start) -> (Reader, Started) {
        Reader::once(self.broker, self.pattern.clone(), start)
    }

    fn gather(&self, reader: &mut Reader, upto: u64, gathered: &mut Gathered) {
        reader.gather(self.broker, upto, self.limits.gather_bytes_max, gathered);
    }
}

/// A reader at the place where a page begins, and what the place asked for has lost.
struct Begun {
    reader: Reader,
    after: u64,
    lost: Vec<Lost>,
}

/// What a page up to this offset tells of `items`: of losses, only what would have been on it.
fn up_to<'a>(upto: u64, items: impl Iterator<Item = &'a Item>) -> Vec<Item> {
    let tell = |item: &Item| match item {
        Item::Gap(gap) if gap.from >= upto => None,
        Item::Gap(gap) => Some(Item::Gap(Gap { to: gap.to.min(upto), ..gap.clone() })),
        Item::Message(message) => Some(Item::Message(Arc::clone(message))),
    };
    items.filter_map(tell).collect()
}

/// Messages on a page when nobody says how many.
const PAGE_MESSAGES: usize = 100;
