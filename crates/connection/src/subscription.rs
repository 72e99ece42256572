//! What a client follows, and where it begins: from what the client said to a cursor's start.

use crate::Time;
use std::{
    fmt,
    task::{Poll, Waker, ready},
};
use tidewire_broker::{
    Broker, Forbidden, Found, Grant, HistoryPermit, Lane, Pattern, PendingReads, ReadContext,
    Reader, Search, Start, SubscribePermit, WaiterId,
};
use tidewire_protocol::{Bookmark, Since};

/// What to follow, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The channels.
    pub pattern: Pattern,
    /// Where it begins.
    pub start: RequestedStart,
}

impl Subscription {
    /// Checks that `grant` covers `subscriptions` and where they begin, as at `time`.
    ///
    /// # Errors
    ///
    /// It does not cover one of them, or has expired.
    pub fn check(subscriptions: &[Self], grant: &Grant, time: Time) -> Result<(), Forbidden> {
        grant.check_expiry(time.wall_ms)?;
        permit(subscriptions, grant, time).map(drop)
    }

    /// Looks for where `subscriptions` begin, so that following them waits for nothing and takes no long look.
    /// Ask again when `waker` is woken; `finding` is to live until then.
    ///
    /// # Errors
    ///
    /// The grant does not cover one of them, or where it begins.
    pub fn find(
        subscriptions: &mut [Self],
        grant: &Grant,
        broker: &Broker,
        finding: &mut Finding,
        waker: &Waker,
    ) -> Poll<Result<(), Forbidden>> {
        let Finding { time, pending_reads, search } = finding;
        if pending_reads.is_waiting(waker) {
            return Poll::Pending;
        }
        for group in subscriptions.chunk_by_mut(|one, other| one.start == other.start) {
            let Some(Self { start, .. }) = group.first() else { continue };
            if matches!(start, RequestedStart::Found(..)) {
                continue;
            }
            let permits = group.iter().map(|one| grant.permit_subscribe(&one.pattern));
            let permits: Vec<SubscribePermit> = permits.collect::<Result<_, _>>()?;
            let place = start.resolve(*time, || grant.permit_history())?;
            let context = ReadContext::new(pending_reads, waker);
            if let Start::Found(found) = ready!(place.find(broker, &permits, search, context)) {
                *search = Search::default();
                let start = RequestedStart::Found(found, Box::new(start.clone()));
                group.iter_mut().for_each(|one| one.start = start.clone());
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// How far [`Subscription::find`] has come, and what it waits for.
#[derive(Debug)]
pub struct Finding {
    /// From which `ago` is counted, however long it takes.
    time: Time,
    pending_reads: PendingReads,
    search: Search,
}

impl Finding {
    /// The time at which it began.
    pub(crate) fn time(&self) -> Time {
        self.time
    }

    /// One that begins now.
    pub fn new(time: Time) -> Self {
        Self { time, pending_reads: PendingReads::default(), search: Search::default() }
    }
}

/// Where a client asked to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestedStart {
    /// A place that this server can make sense of.
    Since(Since),
    /// A last event id that is not a position of ours: a gap notice comes first, and then what is retained.
    Foreign(String),
    /// The place found by [`Subscription::find`], and what the client asked for.
    Found(Found, Box<RequestedStart>),
}

impl RequestedStart {
    /// After the newest message.
    pub const NOW: Self = Self::Since(Since::Now);

    /// Reads a last event id, which may come from another server or another life of this one.
    pub fn from_last_event_id(text: &str) -> Self {
        match text.parse() {
            Ok(bookmark) => Self::Since(Bookmark::into(bookmark)),
            // Long or odd ids are cut: they are only handed back to be recognised.
            Err(_) => Self::Foreign(text.chars().take(FOREIGN_CHARS_MAX).collect()),
        }
    }

    /// What it means at `time`, by the permit for what is past, which `now` and positions do without.
    pub(crate) fn resolve<E>(
        &self,
        time: Time,
        history: impl FnOnce() -> Result<HistoryPermit, E>,
    ) -> Result<Start, E> {
        Ok(match self {
            Self::Since(Since::Now) => Start::Now,
            Self::Since(Since::Earliest) | Self::Foreign(_) => Start::Earliest(history()?),
            Self::Since(Since::After(bookmark)) => Start::After(*bookmark),
            Self::Since(Since::Time(time_ms)) => Start::Time(*time_ms, history()?),
            Self::Since(Since::Ago(duration)) => {
                let ago_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
                Start::Time(time.wall_ms.saturating_sub(ago_ms), history()?)
            }
            // The grant was asked before the search.
            Self::Found(found, _) => Start::Found(*found),
        })
    }

    /// Whether it may have to be looked for where that is in what `pattern` selects: by an archive, or in all channels.
    pub(crate) fn may_search(&self, pattern: &Pattern) -> bool {
        let is_time = matches!(self, Self::Since(Since::Time(_) | Since::Ago(_)));
        is_time || (*self != Self::NOW && pattern.as_channel().is_none())
    }

    fn is_foreign(&self) -> bool {
        match self {
            Self::Foreign(_) => true,
            Self::Found(_, start) => start.is_foreign(),
            Self::Since(_) => false,
        }
    }
}

/// How the client spelled it.
impl fmt::Display for RequestedStart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Since(since) => since.fmt(formatter),
            Self::Found(_, start) => start.fmt(formatter),
            Self::Foreign(text) => text.fmt(formatter),
        }
    }
}

