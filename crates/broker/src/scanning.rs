//! What a look at all channels has found so far, while it goes on: data, of which `scan` has the use.

use crate::{Pattern, channel::Channel};
use smallvec::SmallVec;
use std::{collections::BinaryHeap, sync::Arc};

/// How far a look at all channels has come, and what it has found.
#[derive(Debug, Default)]
pub(crate) struct Scanning {
    /// The first place of the registry that was not looked at.
    pub(crate) from: usize,
    /// Messages after this offset are not looked for.
    pub(crate) upto: u64,
    /// The channels whose next messages are nearest, each by its place in `channels`; the farthest first.
    nearest: BinaryHeap<(u64, usize)>,
    /// Emptied where nearer ones have been found.
    channels: Vec<Option<Arc<Channel>>>,
    /// The next message of the nearest channel that is not listed.
    beyond: Option<u64>,
    /// Word of losses: what a pattern selects is lost up to an offset.
    pub(crate) losses: Vec<(Pattern, u64)>,
    /// Whether one of them sends the reader away.
    pub(crate) is_too_slow: bool,
}

/// Two that have come equally far have found the same.
impl PartialEq for Scanning {
    fn eq(&self, other: &Self) -> bool {
        (self.from, self.upto) == (other.from, other.upto)
    }
}

impl Scanning {
    /// One that has not begun, for what is to be read up to here.
    pub(crate) fn upto(upto: u64) -> Self {
        Self { upto, ..Self::default() }
    }

    /// Adds a channel, and lets the farthest go if these are more than `listed_max`.
    pub(crate) fn add(&mut self, next: u64, channel: Arc<Channel>, listed_max: usize) {
        self.nearest.push((next, self.channels.len()));
        self.channels.push(Some(channel));
        if self.nearest.len() > listed_max
            && let Some((next, farthest)) = self.nearest.pop()
        {
            self.channels.get_mut(farthest).map(Option::take);
            self.beyond = Some(self.beyond.map_or(next, |known| known.min(next)));
        }
    }

    /// The channels that come next, and the next message of those that are too many.
    pub(crate) fn finish(self) -> (SmallVec<[Arc<Channel>; 1]>, Option<u64>) {
        (self.channels.into_iter().flatten().collect(), self.beyond)
    }
}
