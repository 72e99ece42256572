//! The questions that readers wait for, one of each reader in turn; each is read once for all readers that ask it.

use std::collections::{HashMap, VecDeque};
use tidewire_broker::{ChannelName, PendingRead};

/// A question about a channel, or about the order of all channels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) channel: Option<ChannelName>,
    pub(super) kind: QuestionKind,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum QuestionKind {
    /// The messages after a place.
    Run { after: u64 },
    /// The first message of a time or later.
    Since { time_ms: u64 },
    /// The last `count` messages before a position.
    Back { before: u64, count: usize },
    /// Whose messages the next offsets are.
    Order { after: u64 },
}

/// The unanswered questions. Each reader has a bounded number of them.
#[derive(Debug, Default)]
pub(super) struct Questions {
    /// Of each reader that has any, in its order.
    by_reader: HashMap<usize, VecDeque<Question>>,
    /// Whose turn it is. A turn is all that a reader has asked, as it needs that together.
    turns: VecDeque<usize>,
    /// Whether some of the first one's was read.
    has_begun: bool,
    /// Which readers wait for which question, including those of a read that has begun.
    waiting: HashMap<Question, Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    readers: Vec<PendingRead>,
    /// As many bytes as the hungriest of them wants.
    bytes_max: usize,
    is_read: bool,
}

impl Questions {
    /// Takes in that a reader waits for an answer of about `bytes_max` bytes.
    pub(super) fn push(&mut self, question: Question, bytes_max: usize, waiting: PendingRead) {
        let reader = waiting.reader();
        let asked = self.waiting.entry(question.clone()).or_default();
        asked.readers.push(waiting);
        asked.bytes_max = asked.bytes_max.max(bytes_max);
        if asked.is_read {
            return;
        }
        // Also if other readers ask it already: the first of their turns decides when it is read.
        let own = self.by_reader.entry(reader).or_insert_with(|| {
            self.turns.push_back(reader);
            VecDeque::new()
        });
        own.push_back(question);
    }

    /// Whether a reader's turn is under way.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// The next question that a reader still waits for, and about how many bytes to read.
    pub(super) fn pop(&mut self) -> Option<(Question, usize)> {
        while let Some(reader) = self.turns.front().copied() {
            self.has_begun = true;
            let own = self.by_reader.get_mut(&reader);
            let Some(question) = own.and_then(VecDeque::pop_front) else {
                self.by_reader.remove(&reader);
                self.turns.pop_front();
                self.has_begun = false;
                continue;
            };
            let Some(asked) = self.waiting.get_mut(&question).filter(|asked| !asked.is_read) else {
                // Answered in another reader's turn, or about to be.
                continue;
            };
            asked.readers.retain(|waiting| !waiting.is_gone());
            if asked.readers.is_empty() {
                self.waiting.remove(&question);
                continue;
            }
            asked.is_read = true;
            return Some((question, asked.bytes_max));
        }
        None
    }

    /// The readers that have waited for it, to be dropped once no lock is held.
    pub(super) fn answered(&mut self, question: &Question) -> Vec<PendingRead> {
        self.waiting.remove(question).map(|asked| asked.readers).unwrap_or_default()
    }

    /// Everybody, likewise: nothing is read any more.
    pub(super) fn close(&mut self) -> Vec<PendingRead> {
        (self.by_reader, self.turns) = (HashMap::new(), VecDeque::new());
        self.waiting.drain().flat_map(|(_, asked)| asked.readers).collect()
    }
}
