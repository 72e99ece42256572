//! The end of the connections of one worker: evenly over a time, so that their clients do not come back all at once.
//!
//! ```text
//!   0               3/4          7/8       1 × drain
//!   ├── goodbyes ────┤            │         │
//!   │   evenly       a client that is behind   what is left is cut off
//!   │                has until here
//! ```
//!
//! Pure: the worker asks which connections are to end by now, and with which delay their clients come back.

use crate::temporary::spread;
use std::time::Duration;

/// How a server ends its connections, as it is configured.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Drain {
    /// How long it goes on as before, but is not ready.
    pub(crate) delay: Duration,
    /// How long connections have to end after that.
    pub(crate) over: Duration,
}

/// When each connection of one worker ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dismissals {
    count: u64,
    over_ms: u64,
    /// How long a client that is behind may take, from the begin on.
    goodbyes_by_ms: u64,
    /// Whether another server takes the clients meanwhile.
    is_relieved: bool,
}

impl Drain {
    /// The plan for a worker that has `count` connections.
    pub(crate) fn plan(self, count: usize) -> Dismissals {
        let whole_ms = millis(self.over);
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        Dismissals {
            count,
            over_ms: (whole_ms / 4 * 3).min(count.saturating_mul(PAUSE_MAX_MS)),
            goodbyes_by_ms: whole_ms / 8 * 7,
            is_relieved: !self.delay.is_zero(),
        }
    }
}

impl Dismissals {
    /// How many connections have to be ending `elapsed_ms` after the begin. `None` once all have, also those that came
    /// meanwhile.
    pub(crate) fn due(&self, elapsed_ms: u64) -> Option<usize> {
        if elapsed_ms >= self.over_ms {
            return None;
        }
        // Below `count`, as less than the whole time is over.
        let due = u128::from(elapsed_ms) * u128::from(self.count) / u128::from(self.over_ms) + 1;
        usize::try_from(due).ok()
    }

    /// How long a client that is behind may take from now on before its goodbye is said.
    pub(crate) fn grace_ms(&self, elapsed_ms: u64) -> u64 {
        self.goodbyes_by_ms.saturating_sub(elapsed_ms)
    }

    /// After which time a client is to come back: another one for each.
    ///
    /// Until the last goodbye nobody listens at this address, unless a load balancer has another server. With the same
    /// time more for each, clients come back as evenly as they were disconnected.
    pub(crate) fn retry_ms(&self, retry_ms: u64) -> u64 {
        let absent_ms = if self.is_relieved { 0 } else { self.over_ms };
        absent_ms.saturating_add(spread(retry_ms))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The longest pause between two goodbyes of a worker: a few clients are no crowd, and nobody should wait for them.
const PAUSE_MAX_MS: u64 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(delay: u64, over: u64, count: usize) -> Dismissals {
        Drain { delay: Duration::from_secs(delay), over: Duration::from_secs(over) }.plan(count)
    }

    #[test]
    fn connections_end_evenly_over_three_quarters_of_the_time() {
        let plan = plan(0, 10, 10_000);
        assert_eq!(plan.due(0), Some(1));
        let mut before = 1;
        for elapsed_ms in (100..7_500).step_by(100) {
            let due = plan.due(elapsed_ms).unwrap();
            assert!((130..=135).contains(&(due - before)), "{elapsed_ms}: {before} to {due}");
            before = due;
        }
        assert_eq!(plan.due(7_499), Some(9_999));
        assert_eq!(plan.due(7_500), None);
    }

    #[test]
    fn a_few_connections_are_not_spread_over_all_the_time() {
        let plan = plan(0, 10, 4);
        let due: Vec<_> = [0, 49, 50, 100, 150, 199, 200].map(|at| plan.due(at)).into();
        assert_eq!(due, [Some(1), Some(1), Some(2), Some(3), Some(4), Some(4), None]);
    }

    #[test]
    fn nobody_connected_and_no_time_end_at_once() {
        assert_eq!(plan(0, 10, 0).due(0), None);
        assert_eq!(plan(0, 0, 10_000).due(0), None);
    }

    #[test]
    fn a_client_that_is_behind_gets_the_same_end_whenever_it_is_dismissed() {
        let plan = plan(0, 10, 10_000);
        assert_eq!(plan.goodbyes_by_ms, 8_750);
        assert_eq!(
            (plan.grace_ms(0), plan.grace_ms(7_500), plan.grace_ms(9_000)),
            (8_750, 1_250, 0)
        );
    }

    #[test]
    fn clients_come_back_after_the_last_goodbye_unless_another_server_takes_them() {
        for (delay, least) in [(0, 7_500), (5, 0)] {
            let plan = plan(delay, 10, 10_000);
            let waits: Vec<u64> = (0..100).map(|_| plan.retry_ms(2_000)).collect();
            assert!(
                waits.iter().all(|wait| (least + 1_000..=least + 3_000).contains(wait)),
                "{waits:?}"
            );
            assert!(waits.iter().max() > waits.iter().min(), "{waits:?}");
        }
    }
}
