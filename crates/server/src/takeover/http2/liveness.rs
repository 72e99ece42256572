//! Whether a connection is still of use: when it has no streams, and when its client may be gone. Without a clock of its own.
//!
//! ```text
//!   idle     no stream                after keep_alive    leaves
//!   busy     streams                  after a quiet time  asks, by PING
//!   asked    nothing has come since   after a while       gone
//!   leaving  no stream any more       after disconnect    gone
//! ```

use crate::takeover::timeouts::HttpTimeouts;
use std::time::Duration;
use tokio::time::Instant;

pub(super) struct Liveness {
    phase: Phase,
    deadline: Instant,
    keep_alive: Duration,
    disconnect: Duration,
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
        Self { phase: Phase::Idle, deadline: now + request_head, keep_alive, disconnect }
    }

    /// When it is to be looked at again at the latest.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
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
}
