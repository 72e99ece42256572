//! The window of deduplication: the ids of a channel's recent messages, and their positions.

use crate::{Content, Draft, HeldId, Label, Repeats};
use std::collections::{HashMap, VecDeque};
use xxhash_rust::xxh3::Xxh3;

/// The ids of a channel's newest messages, as many and for as long as its [`Repeats`] say.
#[derive(Debug, Default)]
pub struct DedupWindow {
    by_id: HashMap<Label, Known>,
    /// The oldest first.
    order: VecDeque<Label>,
}

#[derive(Debug)]
struct Known {
    offset: u64,
    digest: u128,
    time_ms: u64,
    /// Its place in the publisher's account.
    _held: Option<HeldId>,
}

/// What is known of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DedupOutcome {
    /// Nothing: the message is new.
    New,
    /// The same message was published before, at this offset.
    Duplicate(u64),
    /// Another message has it.
    Conflict,
}

impl DedupWindow {
    /// Whether a message with this id and [`digest`] has been published.
    pub fn look(&self, id: &Label, digest: u128, window: &Repeats, now_ms: u64) -> DedupOutcome {
        match self.by_id.get(id) {
            Some(known) if known.is_over(window, now_ms) => DedupOutcome::New,
            Some(known) if known.digest == digest => DedupOutcome::Duplicate(known.offset),
            Some(_) => DedupOutcome::Conflict,
            None => DedupOutcome::New,
        }
    }

    /// Remembers an id that [`DedupWindow::look`] has never seen, with its place in an account, and forgets what the window no longer
    /// holds: returns the offsets of those messages.
    pub fn note(
        &mut self,
        id: Label,
        digest: u128,
        offset: u64,
        window: &Repeats,
        time_ms: u64,
        held: Option<HeldId>,
    ) -> Vec<u64> {
        let mut forgotten = self.forget(window, time_ms);
        let known = Known { offset, digest, time_ms, _held: held };
        match self.by_id.insert(id.clone(), known) {
            Some(known) => forgotten.push(known.offset),
            None => self.order.push_back(id),
        }
        while self.by_id.len() > window.ids_max {
            forgotten.extend(self.forget_oldest());
        }
        forgotten
    }

    /// Forgets what is older than the window, and returns the offsets of those messages.
    pub fn forget(&mut self, window: &Repeats, now_ms: u64) -> Vec<u64> {
        let mut forgotten = Vec::new();
        while let Some(oldest) = self.order.front().and_then(|id| self.by_id.get(id))
            && oldest.is_over(window, now_ms)
        {
            forgotten.extend(self.forget_oldest());
        }
        if self.by_id.is_empty() {
            *self = Self::default();
        }
        forgotten
    }

    /// How many ids are remembered.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    fn forget_oldest(&mut self) -> Option<u64> {
        let id = self.order.pop_front()?;
        Some(self.by_id.remove(&id)?.offset)
    }
}

impl Known {
    fn is_over(&self, window: &Repeats, now_ms: u64) -> bool {
        self.time_ms.saturating_add(window.age_max_ms) <= now_ms
    }
}

/// Ids remembered in all channels together: a few hundred megabytes at the very worst.
pub const IDS_MAX: usize = 1_000_000;

/// Distinguishes a repeat from another message with the same id: 128 bits (XXH3) of its content, the same in every
/// version and on every machine.
pub fn digest(draft: &Draft) -> u128 {
    let Draft { content, event, key, .. } = draft;
    let kind: u8 = match content {
        Content::Json(_) => 0,
        Content::Text(_) => 1,
        Content::Binary(_) => 2,
        Content::Nothing => 3,
    };
    let mut hash = Xxh3::new();
    hash.update(&[kind]);
    for label in [event, key] {
        // Neither holds a NUL, so what is one's end and the other's beginning stays apart.
        hash.update(label.as_ref().map_or("", Label::as_str).as_bytes());
        hash.update(&[0]);
    }
    hash.update(content.as_bytes());
    hash.digest128()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Repeats = Repeats { ids_max: 3, age_max_ms: 100 };

    fn id(text: &str) -> Label {
        text.parse().unwrap()
    }

    #[test]
    fn a_repeat_is_distinguished_from_another_message() {
        let mut dedup_window = DedupWindow::default();
        dedup_window.note(id("a"), 1, 7, &WINDOW, 0, None);
        assert_eq!(dedup_window.look(&id("a"), 1, &WINDOW, 99), DedupOutcome::Duplicate(7));
        assert_eq!(dedup_window.look(&id("a"), 2, &WINDOW, 99), DedupOutcome::Conflict);
        assert_eq!(dedup_window.look(&id("b"), 1, &WINDOW, 99), DedupOutcome::New);
    }

    #[test]
    fn ids_leave_the_window_by_age_and_by_count() {
        let mut dedup_window = DedupWindow::default();
        for (at, name) in [(0, "a"), (10, "b"), (20, "c")] {
            assert_eq!(dedup_window.note(id(name), 1, at, &WINDOW, at, None), []);
        }
        assert_eq!(dedup_window.note(id("d"), 1, 30, &WINDOW, 30, None), [0]);
        assert_eq!(dedup_window.look(&id("a"), 1, &WINDOW, 30), DedupOutcome::New);
        assert_eq!(dedup_window.look(&id("b"), 1, &WINDOW, 110), DedupOutcome::New);
        assert_eq!(dedup_window.forget(&WINDOW, 120), [10, 20]);
        assert_eq!((dedup_window.len(), dedup_window.order.len()), (1, 1));
    }

    #[test]
    fn an_id_whose_time_was_over_is_new_again() {
        let mut dedup_window = DedupWindow::default();
        dedup_window.note(id("a"), 1, 7, &WINDOW, 0, None);
        assert_eq!(dedup_window.look(&id("a"), 2, &WINDOW, 100), DedupOutcome::New);
        dedup_window.note(id("a"), 2, 9, &WINDOW, 100, None);
        assert_eq!(dedup_window.look(&id("a"), 2, &WINDOW, 150), DedupOutcome::Duplicate(9));
        assert_eq!(dedup_window.order.len(), 1);
    }

    #[test]
    fn everything_that_a_message_carries_makes_its_digest() {
        let text = || Draft::new(Content::Text("x".into()));
        let with = |event: Option<&str>, key: Option<&str>| Draft {
            event: event.map(id),
            key: key.map(id),
            ..text()
        };
        let all = [
            text(),
            Draft::new(Content::Json("x".into())),
            with(Some("a"), None),
            with(None, Some("a")),
            with(Some("a"), Some("b")),
            with(Some("ab"), None),
        ];
        for (at, one) in all.iter().enumerate() {
            assert_eq!(digest(one), digest(&Draft { id: Some(id("i")), ..one.clone() }));
            assert!(all.iter().skip(at + 1).all(|other| digest(one) != digest(other)));
        }
    }
}
