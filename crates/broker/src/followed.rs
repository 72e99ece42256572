//! Which patterns a reader follows: an index where these are many, so that one more is compared with none of the others.

use crate::Pattern;
use std::collections::HashSet;

/// An index of the patterns of a reader that follows many. A reader that follows few has none, and compares.
#[derive(Debug, Default)]
#[expect(clippy::box_collection, reason = "most readers have none, and a set takes six words")]
pub(crate) struct Followed(Option<Box<HashSet<Pattern>>>);

impl Followed {
    /// Prepares for `count` patterns, of which `known` are followed already.
    pub(crate) fn reserve<'a>(&mut self, count: usize, known: impl Iterator<Item = &'a Pattern>) {
        if self.0.is_none() && count > COMPARED_MAX {
            self.0 = Some(Box::new(known.cloned().collect()));
        }
    }

    /// Whether `pattern`, as spelled, is among those followed, which are `known`.
    pub(crate) fn has<'a>(
        &self,
        pattern: &Pattern,
        mut known: impl Iterator<Item = &'a Pattern>,
    ) -> bool {
        match &self.0 {
            Some(index) => index.contains(pattern),
            None => known.any(|known| is_same(known, pattern)),
        }
    }

    /// Takes in that `pattern` is followed now.
    pub(crate) fn insert(&mut self, pattern: &Pattern) {
        if let Some(index) = self.0.as_deref_mut() {
            index.insert(pattern.clone());
        }
    }

    /// Takes in that `pattern` is followed no longer.
    pub(crate) fn remove(&mut self, pattern: &Pattern) {
        if let Some(index) = self.0.as_deref_mut() {
            index.remove(pattern);
        }
        if self.0.as_deref().is_some_and(HashSet::is_empty) {
            self.0 = None;
        }
    }

    /// Checks that it has those that are followed, which are `known`.
    pub(crate) fn check<'a>(&self, known: impl Iterator<Item = &'a Pattern>) {
        if let Some(index) = &self.0 {
            assert_eq!(
                index.len(),
                known.count(),
                "the index has other patterns than are followed"
            );
        }
    }
}

fn is_same(one: &Pattern, other: &Pattern) -> bool {
    #[cfg(test)]
    tests::COMPARED.set(tests::COMPARED.get() + 1);
    one == other
}

/// Patterns up to which comparing is no more work than an index.
const COMPARED_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use crate::{Broker, Limits, Pattern, Reader, Start, SubscribePermit};
    use std::cell::Cell;

    thread_local! {
        /// How often two patterns were compared on this thread.
        pub(super) static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    fn patterns(from: usize, until: usize) -> Vec<Pattern> {
        (from..until).map(|n| format!("a.{n}").parse().unwrap()).collect()
    }

    fn permits(patterns: &[Pattern]) -> Vec<SubscribePermit> {
        patterns.iter().cloned().map(SubscribePermit::new).collect()
    }

    #[test]
    fn one_more_subscription_is_compared_with_few_others_however_many_there_are() {
        for at_once in [false, true] {
            let (broker, mut reader) = (Broker::new(1, Limits::default()), Reader::default());
            let before = COMPARED.get();
            let all = patterns(0, 1_000);
            for part in all.chunks(if at_once { 1_000 } else { 1 }) {
                reader.follow(&broker, &permits(part), Start::Now);
                assert!(reader.follows(&part[0]));
            }
            let compared = COMPARED.get() - before;
            assert!(compared < 1_000, "{compared} comparisons for 1,000 subscriptions");
            assert_eq!(reader.patterns().count(), 1_000);
        }
    }

    #[test]
    fn what_is_followed_is_known_whether_it_is_little_or_much() {
        let (broker, mut reader) = (Broker::new(1, Limits::default()), Reader::default());
        let all = patterns(0, 40);
        for _ in 0..2 {
            for (at, pattern) in all.iter().enumerate() {
                assert!(!reader.follows(pattern));
                // The same once more changes nothing, also beside others at the same time.
                let both = [pattern.clone(), pattern.clone(), all[0].clone()];
                reader.follow(&broker, &permits(&both), Start::Now);
                assert!(reader.follows(pattern));
                assert_eq!(reader.patterns().count(), at + 1);
            }
            for pattern in &all {
                assert!(reader.unfollow(pattern) && !reader.unfollow(pattern));
                assert!(!reader.follows(pattern));
            }
            assert_eq!(reader.patterns().count(), 0);
        }
    }
}
