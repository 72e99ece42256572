//! What an archive has said during one gather, at hand until its end: a channel is asked once for what a reader
//! merges from it, however many others have messages in between.
//!
//! It hides no loss. A reader that takes messages from here asks the channel afterwards what is lost, as it does after
//! it has asked an archive. What was lost before the archive answered was announced before it answered.

use crate::{ArchiveRead, Message, Messages, ReadContext};
use hashbrown::{HashTable, hash_table::Entry};
use std::{
    sync::Arc,
    task::{Poll, ready},
};

/// What an archive has said of each channel.
#[derive(Debug)]
pub(crate) struct ReadAhead<C> {
    /// By the channel's address.
    runs: HashTable<ArchiveRun<C>>,
    /// About how many bytes of each channel the reader takes, as far as that is known.
    pub(crate) share_bytes: usize,
}

/// Messages of one channel in `after + 1 ..= upto`, all that the archive has.
#[derive(Debug)]
pub(crate) struct ArchiveRun<C> {
    channel: Arc<C>,
    after: u64,
    upto: u64,
    messages: Messages,
    /// Something up to here could not be read; 0 for nothing.
    lost: u64,
}

impl<C> Default for ReadAhead<C> {
    fn default() -> Self {
        Self { runs: HashTable::new(), share_bytes: 0 }
    }
}

impl<C> ReadAhead<C> {
    /// What comes after `after`, which `ask` asks the archive for unless it is known. It returns up to where it
    /// has asked, too.
    pub(crate) fn obtain(
        &mut self,
        channel: &Arc<C>,
        after: u64,
        ask: impl FnOnce() -> Poll<(ArchiveRead, u64)>,
    ) -> Poll<&mut ArchiveRun<C>> {
        let ask = || ask().map(|(cold, upto)| ArchiveRun::new(channel, after, upto, cold));
        let is_its = |run: &ArchiveRun<C>| Arc::ptr_eq(&run.channel, channel);
        let run = match self.runs.entry(hash(channel), is_its, |run| hash(&run.channel)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(place) => return Poll::Ready(place.insert(ready!(ask())).into_mut()),
        };
        if !run.covers(after) {
            *run = ready!(ask());
        }
        run.pass(after);
        Poll::Ready(run)
    }

    /// How much to ask for where up to `bytes_max` may be taken: no more than a share if it has to be read at once.
    pub(crate) fn bytes_max(&self, bytes_max: usize, context: ReadContext<'_>) -> usize {
        let is_read_now = context.is_blocking();
        if is_read_now { bytes_max.min(self.share_bytes).max(1) } else { bytes_max.max(1) }
    }

    /// Drops what was read of a channel.
    pub(crate) fn forget(&mut self, channel: &Arc<C>) {
        let is_its = |run: &ArchiveRun<C>| Arc::ptr_eq(&run.channel, channel);
        if let Ok(run) = self.runs.find_entry(hash(channel), is_its) {
            run.remove();
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        self.runs.clear();
    }
}

impl<C> ArchiveRun<C> {
    fn new(channel: &Arc<C>, after: u64, upto: u64, cold: ArchiveRead) -> Self {
        let ArchiveRead { messages, next, lost } = cold;
        let upto = next.map_or(upto, |next| next - 1);
        Self { channel: Arc::clone(channel), after, upto, messages, lost }
    }

    /// Whether it says what comes after `after`. What could not be read is asked for again.
    fn covers(&self, after: u64) -> bool {
        self.lost == 0 && self.after <= after && after < self.upto
    }

    /// Passes over what is not after `after`.
    fn pass(&mut self, after: u64) {
        while self.messages.first().is_some_and(|message| message.offset() <= after) {
            self.messages.pass_first();
        }
        self.after = self.after.max(after);
    }

    /// Hands over its first messages, up to `upto`, for as long as `found` wants more.
    pub(crate) fn take(&mut self, upto: u64, mut found: impl FnMut(&Arc<Message>) -> bool) {
        while let Some(message) = self.messages.first()
            && message.offset() <= upto
        {
            let wants_more = found(message);
            self.after = message.offset();
            self.messages.pass_first();
            if !wants_more {
                break;
            }
        }
    }

    /// Up to where it says what there is.
    pub(crate) fn upto(&self) -> u64 {
        self.upto
    }

    /// Up to where something could not be read; 0 for nothing.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// The offset of the first message that was not taken.
    pub(crate) fn first(&self) -> Option<u64> {
        self.messages.first().map(|message| message.offset())
    }
}

/// Addresses are nobody's choice, so a multiplication is hash enough (Fibonacci hashing: Knuth, TAOCP 6.4).
fn hash<C>(channel: &Arc<C>) -> u64 {
    let address = u64::try_from(Arc::as_ptr(channel).addr()).unwrap_or(0);
    let product = address.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    // The table takes its places from the low bits, which the multiplication leaves as poor as they were.
    product ^ (product >> 32)
}
