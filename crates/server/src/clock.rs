//! The clocks of the real world, read in one place and passed down everywhere else.

use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tidewire_connection::Time;

/// A steady clock that begins when it is made, and the wall clock beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    beginning: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { beginning: Instant::now() }
    }

    pub(crate) fn now(&self) -> Time {
        let steady_ms = u64::try_from(self.beginning.elapsed().as_millis()).unwrap_or(u64::MAX);
        Time { steady_ms, wall_ms: wall_ms() }
    }
}

/// Milliseconds since the Unix epoch; 0 on a machine that believes to live before it.
pub(crate) fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
