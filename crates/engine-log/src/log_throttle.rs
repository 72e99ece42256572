//! Logs a condition that lasts when it begins and once a minute, not at each publish and read that meets it.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A condition, and when it was last logged.
#[derive(Debug, Default)]
pub(crate) struct LogThrottle(Mutex<Option<Instant>>);

impl LogThrottle {
    /// The condition holds. Returns whether to log that now.
    pub(crate) fn should_log(&self, now: Instant) -> bool {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let should_log = logged.is_none_or(|logged| now.saturating_duration_since(logged) >= AGAIN);
        if should_log {
            *logged = Some(now);
        }
        should_log
    }

    /// The condition does not hold. Returns whether it did before.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }
}

const AGAIN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_logged_once_and_what_ends_may_begin_again() {
        let (throttle, now) = (LogThrottle::default(), Instant::now());
        assert!(!throttle.has_ended());
        assert!(throttle.should_log(now) && !throttle.should_log(now));
        assert!(throttle.has_ended() && !throttle.has_ended());
        assert!(throttle.should_log(now));
    }

    #[test]
    fn what_lasts_is_logged_again_a_minute_later() {
        let (throttle, begin) = (LogThrottle::default(), Instant::now());
        let logged_at = |seconds| throttle.should_log(begin + Duration::from_secs(seconds));
        let logged: Vec<u64> = (0..=200).filter(|seconds| logged_at(*seconds)).collect();
        assert_eq!(logged, [0, 60, 120, 180]);
    }
}
