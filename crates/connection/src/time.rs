//! The two clocks, as one value that every call is given.

/// What time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// Milliseconds on a clock that never runs back, from any beginning: deadlines are on it.
    pub steady_ms: u64,
    /// Milliseconds since the Unix epoch: `since=5m` is on it.
    pub wall_ms: u64,
}
