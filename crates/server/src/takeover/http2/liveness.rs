//! Whether a connection is still of use: when it has no streams, and when its client may be gone. Without a clock of its own.
//!
//! ```text
//!   idle     no stream                after keep_alive    leaves
//!   busy     streams                  after a quiet time  asks, by PING
//!   asked    nothing has come since   after a while       gone
//!   leaving  no stream any more       after disconnect    gone
//! ```
//!
//! A connection whose streams all were taken, and of which none is left, counts in no limit. A page that opens its next
//! stream has a second for that, over the life of the connection; then it leaves, whatever else it asks for.

use crate::takeover::timeouts::HttpTimeouts;
use std::time::Duration;
use tokio::time::Instant;

pub(super) struct Liveness {
    phase: Phase,
    deadline: Instant,
    keep_alive: Duration,
    disconnect: Duration,
    /// How much longer it may be without a count, in all.
    uncounted_left: Duration,
    /// Since when it is.
    uncounted_since: Option<Instant>,
    is_leaving: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Busy,
    Asked { at: Instant },
    Leaving,
}

/// What is to be done with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing until the deadline.
    Waits,
    /// Its client is to show that it is there.
    Asks,
    /// It has been idle for long enough.
    Leaves,
    /// Its client is gone, or does not end it.
    Gone,
}

impl Liveness {
    /// Of a connection that begins now: its first request has to come soon.
    pub(super) fn new(timeouts: &HttpTimeouts, now: Instant) -> Self {
        let HttpTimeouts { request_head, keep_alive, disconnect, .. } = *timeouts;
        Self {
            phase: Phase::Idle,
            deadline: now + request_head,
            keep_alive,
            disconnect,
            uncounted_left: UNCOUNTED,
            uncounted_since: None,
            is_leaving: false,
        }
    }

    /// When it is to be looked at again at the latest.
    pub(super) fn deadline(&self) -> Instant {
        self.uncounted_until().map_or(self.deadline, |until| until.min(self.deadline))
    }

    /// Takes in whether a limit on connections counts this one.
    pub(super) fn note_counted(&mut self, now: Instant, is_counted: bool) {
        match (self.uncounted_since, is_counted) {
            (None, false) => self.uncounted_since = Some(now),
            (Some(since), true) => {
                self.uncounted_left = self.uncounted_left.saturating_sub(now - since);
                self.uncounted_since = None;
            }
            _ => {}
        }
    }

    /// When it leaves if it is not counted before.
    fn uncounted_until(&self) -> Option<Instant> {
        let since = self.uncounted_since.filter(|_| !self.is_leaving);
        since.map(|since| since + self.uncounted_left)
    }

    /// Looks at a connection whose client last sent something at `read_at`.
    pub(super) fn look(
        &mut self,
        now: Instant,
        has_streams: bool,
        is_leaving: bool,
        read_at: Instant,
    ) -> Verdict {
        self.follow(now, has_streams, is_leaving);
        if self.uncounted_until().is_some_and(|until| until <= now) {
            return Verdict::Leaves;
        }
        if now < self.deadline {
            return Verdict::Waits;
        }
        match self.phase {
            Phase::Idle => return Verdict::Leaves,
            Phase::Leaving => return Verdict::Gone,
            Phase::Asked { at } if read_at <= at => return Verdict::Gone,
            Phase::Busy | Phase::Asked { .. } => {}
        }
        if read_at + QUIET > now {
            (self.phase, self.deadline) = (Phase::Busy, read_at + QUIET);
            return Verdict::Waits;
        }
        (self.phase, self.deadline) = (Phase::Asked { at: now }, now + PONG_WAIT);
        Verdict::Asks
    }

    /// Takes in whether there are streams.
    fn follow(&mut self, now: Instant, has_streams: bool, is_leaving: bool) {
        self.is_leaving = is_leaving;
        let (phase, wait) = match (self.phase, has_streams, is_leaving) {
            (Phase::Idle | Phase::Leaving, true, _) => (Phase::Busy, QUIET),
            (Phase::Busy | Phase::Asked { .. } | Phase::Idle, false, true) => {
                (Phase::Leaving, self.disconnect)
            }
            (Phase::Busy | Phase::Asked { .. }, false, false) => (Phase::Idle, self.keep_alive),
            _ => return,
        };
        (self.phase, self.deadline) = (phase, now + wait);
    }
}

