//! The place where a subscription begins that has asked for the oldest messages, or for those since a time.
//!
//! Mostly it follows from the order of the log. Where the order is not known, all channels are looked at: some in each turn, and
//! each of them once, however long an archive takes to answer for it.

use crate::{
    Broker, PatternMap, ReadContext, broker::Shared, channel::Channel, cursor::Follow,
    gather::wild_patterns,
};
use std::{
    ops::ControlFlow,
    sync::Arc,
    task::{Poll, ready},
};

/// How far such looks have come, by the time asked for: a page of history may have to find several places.
#[derive(Debug, Default)]
pub(crate) struct FirstSearches(Vec<(Option<u64>, FirstSearch)>);

/// How far one look at all channels has come. Kept from one turn to the next.
#[derive(Debug)]
struct FirstSearch {
    /// The eviction count, and then the head, before the first channel was looked at.
    stamp: u64,
    head: u64,
    /// The place of the registry to go on from.
    next: ControlFlow<(), usize>,
    /// The place before the oldest message found so far; ≤ `head`.
    place: u64,
}

impl FirstSearches {
    /// The place before the oldest message, of this time or later, that `follows` select. If there is none, it is the
    /// head.
    ///
    /// They get no gap notice for what retention removed before the search began.
    pub(crate) fn poll(
        &mut self,
        broker: &Broker,
        follows: &mut [Follow],
        since_ms: Option<u64>,
        context: ReadContext<'_>,
    ) -> Poll<u64> {
        let known = self.0.iter().position(|(known, _)| *known == since_ms);
        let mut search =
            known.map_or_else(|| FirstSearch::begin(broker), |at| self.0.swap_remove(at).1);
        let place = search.poll(broker, follows, since_ms, context);
        // One that has looked at no channel begins again next time. With the stamp of an earlier turn there would be a gap
        // notice for what was removed while an archive was waited for.
        if search.next != ControlFlow::Continue(0) {
            self.0.push((since_ms, search));
        }
        place
    }
}

impl FirstSearch {
    fn begin(broker: &Broker) -> Self {
        // In this order: if messages are removed or appended meanwhile, the error is a needless gap notice, not a missing
        // one.
        let stamp = broker.shared.evictions();
        let head = broker.head();
        Self { stamp, head, next: ControlFlow::Continue(0), place: head }
    }

    fn poll(
        &mut self,
        broker: &Broker,
        follows: &mut [Follow],
        since_ms: Option<u64>,
        context: ReadContext<'_>,
    ) -> Poll<u64> {
        let shared = &*broker.shared;
        follows.iter_mut().for_each(|follow| follow.stamp = self.stamp);
        let named = follows.iter().filter_map(|follow| follow.channel.as_ref());
        let named = first_of(named, shared, since_ms, context);
        let wild = wild_patterns(follows);
        let selected = match wild.is_empty() {
            true => Poll::Ready(self.head),
            false => match ready!(place_in_order(shared, &wild, since_ms, context)) {
                Some(known) => Poll::Ready(known),
                None => self.scan(broker, &wild, since_ms, context),
            },
        };
        // All are asked before any is waited for.
        let (named, selected) = (ready!(named), ready!(selected));
        Poll::Ready(named.unwrap_or(self.head).min(selected).min(self.head))
    }

    /// Looks at more channels, and says the place once it has looked at all of them.
    ///
    /// All that is looked for was there when it began, so a channel that is made meanwhile has nothing for it.
    fn scan(
        &mut self,
        broker: &Broker,
        wild: &PatternMap<()>,
        since_ms: Option<u64>,
        context: ReadContext<'_>,
    ) -> Poll<u64> {
        let (mut left, is_blocking) = (TURN_CHANNELS, context.is_blocking());
        while let ControlFlow::Continue(from) = self.next {
            if left == 0 && !is_blocking {
                context.ask_again();
                return Poll::Pending;
            }
            left = left.saturating_sub(SLICE_CHANNELS);
            let mut selected = Vec::new();
            let next = broker.shared.registry.scan_slice(from, SLICE_CHANNELS, &mut |channel| {
                if wild.has_match(channel.name()) {
                    selected.push(Arc::clone(channel));
                }
            });
            // If one has to be waited for, the same slice is looked at again.
            let first = ready!(first_of(selected.iter(), &broker.shared, since_ms, context));
            self.place = first.map_or(self.place, |first| first.min(self.place));
            self.next = next;
        }
        Poll::Ready(self.place)
    }
}

/// The place before the oldest message, of this time or later, in any of `channels`.
fn first_of<'a>(
    channels: impl Iterator<Item = &'a Arc<Channel>>,
    shared: &Shared,
    since_ms: Option<u64>,
    context: ReadContext<'_>,
) -> Poll<Option<u64>> {
    let (mut first, mut waits) = (None, false);
    for channel in channels {
        match channel.place_of(shared, since_ms, context) {
            Poll::Ready(place) => first = first.into_iter().chain(place).min(),
            // As many channels as one may be asked for at once, so that one wait serves for all.
            Poll::Pending => waits = true,
        }
    }
    if waits { Poll::Pending } else { Poll::Ready(first) }
}

/// The place before the oldest message, of this time or later, that `wild` selects, or of all channels: where the order
/// is known, without a look at each channel.
fn place_in_order(
    shared: &Shared,
    wild: &PatternMap<()>,
    since_ms: Option<u64>,
    context: ReadContext<'_>,
) -> Poll<Option<u64>> {
    match (&shared.archive, since_ms) {
        (Some(archive), Some(since_ms)) => archive.place_since(since_ms, context),
        (Some(archive), None) => {
            Poll::Ready(archive.oldest().map(|oldest| oldest.saturating_sub(1)))
        }
        (None, Some(since_ms)) => {
            let place = shared.place_since(since_ms);
            Poll::Ready(place.and_then(|place| shared.place_before_first(place, wild)))
        }
        (None, None) => Poll::Ready(shared.place_before_first(shared.place_of_oldest(), wild)),
    }
}

/// Channels that are looked at in one turn: some hundred microseconds.
const TURN_CHANNELS: usize = 1_024;

/// The same at a time: as many as one reader may ask an archive for at once.
const SLICE_CHANNELS: usize = 64;
