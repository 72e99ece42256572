//! The time of a world, which only the world moves.

use tidewire_connection::Time;

/// Both clocks of the world. The one on the wall is set back now and then.
pub(crate) fn time(now_ms: u64) -> Time {
    let set_back_ms = now_ms / SET_BACK_EVERY_MS * SET_BACK_MS;
    Time { steady_ms: now_ms, wall_ms: WALL_CLOCK_MS + now_ms - set_back_ms }
}

/// What the clock on the wall shows when a world begins.
pub(crate) const WALL_CLOCK_MS: u64 = 1_763_790_000_000;

/// How far the clock on the wall is set back at a time.
pub(crate) const SET_BACK_MS: u64 = 1_500;

const SET_BACK_EVERY_MS: u64 = 5_000;
