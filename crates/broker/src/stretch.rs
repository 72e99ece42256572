//! A stretch of the order of the log, as an archive keeps it.

use crate::ChannelName;

/// The channels of the messages at consecutive offsets, whether the messages are still retained or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// The first of the offsets.
    pub first: u64,
    /// The channels that occur.
    pub channels: Vec<ChannelName>,
    /// For each offset from `first` on, the index of its channel in `channels`, counted from 1; 0 for a forgotten channel,
    /// which was passed to [`crate::Broker::lose_forgotten`] before.
    pub entries: Vec<u32>,
}
