//! A list of channels with news, while those are few.

use crate::channel::Channel;
use smallvec::SmallVec;
use std::sync::Arc;

/// Channels with news.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Listing {
    pub(crate) channels: SmallVec<[Arc<Channel>; 1]>,
    /// As far as this.
    pub(crate) horizon: u64,
    /// Whether there is more after the horizon.
    pub(crate) rescan: bool,
    /// The news that a lane reported is newer than this; ≤ `horizon`.
    pub(crate) news_after: u64,
}

impl Listing {
    /// What a lane reports: news newer than `after`, with none beyond it.
    pub(crate) fn reported(channels: SmallVec<[Arc<Channel>; 1]>, after: u64) -> Self {
        Self { channels, horizon: u64::MAX, rescan: false, news_after: after }
    }

    /// Forgets where the news is: somewhere after `after`, if that is before what was known.
    pub(crate) fn forget_channels(&mut self, after: u64) {
        self.news_after = self.news_after.min(after);
        (self.horizon, self.rescan) = (self.news_after, true);
        self.channels = SmallVec::new();
    }
}
