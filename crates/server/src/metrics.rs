//! What an operator looks at: counts, and what else there is to know about the running server.
//!
//! Workers count for themselves ([`WorkerMetrics`] and [`LoopMetrics`]), without sharing a cache line. Rare events, such as
//! refusals, are counted here for all of them. A scrape adds everything up into [`Family`]s, which become OpenMetrics text
//! or the JSON of `$sys.stats`: both show the same figures.

mod collect;
mod family;
mod json;
mod open_metrics;
mod process;
mod stats_channel;
mod storage;

pub(crate) use open_metrics::Exposition;
pub(crate) use process::{REVISION, VERSION};
pub(crate) use stats_channel::publish_stats;

use crate::{admission::Admission, in_flight::InFlight};
use family::Family;
use std::{
    array,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tidewire_broker::Broker;
use tidewire_connection::{Counter, WorkerMetrics};
use tidewire_engine_log::LogEngine;
use tidewire_protocol::ErrorCode;

/// The counts of all workers, and of what happens seldom; cloning gives another handle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Of each worker there is or was. One that is restarted continues the counts of one that has ended.
    workers: Mutex<Vec<Arc<LoopMetrics>>>,
    refusals: Refusals,
}

/// Requests that were refused, by their error code.
#[derive(Debug)]
struct Refusals([AtomicU64; ErrorCode::ALL.len()]);

/// What one worker counts: written by its thread only.
#[derive(Debug, Default)]
pub(crate) struct LoopMetrics {
    /// What its connections do.
    pub(crate) connections: Arc<WorkerMetrics>,
    /// Rounds of its loop.
    pub(crate) rounds: Counter,
    /// How often the loop had nothing to do.
    pub(crate) waits: Counter,
    /// Connections that catch up, after the last round.
    pub(crate) behind: Counter,
    /// Whether one of its clients follows `$sys.stats`.
    pub(crate) has_stats_followers: AtomicBool,
}

/// Everything that there is to observe; cloning gives another handle.
#[derive(Clone)]
pub(crate) struct Observed {
    pub(crate) metrics: Metrics,
    pub(crate) admission: Admission,
    pub(crate) broker: Broker,
    pub(crate) in_flight: InFlight,
    /// The log on disk, if it is there, and its folder.
    pub(crate) log: Option<(Arc<LogEngine>, PathBuf)>,
    /// When the server began, in milliseconds since the Unix epoch,
    pub(crate) started_ms: u64,
    /// and the offset of the newest message at that time.
    pub(crate) first_head: u64,
}

impl Metrics {
    /// The counts of one more worker.
    pub(crate) fn add_worker(&self) -> Arc<LoopMetrics> {
        let mut workers = self.0.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ended) = workers.iter().find(|worker| Arc::strong_count(worker) == 1) {
            ended.connections.subscriptions.set(0);
            return Arc::clone(ended);
        }
        let added = Arc::<LoopMetrics>::default();
        workers.push(Arc::clone(&added));
        added
    }

    /// Counts a request that was refused.
    pub(crate) fn count_refusal(&self, code: ErrorCode) {
        if let Some(count) = self.0.refusals.of(code) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn refusals(&self, code: ErrorCode) -> u64 {
        self.0.refusals.of(code).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    fn workers(&self) -> Vec<Arc<LoopMetrics>> {
        self.0.workers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Refusals {
    fn of(&self, code: ErrorCode) -> Option<&AtomicU64> {
        let mut counts = ErrorCode::ALL.into_iter().zip(&self.0);
        counts.find_map(|(it, count)| (it == code).then_some(count))
    }
}

impl Default for Refusals {
    fn default() -> Self {
        Self(array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Observed {
    /// All figures of this moment. It asks the disk for some, so it is not for a worker's thread.
    pub(crate) fn families(&self) -> Vec<Family> {
        let mut families = collect::families(self);
        families.extend(storage::families(self));
        families.extend(process::families(self.started_ms));
        families
    }
}

#[cfg(test)]
mod page;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_is_restarted_continues_the_counts_of_the_one_before() {
        let metrics = Metrics::default();
        let (first, second) = (metrics.add_worker(), metrics.add_worker());
        first.rounds.add(5);
        first.connections.subscriptions.add(3);
        drop(first);
        let third = metrics.add_worker();
        assert_eq!((third.rounds.get(), third.connections.subscriptions.get()), (5, 0));
        assert_eq!(metrics.workers().len(), 2);
        drop((second, third));
    }

    #[test]
    fn refusals_are_counted_by_their_code() {
        let metrics = Metrics::default();
        metrics.count_refusal(ErrorCode::Internal);
        metrics.clone().count_refusal(ErrorCode::Internal);
        assert_eq!(metrics.refusals(ErrorCode::Internal), 2);
        assert_eq!(metrics.refusals(ErrorCode::BadRequest), 0);
    }
}
