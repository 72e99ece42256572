//! What the engine measures of itself: how long commits and answers take, what fails, and what is stored.
//!
//! A few threads write, and any may read.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

/// What is measured.
#[derive(Debug, Default)]
pub(crate) struct LogMetrics {
    pub(crate) commits: Histogram,
    pub(crate) answers: Histogram,
    failed_commits: AtomicU64,
    failed_syncs: AtomicU64,
    failed_reads: AtomicU64,
    /// The last commit or sync has failed.
    is_failing: AtomicBool,
    messages: AtomicU64,
    bytes: AtomicU64,
}

/// What the engine stores, and how it does, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStats {
    /// Publishes that wait to be committed.
    pub waiting: usize,
    /// What they take, in bytes.
    pub waiting_bytes: usize,
    /// Messages stored.
    pub messages: u64,
    /// What they cost, in bytes.
    pub bytes: u64,
    /// How long commits take, with their sync where one is waited for.
    pub commits: Timings,
    /// How long publishes take, from the engine's taking them over to its answer.
    pub answers: Timings,
    /// Commits that have failed since the start.
    pub failed_commits: u64,
    /// Syncs that have failed that no publisher waited for.
    pub failed_syncs: u64,
    /// Reads that have failed.
    pub failed_reads: u64,
    /// Whether the last commit or sync went well.
    pub is_writable: bool,
}

/// How many things took how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timings {
    /// The sum of all, in microseconds.
    pub sum_us: u64,
    /// How many are in each bucket, with its upper bound in microseconds; the last has none.
    pub buckets: Vec<(Option<u64>, u64)>,
}

impl LogMetrics {
    pub(crate) fn note_failed_commit(&self) {
        self.failed_commits.fetch_add(1, Ordering::Relaxed);
        self.is_failing.store(true, Ordering::Relaxed);
    }

    pub(crate) fn note_failed_sync(&self) {
        self.failed_syncs.fetch_add(1, Ordering::Relaxed);
        self.is_failing.store(true, Ordering::Relaxed);
    }

    pub(crate) fn note_failed_read(&self) {
        self.failed_reads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_written(&self) {
        self.is_failing.store(false, Ordering::Relaxed);
    }

    /// Notes what is stored by now.
    pub(crate) fn note_stored(&self, messages: u64, bytes: u64) {
        self.messages.store(messages, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// All of it, with what waits.
    pub(crate) fn read(&self, (waiting, waiting_bytes): (usize, usize)) -> LogStats {
        LogStats {
            waiting,
            waiting_bytes,
            messages: self.messages.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            commits: self.commits.read(),
            answers: self.answers.read(),
            failed_commits: self.failed_commits.load(Ordering::Relaxed),
            failed_syncs: self.failed_syncs.load(Ordering::Relaxed),
            failed_reads: self.failed_reads.load(Ordering::Relaxed),
            is_writable: !self.is_failing.load(Ordering::Relaxed),
        }
    }
}

/// Times, counted by how long they are.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    counts: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    pub(crate) fn record(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let at = BOUNDS_US.iter().position(|bound| us <= *bound).unwrap_or(BOUNDS_US.len());
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    fn read(&self) -> Timings {
        let bounds = BOUNDS_US.into_iter().map(Some).chain([None]);
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let sum_us = self.sum_us.load(Ordering::Relaxed);
        Timings { sum_us, buckets: bounds.zip(counts).collect() }
    }
}

/// From a disk that only notes a write to one that is about to fail.
const BOUNDS_US: [u64; 15] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 10_000_000,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_first_bucket_whose_bound_it_does_not_pass() {
        let histogram = Histogram::default();
        for us in [100, 101, 3_000_000, 60_000_000] {
            histogram.record(Duration::from_micros(us));
        }
        let Timings { sum_us, buckets } = histogram.read();
        assert_eq!(sum_us, 63_000_201);
        let filled: Vec<_> = buckets.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(Some(100), 1), (Some(250), 1), (Some(10_000_000), 1), (None, 1)]);
    }

    #[test]
    fn a_failure_lasts_until_something_is_written() {
        let metrics = LogMetrics::default();
        metrics.note_failed_commit();
        metrics.note_failed_sync();
        let stats = metrics.read((2, 600));
        assert_eq!((stats.failed_commits, stats.failed_syncs, stats.is_writable), (1, 1, false));
        assert_eq!((stats.waiting, stats.waiting_bytes), (2, 600));
        metrics.note_written();
        assert!(metrics.read((0, 0)).is_writable);
    }
}
