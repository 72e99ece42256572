//! How far back the newest messages before a place reach.
//!
//! The log is read in one direction. A page of its past is found here, by stepping back over offsets
//! alone, and is then read forward like anything else.

use crate::{Asker, Broker, channel::Channel, cursor::Follow, gather::wild_patterns};
use std::{
    collections::BinaryHeap,
    sync::Arc,
    task::{Poll, ready},
};

/// How much of the past is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// Messages before this offset.
    pub(crate) before: u64,
    /// At most so many.
    pub(crate) count: usize,
    /// Of about so many bytes on a wire, or a single one that is larger.
    pub(crate) bytes_max: usize,
}

/// The offset of the newest message that is older than those wanted, or 0 where there is none.
///
/// Channels are merged by offset, a run of one channel under one hold of its lock.
/// O(count × log channels), after one look at all channels where a pattern has a wildcard.
pub(crate) fn place_before(
    broker: &Broker,
    follows: &[Follow],
    wanted: Wanted,
    asker: Asker<'_>,
) -> Poll<u64> {
    let (mut order, channels) = ready!(newest(broker, follows, wanted, asker));
    let (mut count, mut bytes) = (0, 0_usize);
    while let Some((newest, at)) = order.pop() {
        // A channel may be followed by name and by patterns: its twins stand at the same place.
        while order.peek().is_some_and(|(twin, _)| *twin == newest) {
            order.pop();
        }
        let other = order.peek().map_or(0, |(other, _)| *other);
        let Some(channel) = channels.get(at) else { continue };
        let before = newest.saturating_add(1);
        let run = ready!(channel.back(&broker.shared, before, RUN_MESSAGES + 1, asker));
        for (read, (offset, message_bytes)) in run.into_iter().enumerate() {
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

/// Offsets, each with the index of its channel, and the channels.
type Newest = (BinaryHeap<(u64, usize)>, Vec<Arc<Channel>>);

/// The channels that may hold some of what is wanted, by the offset of their newest message there.
fn newest(
    broker: &Broker,
    follows: &[Follow],
    Wanted { before, count, .. }: Wanted,
    asker: Asker<'_>,
) -> Poll<Newest> {
    // Each has one message at least, so more of them than messages are not needed; nor are twins.
    let channels_max = count.saturating_add(1).saturating_add(follows.len());
    let mut found: Vec<(u64, Arc<Channel>)> = Vec::new();
    let (mut too_old, mut waits) = (0, false);
    let mut consider = |channel: &Arc<Channel>| {
        if channel.last() <= too_old {
            return;
        }
        // As many channels as one may be asked for at once, so that one wait serves for all.
        let Poll::Ready(newest) = channel.back(&broker.shared, before, 1, asker) else {
            waits = true;
            return;
        };
        found.extend(newest.first().map(|(offset, _)| (*offset, Arc::clone(channel))));
        if found.len() / 2 >= channels_max {
            let by_offset = |one: &(u64, _), other: &(u64, _)| other.0.cmp(&one.0);
            let (_, (oldest, _), _) = found.select_nth_unstable_by(channels_max, by_offset);
            too_old = *oldest;
            found.truncate(channels_max);
        }
    };
    follows.iter().filter_map(|follow| follow.channel.as_ref()).for_each(&mut consider);
    let wild = wild_patterns(follows);
    if !wild.is_empty() {
        broker.shared.registry.scan(|channel| {
            if wild.has_match(channel.name()) {
                consider(channel);
            }
        });
    }
    if waits {
        return Poll::Pending;
    }
    let order = found.iter().enumerate().map(|(at, (offset, _))| (*offset, at)).collect();
    Poll::Ready((order, found.into_iter().map(|(_, channel)| channel).collect()))
}

/// Messages of one channel looked at in one go.
const RUN_MESSAGES: usize = 64;
