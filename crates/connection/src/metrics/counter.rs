//! Numbers that one thread changes and any thread reads, with nothing that two threads would have to agree on.

use std::{
    array,
    marker::PhantomData,
    sync::atomic::{AtomicU64, Ordering},
};

/// A number that one thread changes and any thread reads.
///
/// If two threads changed it, one change might be lost; nothing worse.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The number.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds to it.
    #[inline]
    pub fn add(&self, count: u64) {
        self.0.store(self.get().wrapping_add(count), Ordering::Relaxed);
    }

    /// Subtracts from it, down to 0.
    pub fn subtract(&self, count: u64) {
        self.0.store(self.get().saturating_sub(count), Ordering::Relaxed);
    }

    /// Puts another number in its place.
    pub fn set(&self, count: u64) {
        self.0.store(count, Ordering::Relaxed);
    }
}

/// The upper bounds of a histogram's buckets, in ascending order and fewer than [`BUCKETS`].
pub trait Bounds {
    /// Each is the largest value of its bucket. What is larger than the last has a bucket of its own.
    const BOUNDS: &'static [u64];
}

/// How many values fell into each of some ranges, and their sum.
#[derive(Debug)]
pub struct Histogram<B> {
    counts: [Counter; BUCKETS],
    sum: Counter,
    bounds: PhantomData<B>,
}

impl<B: Bounds> Histogram<B> {
    /// Counts `value`, `times` times. O(bounds).
    pub fn record(&self, value: u64, times: u64) {
        const { assert!(B::BOUNDS.len() < BUCKETS, "there is a bucket for each bound and one more") };
        let at = B::BOUNDS.iter().position(|bound| value <= *bound).unwrap_or(B::BOUNDS.len());
        self.counts.get(at).into_iter().for_each(|counter| counter.add(times));
        self.sum.add(value.wrapping_mul(times));
    }

    /// What it holds.
    pub fn read(&self) -> Distribution {
        let counts = array::from_fn(|at| self.counts.get(at).map_or(0, Counter::get));
        Distribution { bounds: B::BOUNDS, counts, sum: self.sum.get() }
    }
}

impl<B> Default for Histogram<B> {
    fn default() -> Self {
        let counts = array::from_fn(|_| Counter::default());
        Self { counts, sum: Counter::default(), bounds: PhantomData }
    }
}

/// What a histogram held at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    bounds: &'static [u64],
    counts: [u64; BUCKETS],
    /// The sum of all values.
    pub sum: u64,
}

impl Distribution {
    /// An empty one with these bounds, of which those beyond the room there is are left out.
    pub const fn new(bounds: &'static [u64]) -> Self {
        Self { bounds, counts: [0; BUCKETS], sum: 0 }
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Each bucket's upper bound, and how many values are in it; `None` for the one without a bound.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let bounds = self.bounds.iter().map(|bound| Some(*bound)).chain([None]);
        bounds.zip(self.counts)
    }

    /// Adds what another one with the same bounds holds.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// Room for the buckets of a histogram: two cache lines.
pub(crate) const BUCKETS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Two;

    impl Bounds for Two {
        const BOUNDS: &'static [u64] = &[1, 10];
    }

    #[test]
    fn a_value_is_in_the_first_bucket_whose_bound_it_does_not_pass() {
        let histogram = Histogram::<Two>::default();
        for value in [0, 1, 2, 10, 11, 500] {
            histogram.record(value, 2);
        }
        let read = histogram.read();
        assert_eq!(read.buckets().collect::<Vec<_>>(), [(Some(1), 4), (Some(10), 4), (None, 4)]);
        assert_eq!((read.count(), read.sum), (12, 2 * 524));
    }

    #[test]
    fn those_of_several_workers_add_up() {
        let (one, other) = (Histogram::<Two>::default(), Histogram::<Two>::default());
        one.record(5, 1);
        other.record(7, 3);
        let mut sum = Distribution::new(Two::BOUNDS);
        [one, other].iter().for_each(|histogram| sum.add(&histogram.read()));
        assert_eq!((sum.count(), sum.sum), (4, 26));
    }

    #[test]
    fn a_number_goes_up_and_down_and_never_below_zero() {
        let counter = Counter::default();
        counter.add(3);
        counter.subtract(1);
        assert_eq!(counter.get(), 2);
        counter.subtract(9);
        assert_eq!(counter.get(), 0);
    }
}
