//! The named limits of the log, with the defaults of the design.

/// How much one channel keeps; whichever bound is reached first removes the oldest message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Messages kept in a channel, at least 1.
    pub messages_max: usize,
    /// Bytes kept in a channel: payloads, labels and a fixed cost a message.
    pub bytes_max: usize,
    /// Milliseconds a message is kept.
    pub age_max_ms: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { messages_max: 10_000, bytes_max: 16 << 20, age_max_ms: 3_600_000 }
    }
}

/// Bounds of a whole broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What each channel keeps.
    pub retention: Retention,
    /// Bytes kept in all channels together, encodings included; the oldest message goes first.
    pub bytes_max: usize,
    /// Bytes of one message: payload, event and key.
    pub message_bytes_max: usize,
    /// Channels without messages or readers whose newest lost position is still remembered.
    ///
    /// Beyond it, a reader that resumes on a forgotten channel may be told of a gap that is none;
    /// never the other way round.
    pub dead_channels_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            retention: Retention::default(),
            bytes_max: 256 << 20,
            message_bytes_max: 1 << 20,
            dead_channels_max: 10_000,
        }
    }
}
