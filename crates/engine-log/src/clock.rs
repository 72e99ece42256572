//! The one place of the crate that reads a clock.
//!
//! The engine's own threads wait for deadlines and try again what has failed, and no caller gives them the time.
//! They ask here, and pass it on: everything else takes the time as a parameter.

use std::time::Instant;

/// What the engine's threads ask for the time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(fn() -> Instant);

impl Clock {
    /// The clock of the machine that never goes back.
    pub(crate) const MONOTONIC: Self = Self(Instant::now);

    /// The time.
    pub(crate) fn now(self) -> Instant {
        (self.0)()
    }
}
