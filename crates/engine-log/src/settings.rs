//! How a store is used: when its files are synced, and what it may hold.

use std::time::Duration;
use tidewire_broker::Limits;

/// When a publish is safe from what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// It is answered once it survives a power cut. Publishers that wait share one sync.
    #[default]
    Always,
    /// It is answered at once; a crash of the process or the machine loses what was answered in
    /// the last interval before it.
    Every(Duration),
    /// It is answered at once; a crash loses what was answered since the store last tidied up by
    /// itself: some megabytes.
    Never,
}

/// How a store is used.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// When a publish is safe from what.
    pub sync: Sync,
    /// What the broker holds in memory, and what each channel keeps on disk.
    pub limits: Limits,
    /// What the messages of all channels together may cost on disk, in bytes of payloads and labels
    /// and a fixed cost a message; `None` is as much as the disk holds. The oldest message goes
    /// first; values of compacted channels stay, and what would pass the bound with them is refused.
    pub bytes_max: Option<u64>,
    /// What messages read from disk may take in memory, with their encodings, for readers to share;
    /// `None` is 64 MiB.
    pub cache_bytes_max: Option<usize>,
}
