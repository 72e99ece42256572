//! The lines that were read and are not yet known to be published, oldest first.
//!
//! They leave only when the server has answered for them, so that none is lost with a connection.

use std::collections::VecDeque;

/// Messages waiting for an answer.
#[derive(Debug)]
pub(super) struct Queue<M> {
    entries: VecDeque<Entry<M>>,
    /// Of all payloads.
    bytes: usize,
    limits: Limits,
    /// At most `limits.batch_lines_max`, and less after the server found a batch too large.
    batch_lines_max: usize,
}

#[derive(Debug)]
struct Entry<M> {
    line: u64,
    bytes: usize,
    message: M,
}

/// How much is kept, and how much of it is sent at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// At this number of lines no more input is read.
    pub(super) lines_max: usize,
    /// At this number of bytes of payload no more input is read.
    pub(super) bytes_max: usize,
    pub(super) batch_lines_max: usize,
    pub(super) batch_bytes_max: usize,
}

/// What to send next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Batch<M> {
    Empty,
    /// A message too large for company.
    One(M),
    Many(Vec<M>),
}

/// What becomes of a message after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineOutcome {
    /// The answer was final.
    Done,
    /// It must be sent again.
    Retry,
}

impl<M> Batch<M> {
    /// How many messages it holds.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::One(_) => 1,
            Self::Many(messages) => messages.len(),
        }
    }
}

impl<M: Clone> Queue<M> {
    pub(super) const fn new(limits: Limits) -> Self {
        let batch_lines_max = limits.batch_lines_max;
        Self { entries: VecDeque::new(), bytes: 0, limits, batch_lines_max }
    }

    /// How many messages wait.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether more input may be read.
    pub(super) fn has_room(&self) -> bool {
        self.entries.len() < self.limits.lines_max && self.bytes < self.limits.bytes_max
    }

    /// Adds the message of a line, with its payload's size.
    pub(super) fn push(&mut self, line: u64, bytes: usize, message: M) {
        self.bytes += bytes;
        self.entries.push_back(Entry { line, bytes, message });
    }

    /// The oldest messages, as many as go together.
    pub(super) fn batch(&self) -> Batch<M> {
        let batch_bytes_max = self.limits.batch_bytes_max;
        match self.entries.front() {
            None => Batch::Empty,
            Some(first) if first.bytes > batch_bytes_max => Batch::One(first.message.clone()),
            Some(_) => {
                let mut bytes = 0;
                let fits = |entry: &&Entry<M>| {
                    bytes += entry.bytes;
                    bytes <= batch_bytes_max
                };
                let entries = self.entries.iter().take(self.batch_lines_max).take_while(fits);
                Batch::Many(entries.map(|entry| entry.message.clone()).collect())
            }
        }
    }

    /// Makes the next batches smaller than this one was; no more than that of one message can be.
    pub(super) fn shrink_batch(&mut self, batch_lines: usize) {
        self.batch_lines_max = (batch_lines / 2).max(1);
    }

    /// Takes the answers to the oldest messages, in their order. What is to be sent again stays in
    /// front.
    pub(super) fn resolve<A>(
        &mut self,
        answers: impl IntoIterator<Item = A>,
        mut decide: impl FnMut(u64, A) -> LineOutcome,
    ) {
        let mut again = Vec::new();
        for answer in answers {
            let Some(entry) = self.entries.pop_front() else { break };
            match decide(entry.line, answer) {
                LineOutcome::Done => self.bytes -= entry.bytes,
                LineOutcome::Retry => again.push(entry),
            }
        }
        again.into_iter().rev().for_each(|entry| self.entries.push_front(entry));
        self.batch_lines_max = (self.batch_lines_max * 2).min(self.limits.batch_lines_max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { lines_max: 5, bytes_max: 100, batch_lines_max: 4, batch_bytes_max: 10 };

    fn queue(sizes: &[usize]) -> Queue<u64> {
        let mut queue = Queue::new(LIMITS);
        for (line, &bytes) in (1..).zip(sizes) {
            queue.push(line, bytes, line);
        }
        queue
    }

    #[test]
    fn a_batch_ends_at_either_limit() {
        assert_eq!(queue(&[]).batch(), Batch::Empty);
        assert_eq!(queue(&[1, 0, 1]).batch(), Batch::Many(vec![1, 2, 3]));
        assert_eq!(queue(&[1, 1, 1, 1, 1]).batch(), Batch::Many(vec![1, 2, 3, 4]));
        assert_eq!(queue(&[5, 5, 1]).batch(), Batch::Many(vec![1, 2]));
        assert_eq!(queue(&[5, 6, 1]).batch(), Batch::Many(vec![1]));
        assert_eq!(queue(&[11, 1]).batch(), Batch::One(1));
    }

    #[test]
    fn a_batch_found_too_large_is_halved_and_grows_back_with_answers() {
        let mut queue = queue(&[1, 1, 1, 1]);
        queue.shrink_batch(4);
        assert_eq!(queue.batch(), Batch::Many(vec![1, 2]));
        queue.shrink_batch(2);
        assert_eq!(queue.batch(), Batch::Many(vec![1]));
        queue.shrink_batch(1);
        assert_eq!(queue.batch(), Batch::Many(vec![1]));
        queue.resolve([()], |_, ()| LineOutcome::Done);
        assert_eq!(queue.batch(), Batch::Many(vec![2, 3]));
        queue.resolve([()], |_, ()| LineOutcome::Done);
        assert_eq!(queue.batch(), Batch::Many(vec![3, 4]));
    }

    #[test]
    fn there_is_no_room_at_either_limit_until_something_is_settled() {
        for sizes in [&[0; 5][..], &[60, 40]] {
            let mut queue = queue(sizes);
            assert!(!queue.has_room());
            queue.resolve([()], |_, ()| LineOutcome::Retry);
            assert!(!queue.has_room());
            queue.resolve([()], |_, ()| LineOutcome::Done);
            assert!(queue.has_room());
        }
    }

    #[test]
    fn what_must_be_sent_again_keeps_its_order_in_front() {
        let mut queue = queue(&[1, 1, 1, 1, 1]);
        let mut seen = Vec::new();
        queue.resolve([LineOutcome::Retry, LineOutcome::Done, LineOutcome::Retry], |line, fate| {
            seen.push(line);
            fate
        });
        assert_eq!(seen, [1, 2, 3]);
        assert_eq!(queue.batch(), Batch::Many(vec![1, 3, 4, 5]));
        assert_eq!((queue.len(), queue.bytes), (4, 4));
    }
}
