//! The named limits of a whole log, with the defaults of the design.

use crate::Rules;

/// Bounds of a whole broker, and the rules of its channels.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The options of each channel.
    pub rules: Rules,
    /// Bytes kept in all channels together, encodings included; the oldest message goes first.
    ///
    /// Compacted channels, whose values do not go, may hold half of it.
    pub bytes_max: usize,
    /// Channels without messages or readers whose newest lost position is still remembered.
    ///
    /// Beyond it, a reader that resumes on a forgotten channel may get a gap notice although nothing is lost. A loss is
    /// always reported.
    pub dead_channels_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rules: Rules::default(), bytes_max: 256 << 20, dead_channels_max: 10_000 }
    }
}
