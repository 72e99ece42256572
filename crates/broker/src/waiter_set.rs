//! Sets of waiters, 64 to a word, so that they are united a word at a time.
//!
//! A waiter that follows many patterns is in many sets. To notify the waiters of a channel that several patterns select,
//! a lane unites their sets, a window of waiters at a time, and visits each waiter once.

use std::ops::ControlFlow;

/// Waiters by number. The words are in order, and none is empty: a set of one waiter has one word.
#[derive(Debug, Default)]
pub(crate) struct WaiterSet(Vec<Word>);

/// Waiter `64 * at + bit` is in the set if that bit is set.
#[derive(Clone, Copy, Debug)]
struct Word {
    at: usize,
    bits: u64,
}

/// Any waiters of a lane, with a word for each 64 that there could be.
#[derive(Debug, Default)]
pub(crate) struct WaiterBits(Vec<u64>);

/// Those waiters of some sets that are in one window.
#[derive(Debug)]
pub(crate) struct Window {
    first: usize,
    words: [u64; WINDOW_WORDS],
}

impl WaiterSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// No waiter of the set has this number, nor a higher one.
    pub(crate) fn end(&self) -> usize {
        self.0.last().map_or(0, |word| (word.at + 1) * WORD_WAITERS)
    }

    /// How many there are. O(words).
    pub(crate) fn len(&self) -> usize {
        self.0
            .iter()
            .fold(0, |len, word| len + usize::try_from(word.bits.count_ones()).unwrap_or(0))
    }

    pub(crate) fn contains(&self, waiter: usize) -> bool {
        let (at, bit) = place(waiter);
        let found = self.0.binary_search_by_key(&at, |word| word.at).ok();
        found.and_then(|found| self.0.get(found)).is_some_and(|word| word.bits & bit != 0)
    }

    /// O(log words), and O(words) for the first waiter of a word.
    pub(crate) fn insert(&mut self, waiter: usize) {
        let (at, bit) = place(waiter);
        match self.0.binary_search_by_key(&at, |word| word.at) {
            Ok(found) => self.0.get_mut(found).into_iter().for_each(|word| word.bits |= bit),
            Err(gap) => self.0.insert(gap, Word { at, bits: bit }),
        }
    }

    /// Takes a waiter out, if it is there. O(log words), and O(words) for the last waiter of a word.
    pub(crate) fn remove(&mut self, waiter: usize) {
        let (at, bit) = place(waiter);
        let Ok(found) = self.0.binary_search_by_key(&at, |word| word.at) else { return };
        let Some(word) = self.0.get_mut(found) else { return };
        word.bits &= !bit;
        if word.bits == 0 {
            self.0.remove(found);
            if self.0.capacity() > SPARE_WORDS && self.0.len() < self.0.capacity() / 4 {
                self.0.shrink_to(self.0.len() * 2);
            }
        }
    }
}

impl WaiterBits {
    pub(crate) fn insert(&mut self, waiter: usize) {
        let (at, bit) = place(waiter);
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        self.0.get_mut(at).into_iter().for_each(|bits| *bits |= bit);
    }

    pub(crate) fn remove(&mut self, waiter: usize) {
        let (at, bit) = place(waiter);
        self.0.get_mut(at).into_iter().for_each(|bits| *bits &= !bit);
    }
}

impl Window {
    /// The window that `waiter` is in, with no waiter in it yet.
    pub(crate) fn around(waiter: usize) -> Self {
        Self { first: waiter / WINDOW_WAITERS * WINDOW_WORDS, words: [0; WINDOW_WORDS] }
    }

    /// The first waiter after it.
    pub(crate) fn end(&self) -> usize {
        self.first * WORD_WAITERS + WINDOW_WAITERS
    }

    /// Adds the waiters of `set`.
    pub(crate) fn add(&mut self, set: &WaiterSet) {
        let start = set.0.partition_point(|word| word.at < self.first);
        for Word { at, bits } in set.0.get(start..).unwrap_or_default() {
            let Some(word) = self.words.get_mut(at - self.first) else { return };
            *word |= bits;
        }
    }

