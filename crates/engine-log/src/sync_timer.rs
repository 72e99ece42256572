//! When the next sync is due that no publisher waits for. Time is a parameter, so that tests set it.

use crate::Sync;
use std::time::{Duration, Instant};

/// The time of the oldest commit that may not have reached the disk yet.
#[derive(Debug)]
pub(crate) struct SyncTimer {
    interval: Option<Duration>,
    unsynced: Option<Instant>,
}

impl SyncTimer {
    pub(crate) fn new(sync: Sync) -> Self {
        let interval = match sync {
            Sync::Every(interval) => Some(interval),
            Sync::Always | Sync::Never => None,
        };
        Self { interval, unsynced: None }
    }

    /// Takes in that something was committed without a sync.
    pub(crate) fn handle_commit(&mut self, now: Instant) {
        self.unsynced.get_or_insert(now);
    }

    /// Takes in that everything so far was synced.
    pub(crate) fn handle_sync(&mut self) {
        self.unsynced = None;
    }

    /// Takes in that a sync failed: the next attempt is due an interval later.
    pub(crate) fn handle_failure(&mut self, now: Instant) {
        self.unsynced = Some(now);
    }

    /// How long until a sync is due, if one is.
    pub(crate) fn due_in(&self, now: Instant) -> Option<Duration> {
        let waited = now.saturating_duration_since(self.unsynced?);
        Some(self.interval?.saturating_sub(waited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(100);

    #[test]
    fn a_sync_is_due_an_interval_after_the_oldest_unsynced_commit() {
        let (begin, mut timer) = (Instant::now(), SyncTimer::new(Sync::Every(INTERVAL)));
        let at = |millis| begin + Duration::from_millis(millis);
        assert_eq!(timer.due_in(at(0)), None);
        timer.handle_commit(at(0));
        timer.handle_commit(at(60));
        assert_eq!(timer.due_in(at(60)), Some(Duration::from_millis(40)));
        assert_eq!(timer.due_in(at(100)), Some(Duration::ZERO));
        assert_eq!(timer.due_in(at(5_000)), Some(Duration::ZERO));
        timer.handle_sync();
        assert_eq!(timer.due_in(at(5_000)), None);
        timer.handle_commit(at(6_000));
        assert_eq!(timer.due_in(at(6_000)), Some(INTERVAL));
    }

    #[test]
    fn a_sync_that_failed_is_tried_again_after_an_interval() {
        let (begin, mut timer) = (Instant::now(), SyncTimer::new(Sync::Every(INTERVAL)));
        timer.handle_commit(begin);
        timer.handle_failure(begin + INTERVAL);
        assert_eq!(timer.due_in(begin + INTERVAL), Some(INTERVAL));
        assert_eq!(timer.due_in(begin + 2 * INTERVAL), Some(Duration::ZERO));
    }

    #[test]
    fn with_a_sync_for_each_answer_or_none_nothing_is_ever_due() {
        for sync in [Sync::Always, Sync::Never] {
            let (now, mut timer) = (Instant::now(), SyncTimer::new(sync));
            timer.handle_commit(now);
            assert_eq!(timer.due_in(now + Duration::from_secs(3_600)), None);
        }
    }
}