/// How long a connection may be without a count. A page that closes its last stream and opens the next is faster; one that
/// does so often connects again now and then.
const UNCOUNTED: Duration = Duration::from_secs(1);

/// How long the client of open streams may say nothing before it is asked.
const QUIET: Duration = Duration::from_secs(30);

/// How long it may take to answer.
const PONG_WAIT: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection that began at the first of these moments, one for each second.
    fn begun(keep_alive: u64) -> (Liveness, impl Fn(u64) -> Instant) {
        let start = Instant::now();
        let keep_alive = Duration::from_secs(keep_alive);
        let timeouts = HttpTimeouts { keep_alive, ..HttpTimeouts::default() };
        (Liveness::new(&timeouts, start), move |second| start + Duration::from_secs(second))
    }

    #[test]
    fn a_connection_without_streams_leaves_and_then_ends() {
        let (mut liveness, at) = begun(60);
        let mut look = |second, has_streams, is_leaving| {
            liveness.look(at(second), has_streams, is_leaving, at(second))
        };
        assert_eq!(look(4, false, false), Verdict::Waits);
        assert_eq!(look(5, false, false), Verdict::Leaves, "no request has come");
        assert_eq!(look(6, true, false), Verdict::Waits);
        assert_eq!(look(7, false, false), Verdict::Waits);
        assert_eq!(look(66, false, false), Verdict::Waits);
        assert_eq!(look(67, false, false), Verdict::Leaves);
        assert_eq!(look(67, false, true), Verdict::Waits);
        assert_eq!(look(68, false, true), Verdict::Gone);
    }

    #[test]
    fn a_connection_that_leaves_waits_for_its_streams() {
        let (mut liveness, at) = begun(60);
        assert_eq!(liveness.look(at(1), true, true, at(1)), Verdict::Waits);
        assert_eq!(liveness.look(at(30), true, true, at(29)), Verdict::Waits);
        assert_eq!(liveness.look(at(31), false, true, at(29)), Verdict::Waits);
        assert_eq!(liveness.look(at(32), false, true, at(29)), Verdict::Gone);
    }

    #[test]
    fn a_client_of_open_streams_that_says_nothing_is_asked_and_then_gone() {
        let (mut liveness, at) = begun(60);
        assert_eq!(liveness.look(at(1), true, false, at(1)), Verdict::Waits);
        assert_eq!(liveness.look(at(31), true, false, at(2)), Verdict::Waits);
        assert_eq!(liveness.deadline(), at(32));
        assert_eq!(liveness.look(at(32), true, false, at(2)), Verdict::Asks);
        assert_eq!(liveness.look(at(51), true, false, at(2)), Verdict::Waits);
        // Whatever comes is a sign of life.
        assert_eq!(liveness.look(at(52), true, false, at(51)), Verdict::Waits);
        assert_eq!(liveness.look(at(81), true, false, at(51)), Verdict::Asks);
        assert_eq!(liveness.look(at(101), true, false, at(51)), Verdict::Gone);
    }

    #[test]
    fn a_connection_that_no_limit_counts_leaves_however_often_it_asks() {
        let (mut liveness, at) = begun(60);
        let mut look = |millisecond, is_counted, is_leaving| {
            let now = at(0) + Duration::from_millis(millisecond);
            liveness.note_counted(now, is_counted);
            (liveness.look(now, true, is_leaving, now), liveness.deadline())
        };
        let after = |millisecond| at(0) + Duration::from_millis(millisecond);
        assert_eq!(look(100, true, false).0, Verdict::Waits);
        assert_eq!(look(40_000, false, false), (Verdict::Waits, after(41_000)));
        assert_eq!(look(40_500, true, false).0, Verdict::Waits);
        // A further stream gives it no more time than it had.
        assert_eq!(look(50_000, false, false), (Verdict::Waits, after(50_500)));
        assert_eq!(look(50_499, false, false).0, Verdict::Waits);
        assert_eq!(look(50_500, false, false).0, Verdict::Leaves);
        // Once is enough; its requests may end.
        assert_eq!(look(50_501, false, true).0, Verdict::Waits);
    }
}