/// A subscription whose requested start this log does not have.
#[derive(Clone, Debug)]
pub(crate) struct LostStart {
    pub(crate) subscription: Subscription,
    /// The offset after which what is retained follows.
    pub(crate) to: u64,
}

/// A subscription that a grant allows, and where it may begin.
pub(crate) struct Permitted<'a> {
    subscription: &'a Subscription,
    permit: SubscribePermit,
    start: Start,
}

impl Permitted<'_> {
    /// Whether it begins before the newest message.
    pub(crate) fn replays(&self) -> bool {
        self.subscription.start != RequestedStart::NOW
    }
}

/// Allows `subscriptions`.
///
/// # Errors
///
/// The grant does not cover one of them, or where it begins: then none is allowed.
pub(crate) fn permit<'a>(
    subscriptions: &'a [Subscription],
    grant: &Grant,
    time: Time,
) -> Result<Vec<Permitted<'a>>, Forbidden> {
    let permit = |subscription: &'a Subscription| {
        let permit = grant.permit_subscribe(&subscription.pattern)?;
        let start = subscription.start.resolve(time, || grant.permit_history())?;
        Ok(Permitted { subscription, permit, start })
    };
    subscriptions.iter().map(permit).collect()
}

/// Makes a waiter and its reader follow what is `permitted`, subscriptions at one place together.
///
/// Returns the offset after which the last of them begins, and the starts that are lost.
pub(crate) fn follow(
    permitted: &[Permitted<'_>],
    waiter: WaiterId,
    reader: &mut Reader,
    (broker, lane): (&Broker, &mut Lane),
) -> (u64, Vec<LostStart>) {
    let (mut after, mut lost) = (broker.head(), Vec::new());
    let is_at_one_place = |one: &Permitted<'_>, other: &Permitted<'_>| {
        one.subscription.start == other.subscription.start
    };
    for group in permitted.chunk_by(is_at_one_place) {
        let Some(Permitted { subscription: Subscription { start, .. }, start: place, .. }) =
            group.first()
        else {
            continue;
        };
        let mut permits: Vec<SubscribePermit> = Vec::with_capacity(group.len());
        for Permitted { permit, .. } in group {
            // A pattern given twice is followed once, also by the lane.
            if !reader.follows(permit.pattern()) && !permits.contains(permit) {
                lane.follow(waiter, permit.pattern());
                permits.push(permit.clone());
            }
        }
        let started = reader.follow(broker, &permits, *place);
        after = started.after;
        if started.is_foreign || start.is_foreign() {
            lost.extend(permits.iter().map(|permit| LostStart {
                subscription: Subscription {
                    pattern: permit.pattern().clone(),
                    start: start.clone(),
                },
                to: started.after,
            }));
        }
    }
    (after, lost)
}

const FOREIGN_CHARS_MAX: usize = 64;
