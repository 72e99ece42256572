//! The archive port: where messages are that are no longer, or not yet, in memory.
//!
//! A durable engine keeps everything that is retained; the broker keeps the newest of it and asks
//! for the rest. An archive holds whatever the broker holds too, so it does not matter for a reader
//! at which moment a message leaves the memory. What an archive has to fetch first, it is asked for
//! again later: no worker waits for a disk.

use crate::{ChannelName, Message, ReadContext, Stretch};
use std::{fmt, ops::Deref, sync::Arc, task::Poll};

/// What kind of messages is removed; it decides which readers get a gap notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossKind {
    /// Tombstones of a compacted channel, and certainly nothing else. A reader that began with the state of a later
    /// moment never had the values that they removed, and gets no gap notice.
    Tombstones,
    /// Anything else, or unknown.
    Messages,
}

/// Messages in the order of the log. Readers of the same range share them: a part is no copy.
///
/// ```
/// use std::sync::Arc;
/// use tidewire_broker::{Content, Draft, Entry, Message, Messages};
///
/// let message = |offset| {
///     let draft = Draft::new(Content::Text("hello".into()));
///     let entry = Entry { channel: "a".parse().unwrap(), offset, time_ms: 0, draft };
///     Arc::new(Message::unheld(entry))
/// };
/// let messages: Messages = (1..=3).map(message).collect();
/// let part = messages.part(1, 2);
/// assert_eq!(part.iter().map(|message| message.offset()).collect::<Vec<_>>(), [2]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Messages {
    all: Arc<[Arc<Message>]>,
    /// The part is `from .. end`; `from` ≤ `end` ≤ the length of all.
    from: usize,
    end: usize,
}

/// The result of a read from an archive.
#[derive(Clone, Debug, Default)]
pub struct ArchiveRead {
    /// The messages found, in order.
    pub messages: Messages,
    /// The offset of the next one in the range, which was not read for lack of room.
    pub next: Option<u64>,
    /// Up to which offset of the part read something could not be read; 0 for nothing. This reader gets a gap notice
    /// for it. It is not remembered: the next read may succeed, or returns it again.
    pub lost: u64,
}

/// Everything that is retained, wherever it is kept.
///
/// What is not at hand is [`Poll::Pending`]: the archive keeps the [`crate::PendingRead`] of its [`ReadContext`] and
/// drops it once it can answer. The same question is then asked again. Only a read without a waker
/// is always answered at once, for which the archive may block as long as a disk takes.
///
/// What retention or compaction takes from a channel is announced by [`crate::Broker::lose`] before
/// it is gone from here, so that nobody can miss it without a word. A reader asks the broker what is
/// lost after the archive has answered, so an answer may be as old as [`ReadContext::as_of`] allows.
pub trait Archive: fmt::Debug + Send + Sync {
    /// Reads messages in `after + 1 ..= upto`: the first at least, and about `bytes_max` bytes.
    fn read(
        &self,
        channel: &ChannelName,
        after: u64,
        upto: u64,
        bytes_max: usize,
        context: ReadContext<'_>,
    ) -> Poll<ArchiveRead>;

    /// The offset of the first message of `time_ms` or later.
    fn first_since(
        &self,
        channel: &ChannelName,
        time_ms: u64,
        context: ReadContext<'_>,
    ) -> Poll<Option<u64>>;

    /// Up to `count` messages before `before`, the newest first: their offsets, and the bytes of each
    /// one's payload, event and key.
    fn back(
        &self,
        channel: &ChannelName,
        before: u64,
        count: usize,
        context: ReadContext<'_>,
    ) -> Poll<Vec<(u64, usize)>>;

    /// Whose messages the next offsets after `after` are, as far as that is known: from the first one that
    /// is, up to where the archive likes. What is known once stays so until everything it is about is
    /// gone. `None` where nothing is known of any later offset.
    fn order(&self, after: u64, context: ReadContext<'_>) -> Poll<Option<Stretch>> {
        let _ = (after, context);
        Poll::Ready(None)
    }

    /// A place in the order before the first message of `time_ms` or later, and behind every message
    /// that is older. `None` where the order is not known so far.
    fn place_since(&self, time_ms: u64, context: ReadContext<'_>) -> Poll<Option<u64>> {
        let _ = (time_ms, context);
        Poll::Ready(None)
    }

    /// An offset than which no message held is older; `None` where that is not known.
    fn oldest(&self) -> Option<u64> {
        None
    }
}

impl Messages {
    /// Those from index `from` up to `end`, as far as there are any.
    #[must_use]
    pub fn part(&self, from: usize, end: usize) -> Self {
        let end = self.from.saturating_add(end).min(self.end);
        let from = self.from.saturating_add(from).min(end);
        Self { all: Arc::clone(&self.all), from, end }
    }

    /// Passes over the first one.
    pub(crate) fn pass_first(&mut self) {
        self.from = self.end.min(self.from + 1);
    }
}

impl Deref for Messages {
    type Target = [Arc<Message>];

    fn deref(&self) -> &[Arc<Message>] {
        self.all.get(self.from..self.end).unwrap_or_default()
    }
}

impl From<Vec<Arc<Message>>> for Messages {
    fn from(messages: Vec<Arc<Message>>) -> Self {
        let end = messages.len();
        Self { all: messages.into(), from: 0, end }
    }
}

impl FromIterator<Arc<Message>> for Messages {
    fn from_iter<I: IntoIterator<Item = Arc<Message>>>(messages: I) -> Self {
        messages.into_iter().collect::<Vec<_>>().into()
    }
}
