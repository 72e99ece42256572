//! How far back the newest messages before a place reach.
//!
//! The log is read in one direction. A page of its past is found here, by stepping back over offsets
//! alone, and is then read forward like anything else.

use crate::{
    Broker, ReadContext, channel::Channel, cursor::Follow, first_place::FirstSearches,
    gather::wild_patterns,
};
use std::{cmp::Ordering, collections::BinaryHeap, ops::ControlFlow, sync::Arc, task::Poll};

/// How much of the past is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// Messages before this offset.
    pub(crate) before: u64,
    /// The most messages.
    pub(crate) count: usize,
    /// About the most bytes of them as encoded; one larger message is allowed.
    pub(crate) bytes_max: usize,
}

/// How far the search for a start has come: kept from one question to the next, so that each channel is asked once,
/// however long an archive takes.
#[derive(Debug, Default)]
pub struct Search {
    /// The same for a place forward from the oldest messages, or from a time.
    pub(crate) first: FirstSearches,
    /// How many channels have been looked at to find those to be asked.
    looked: Looked,
    /// Channels still to be asked, the newest first, once all have been looked at.
    candidates: BinaryHeap<Candidate>,
    /// The newest message of each channel that was asked, but for those that are too old.
    found: Vec<Newest>,
    /// Of channels with nothing newer than this, none is needed.
    too_old: u64,
}

/// A channel, and the highest offset that its newest message before the place can have.
#[derive(Debug)]
struct Candidate {
    bound: u64,
    channel: Arc<Channel>,
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.bound == other.bound
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bound.cmp(&other.bound)
    }
}

/// Which channels have been looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Looked {
    #[default]
    None,
    /// Those in the places of the registry up to here, and those followed by name.
    Upto(usize),
    All,
}

/// The offset of a channel's newest message in question, and the channel.
type Newest = (u64, Arc<Channel>);

/// The offset of the newest message that is older than those wanted; 0 if there is none.
///
/// Channels are merged by offset, a run of one channel under one hold of its lock.
/// O(count × log channels), after one look at all channels where a pattern has a wildcard: some in each turn, unless
/// the read blocks.
pub(crate) fn place_before(
    broker: &Broker,
    follows: &[Follow],
    wanted: Wanted,
    search: &mut Search,
    context: ReadContext<'_>,
) -> Poll<u64> {
    if search.find_newest(broker, follows, wanted, context).is_pending() {
        return Poll::Pending;
    }
    let found = &search.found;
    let newest = found.iter().enumerate().map(|(at, (offset, _))| (*offset, at));
    let mut order: BinaryHeap<_> = newest.collect();
    let run = |newest: u64, at: usize| {
        let (_, channel) = found.get(at)?;
        Some(channel.back(&broker.shared, newest.saturating_add(1), RUN_MESSAGES + 1, context))
    };
    let (mut count, mut bytes) = (0, 0_usize);
    while let Some((newest, at)) = order.pop() {
        // A channel may be followed by name and by patterns: its twins stand at the same place.
        while order.peek().is_some_and(|(twin, _)| *twin == newest) {
            order.pop();
        }
        let other = order.peek().map_or(0, |(other, _)| *other);
        let messages = match run(newest, at) {
            None => continue,
            Some(Poll::Ready(messages)) => messages,
            Some(Poll::Pending) => {
                // Those that come next are asked along with it, so that one wait serves for many.
                while !context.has_asked_enough()
                    && let Some((newest, at)) = order.pop()
                {
                    let _later = run(newest, at);
                }
                return Poll::Pending;
            }
        };
        for (read, (offset, message_bytes)) in messages.into_iter().enumerate() {
            if offset < other || read == RUN_MESSAGES {
                order.push((offset, at));
                break;
            }
            bytes = bytes.saturating_add(message_bytes);
            if count == wanted.count || count > 0 && bytes > wanted.bytes_max {
                return Poll::Ready(offset);
            }
            count += 1;
        }
    }
    Poll::Ready(0)
}

impl Search {
    /// Finds the channels that may hold some of what is wanted, and the newest message of each there.
    fn find_newest(
        &mut self,
        broker: &Broker,
        follows: &[Follow],
        Wanted { before, count, .. }: Wanted,
        context: ReadContext<'_>,
    ) -> Poll<()> {
        if self.look(broker, follows, before, context).is_pending() {
            return Poll::Pending;
        }
        let Self { candidates, found, too_old, .. } = self;
        // Each has one message at least, so more of them than messages are not needed; nor are twins.
        let channels_max = count.saturating_add(1).saturating_add(follows.len());
        let mut waiting = Vec::new();
        while let Some(Candidate { bound, channel }) = candidates.pop() {
            if bound <= *too_old || context.has_asked_enough() {
                candidates.push(Candidate { bound, channel });
                break;
            }
            match channel.back(&broker.shared, before, 1, context) {
                Poll::Pending => waiting.push(Candidate { bound, channel }),
                Poll::Ready(newest) => {
                    found.extend(newest.first().map(|(offset, _)| (*offset, channel)));
                }
            }
            if found.len() / 2 >= channels_max {
                let by_offset = |one: &Newest, other: &Newest| other.0.cmp(&one.0);
                let (_, (oldest, _), _) = found.select_nth_unstable_by(channels_max, by_offset);
                *too_old = *oldest;
                found.truncate(channels_max);
            }
        }
        let waits = !waiting.is_empty();
        candidates.extend(waiting);
        if waits || context.has_asked_enough() {
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Finds the channels that `follows` select.
    fn look(
        &mut self,
        broker: &Broker,
        follows: &[Follow],
        before: u64,
        context: ReadContext<'_>,
    ) -> Poll<()> {
        let Self { looked, candidates, .. } = self;
        let mut consider = |channel: &Arc<Channel>, is_selected: bool| {
            let bound = channel.last().min(before.saturating_sub(1));
            if bound > 0 && is_selected {
                candidates.push(Candidate { bound, channel: Arc::clone(channel) });
            }
        };
        if *looked == Looked::None {
            let named = follows.iter().filter_map(|follow| follow.channel.as_ref());
            named.for_each(|channel| consider(channel, true));
            *looked = Looked::Upto(0);
        }
        let wild = wild_patterns(follows);
        let mut visit = |channel: &Arc<Channel>| consider(channel, wild.has_match(channel.name()));
        while let Looked::Upto(from) = *looked {
            let next = match wild.is_empty() {
                true => ControlFlow::Break(()),
                false => broker.shared.registry.scan_slice(from, TURN_CHANNELS, &mut visit),
            };
            *looked = next.continue_value().map_or(Looked::All, Looked::Upto);
            if *looked != Looked::All && !context.is_blocking() {
                context.ask_again();
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }
}

/// Places of the registry that are looked at in one turn: some hundred microseconds.
const TURN_CHANNELS: usize = 1_024;

/// Messages of one channel looked at in one go.
const RUN_MESSAGES: usize = 64;
