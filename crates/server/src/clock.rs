//! The clocks of the real world, read in one place and passed down everywhere else.

use actix_web::http::header::{HeaderValue, HttpDate};
use std::{
    cell::RefCell,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
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

/// Refuses to start on a machine whose clock is before 1970, where actix cannot begin to serve.
pub(crate) fn check() -> anyhow::Result<()> {
    anyhow::ensure!(
        SystemTime::now() >= UNIX_EPOCH,
        "the clock of this machine is before 1970; set it and start again"
    );
    Ok(())
}

/// Milliseconds since the Unix epoch; 0 on a machine that believes to live before it.
pub(crate) fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The value of a `Date` header. actix has a task for it that ends for good once the clock is
/// before 1970, and a header of ours goes before its own.
pub(crate) fn http_date() -> HeaderValue {
    thread_local! {
        static LAST: RefCell<Option<(u64, HeaderValue)>> = const { RefCell::new(None) };
    }
    let now_ms = wall_ms();
    LAST.with_borrow_mut(|last| match last {
        Some((seconds, value)) if *seconds == now_ms / 1_000 => value.clone(),
        last => {
            let value = date_of(now_ms);
            *last = Some((now_ms / 1_000, value.clone()));
            value
        }
    })
}

fn date_of(wall_ms: u64) -> HeaderValue {
    let wall_ms = wall_ms.min(YEAR_9999_MS);
    let date = HttpDate::from(UNIX_EPOCH + Duration::from_millis(wall_ms));
    // Of ASCII alone.
    HeaderValue::try_from(date.to_string()).unwrap_or(HeaderValue::from_static(""))
}

/// The last day that the header can name begins then.
const YEAR_9999_MS: u64 = 253_402_214_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_a_date() {
        for (wall_ms, date) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777_999, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 00:00:00 GMT"),
        ] {
            assert_eq!(date_of(wall_ms), date);
        }
    }
}
