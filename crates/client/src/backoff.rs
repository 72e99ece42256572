//! How long to wait before trying again: longer each time, up to a cap, never at the same moment as
//! everybody else.

use std::time::Duration;

/// Waits that double from `first` to `longest`.
///
/// Each is drawn from all of its window ("full jitter"), so that clients which lost the same server at the same moment come
/// back spread out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// The first is at most `first`, and each at most `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// The next wait. The caller draws a new `random` from `0.0..1.0` for each call.
    pub fn delay(&mut self, random: f64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.after(self.failures, random)
    }

    /// The wait after that many failures in a row.
    pub fn after(&self, failures: u32, random: f64) -> Duration {
        let doublings = failures.saturating_sub(1);
        let window = self.first.saturating_mul(2_u32.saturating_pow(doublings));
        window.min(self.longest).mul_f64(random.clamp(0.0, 1.0))
    }

    /// How many waits there have been since the last success.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Notes a success: the next wait is a short one again.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }
}

impl Default for Backoff {
    /// From a quarter of a second to 15 s.
    fn default() -> Self {
        Self::new(Duration::from_millis(250), Duration::from_secs(15))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let mut backoff = Backoff::new(ms(100), ms(500));
        let waits: Vec<_> = (0..5).map(|_| backoff.delay(1.0)).collect();
        assert_eq!(waits, [ms(100), ms(200), ms(400), ms(500), ms(500)]);
        backoff.reset();
        assert_eq!((backoff.delay(0.5), backoff.delay(0.0)), (ms(50), ms(0)));
    }

    #[test]
    fn a_million_failures_stay_at_the_cap() {
        let mut backoff = Backoff::default();
        for _ in 0..1_000_000 {
            assert!(backoff.delay(fastrand::f64()) <= Duration::from_secs(15));
        }
        assert_eq!(backoff.delay(0.5), ms(7500));
    }
}