    /// Takes the waiters of `bits` out.
    pub(crate) fn subtract(&mut self, bits: &WaiterBits) {
        let others = bits.0.get(self.first..).unwrap_or_default();
        self.words.iter_mut().zip(others).for_each(|(word, other)| *word &= !other);
    }

    /// Visits each waiter from `from` on that is in this window or in `other`, which is of the same waiters, and
    /// says whether it is in this one. Returns the waiter at which the visitor broke off.
    pub(crate) fn visit_either(
        &self,
        other: &Self,
        from: usize,
        mut visit: impl FnMut(usize, bool) -> ControlFlow<()>,
    ) -> Option<usize> {
        let (first, mut later) = (from / WORD_WAITERS, u64::MAX << (from % WORD_WAITERS));
        let words = self.words.iter().zip(&other.words).zip(self.first..);
        for ((one, other), at) in words.skip(first.saturating_sub(self.first)) {
            let mut bits = (one | other) & later;
            later = u64::MAX;
            while bits != 0 {
                let bit = bits & bits.wrapping_neg();
                let waiter = at * WORD_WAITERS + usize::try_from(bit.trailing_zeros()).unwrap_or(0);
                if visit(waiter, one & bit != 0).is_break() {
                    return Some(waiter);
                }
                bits ^= bit;
            }
        }
        None
    }
}

fn place(waiter: usize) -> (usize, u64) {
    (waiter / WORD_WAITERS, 1 << (waiter % WORD_WAITERS))
}

const WORD_WAITERS: usize = 64;
const WINDOW_WORDS: usize = 64;
const WINDOW_WAITERS: usize = WINDOW_WORDS * WORD_WAITERS;

/// Words a set may keep allocated.
const SPARE_WORDS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn windows_of_sets_agree_with_naive_sets() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..200 {
            let waiters = [3, 70, 5_000, 20_000][random.usize(0..4)];
            let mut sets: [(WaiterSet, BTreeSet<usize>); 3] = Default::default();
            for _ in 0..random.usize(0..300) {
                let (set, naive) = &mut sets[random.usize(0..3)];
                let waiter = random.usize(0..waiters);
                if random.u8(0..3) > 0 {
                    set.insert(waiter);
                    naive.insert(waiter);
                } else {
                    set.remove(waiter);
                    naive.remove(&waiter);
                }
            }
            let (mut bits, mut without) = (WaiterBits::default(), BTreeSet::new());
            for _ in 0..random.usize(0..50) {
                let waiter = random.usize(0..waiters);
                bits.insert(waiter);
                without.insert(waiter);
                let waiter = random.usize(0..waiters);
                bits.remove(waiter);
                without.remove(&waiter);
            }
            let [(one, naive_one), (two, naive_two), (three, naive_three)] = &sets;
            let mut expected: BTreeSet<usize> = naive_one.union(naive_two).copied().collect();
            expected.retain(|waiter| !without.contains(waiter));
            expected.extend(naive_three);
            let begin = random.usize(0..=waiters);
            let (mut found, mut from) = (Vec::new(), begin);
            let end = one.end().max(two.end()).max(three.end());
            while from < end {
                let [mut window, mut other] = [Window::around(from), Window::around(from)];
                window.add(one);
                window.add(two);
                window.subtract(&bits);
                other.add(three);
                let mut left = random.usize(0..100);
                let stopped = window.visit_either(&other, from, |waiter, is_in_first| {
                    if left == 0 {
                        return ControlFlow::Break(());
                    }
                    left -= 1;
                    let is_in = naive_one.contains(&waiter) || naive_two.contains(&waiter);
                    assert_eq!(is_in_first, is_in && !without.contains(&waiter));
                    found.push(waiter);
                    ControlFlow::Continue(())
                });
                from = stopped.unwrap_or(window.end());
            }
            assert_eq!(found, expected.range(begin..).copied().collect::<Vec<_>>());
            for (set, naive) in &sets {
                assert_eq!(set.is_empty(), naive.is_empty());
                assert!(naive.last().is_none_or(|last| *last < set.end()));
            }
        }
    }
}
