//! Telling of what lasts when it begins and once a minute, and perhaps when it ends; not with every
//! publish and every read that meets it.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Something that may go wrong, and when it was told last.
#[derive(Debug, Default)]
pub(crate) struct LogThrottle(Mutex<Option<Instant>>);

impl LogThrottle {
    /// It is there. Returns whether that is to be told now.
    pub(crate) fn should_log(&self, now: Instant) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let should_log = told.is_none_or(|told| now.saturating_duration_since(told) >= AGAIN);
        if should_log {
            *told = Some(now);
        }
        should_log
    }

    /// It is not there, or no longer. Returns whether it was.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }
}

const AGAIN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_told_once_and_what_ends_may_begin_again() {
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
