//! What both stores are asked to do, and nothing more, so that neither is measured by its extras.

use anyhow::Result;
use std::path::Path;

/// A row's key: the channel and the offset, both big-endian.
pub(crate) type Key = [u8; 16];

/// An ordered store of rows, as the engine would use it.
pub(crate) trait Subject: Sized {
    /// How the tables call it.
    const NAME: &'static str;

    /// Opens the store in `directory`, or makes it.
    fn open(directory: &Path) -> Result<Self>;

    /// Writes and removes as one, then waits for the disk if `sync` says so.
    fn commit(&self, put: &[(Key, Vec<u8>)], remove: &[Key], sync: Sync) -> Result<()>;

    /// The first `count` rows at or behind `from`, in order.
    fn read(&self, from: Key, count: usize) -> Result<Vec<(Key, Vec<u8>)>>;
}

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    Wait,
    Leave,
}

/// The key of a message.
pub(crate) fn key(channel: u64, offset: u64) -> Key {
    (u128::from(channel) << 64 | u128::from(offset)).to_be_bytes()
}
