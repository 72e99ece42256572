//! The options of one channel, all of them with a value.

/// How one channel behaves. [`crate::Rules`] decides it from the channel's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How much of the past it keeps. In a compacted channel this bounds the tombstones only.
    pub retention: Retention,
    /// Whether a message supersedes the older ones of its key, and how many keys there may be.
    pub compaction: Option<Compaction>,
    /// Whether it has presence, published in the channel `$presence.` and its name.
    pub presence: bool,
    /// What happens to a reader if retention removes a message that it has not read, while it is connected.
    pub slow_readers: SlowReaders,
    /// Bytes of one message: payload, event and key.
    pub message_bytes_max: usize,
    /// Who may publish, among callers whose grant allows it.
    pub publishers: Publishers,
    /// For how long a message's id is remembered.
    pub repeats: Repeats,
}

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

/// How much state a compacted channel holds. What would pass a bound is refused, as no value may
/// go that nothing has superseded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compaction {
    /// Keys that have a value, at most.
    pub keys_max: usize,
    /// Bytes of all values: payloads, labels and a fixed cost a message.
    pub bytes_max: usize,
    /// After how many milliseconds a value that nothing has renewed is removed by a tombstone.
    pub age_max_ms: Option<u64>,
}

/// What happens to a reader if retention removes a message that it has not read, while it is connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlowReaders {
    /// It gets a gap notice and continues with what is left.
    #[default]
    Gap,
    /// It is disconnected. It resumes from its position, and gets the gap notice then. For messages that are removed
    /// before its first read it gets only the notice, so that each attempt makes progress.
    Disconnect,
}

/// Who may publish, among callers whose grant allows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Publishers {
    /// Every such caller.
    #[default]
    Anyone,
    /// Only requests over HTTP, not subscribers' connections.
    Requests,
    /// Nobody: the channel is read-only.
    Nobody,
}

/// For how long the ids of a channel's messages are remembered, so that repeats are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// Ids remembered in a channel; the oldest is forgotten first.
    pub ids_max: usize,
    /// Milliseconds an id is remembered.
    pub age_max_ms: u64,
}

impl Retention {
    /// Nothing goes on a channel's own account.
    pub const UNBOUNDED: Self =
        Self { messages_max: usize::MAX, bytes_max: usize::MAX, age_max_ms: u64::MAX };
}

impl Default for Retention {
    fn default() -> Self {
        Self { messages_max: 10_000, bytes_max: 16 << 20, age_max_ms: 3_600_000 }
    }
}

impl Default for Compaction {
    fn default() -> Self {
        Self { keys_max: 10_000, bytes_max: 16 << 20, age_max_ms: None }
    }
}

impl Default for Repeats {
    /// Longer than any client tries again, and some hundred kilobytes a channel.
    fn default() -> Self {
        Self { ids_max: 1_000, age_max_ms: 120_000 }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retention: Retention::default(),
            compaction: None,
            presence: false,
            slow_readers: SlowReaders::default(),
            message_bytes_max: 1 << 20,
            publishers: Publishers::default(),
            repeats: Repeats::default(),
        }
    }
}
