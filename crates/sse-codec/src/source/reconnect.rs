//! When an event source comes back, and when it gives up: decisions alone, without time or I/O.
//!
//! [The standard] says which answers end a source. How long to wait it leaves open in part: a client
//! may wait longer than the stream asks, and should if attempts fail in a row.
//!
//! [The standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model

use core::{error::Error, fmt, time::Duration};

/// How long an event source waits before it comes back, and what it takes for an end.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReconnectPolicy {
    /// The wait until the stream sets another one with `retry`. 3 s by default.
    pub delay: Duration,
    /// No wait is shorter, whatever the stream asks for. 100 ms by default.
    pub delay_min: Duration,
    /// No wait is longer, whatever the stream asks for and however many attempts have failed, but for
    /// the jitter. 60 s by default.
    pub delay_max: Duration,
    /// Up to which part of itself a wait gets longer at random, so that clients that have lost one
    /// server do not come back at once. 0.5 by default.
    pub jitter: f64,
    /// How many attempts in a row may fail before the source ends. Any number by default.
    pub failures_max: Option<u32>,
    /// Whether 408, 429, 500, 502, 503 and 504 are failures that pass. Browsers take them for an end,
    /// and so does this by default.
    pub retries_unavailable: bool,
}

impl ReconnectPolicy {
    /// As browsers do, with jitter, and with longer waits while attempts fail.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            delay: Duration::from_secs(3),
            delay_min: Duration::from_millis(100),
            delay_max: Duration::from_secs(60),
            jitter: 0.5,
            failures_max: None,
            retries_unavailable: false,
        }
    }

    /// The same policy with another first wait.
    #[must_use]
    pub const fn delay(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The same policy with another shortest wait.
    #[must_use]
    pub const fn delay_min(self, delay_min: Duration) -> Self {
        Self { delay_min, ..self }
    }

    /// The same policy with another longest wait.
    #[must_use]
    pub const fn delay_max(self, delay_max: Duration) -> Self {
        Self { delay_max, ..self }
    }

    /// The same policy with another part that is random.
    #[must_use]
    pub const fn jitter(self, jitter: f64) -> Self {
        Self { jitter, ..self }
    }

    /// The same policy with an end after that many failed attempts in a row.
    #[must_use]
    pub const fn failures_max(self, failures_max: u32) -> Self {
        Self { failures_max: Some(failures_max), ..self }
    }

    /// The same policy with other attempts after an answer that says "not now".
    #[must_use]
    pub const fn retries_unavailable(self, retries_unavailable: bool) -> Self {
        Self { retries_unavailable, ..self }
    }
}

impl Default for ReconnectPolicy {
    fn default() -> Self {
        Self::new()
    }
}

/// The state of an event source that matters to its next attempt.
///
/// Report what happens; it says what to do. Call [`handle_response`](Self::handle_response) with the
/// head of each response. If the answer is [`Next::Read`], read the body until it ends, and call
/// [`handle_end`](Self::handle_end) then. If there is no response, call
/// [`handle_failure`](Self::handle_failure).
///
/// Where it takes a `random`, draw a new one from `0.0..1.0` for each call.
///
/// # Example
///
/// ```
/// use sse_codec::source::{Next, Reconnect, ReconnectPolicy};
/// use std::time::Duration;
///
/// let mut reconnect = Reconnect::new(ReconnectPolicy::new());
/// assert_eq!(reconnect.handle_response(200, Some("text/event-stream"), None, 0.2), Next::Read);
/// reconnect.handle_retry(Duration::from_secs(1));
/// assert_eq!(reconnect.handle_end(0.2), Next::Wait(Duration::from_millis(1_100)));
/// assert_eq!(reconnect.handle_response(204, None, None, 0.2), Next::Stop);
/// ```
#[derive(Clone, Debug)]
pub struct Reconnect {
    policy: ReconnectPolicy,
    /// What the stream, or before it the policy, asks for.
    delay: Duration,
    /// How many attempts in a row have failed.
    failures: u32,
}

/// What an event source does next.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Next {
    /// It reads the body.
    Read,
    /// It waits, and makes the request again.
    Wait(Duration),
    /// It ends, as the server wants it.
    Stop,
    /// It ends, because the answer is no event stream.
    Fail(Refusal),
    /// It ends, because too many attempts have failed in a row.
    GiveUp,
}

impl Reconnect {
    /// The state before the first attempt.
    #[must_use]
    pub const fn new(policy: ReconnectPolicy) -> Self {
        Self { policy, delay: policy.delay, failures: 0 }
    }

    /// The head of a response has arrived. `retry_after` is its `Retry-After`.
    pub fn handle_response(
        &mut self,
        status: u16,
        content_type: Option<&str>,
        retry_after: Option<Duration>,
        random: f64,
    ) -> Next {
        match status {
            200 if content_type.is_some_and(is_event_stream) => {
                self.failures = 0;
                Next::Read
            }
            200 => Next::Fail(Refusal::ContentType),
            204 => Next::Stop,
            408 | 429 | 500 | 502 | 503 | 504 if self.policy.retries_unavailable => {
                self.fail(retry_after.unwrap_or_default(), random)
            }
            status => Next::Fail(Refusal::Status(status)),
        }
    }

    /// There is no response: the connection could not be made, or broke before.
    pub fn handle_failure(&mut self, random: f64) -> Next {
        self.fail(Duration::ZERO, random)
    }

    /// A body has ended, or has broken off.
    pub fn handle_end(&mut self, random: f64) -> Next {
        Next::Wait(self.wait(self.delay, random))
    }

    /// The stream says how long to wait from now on.
    pub const fn handle_retry(&mut self, delay: Duration) {
        self.delay = delay;
    }

    /// How many attempts in a row have failed.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    fn fail(&mut self, at_least: Duration, random: f64) -> Next {
        let doubled = self.delay.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        if self.policy.failures_max.is_some_and(|failures_max| self.failures > failures_max) {
            return Next::GiveUp;
        }
        Next::Wait(self.wait(doubled.max(at_least), random))
    }

    /// A wait within its bounds, and then a random part of it more.
    fn wait(&self, delay: Duration, random: f64) -> Duration {
        let delay = delay.min(self.policy.delay_max).max(self.policy.delay_min);
        let part = (self.policy.jitter * random).clamp(0.0, 1.0);
        delay.saturating_add(delay.mul_f64(if part.is_nan() { 0.0 } else { part }))
    }
}

/// Why an answer is no event stream to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The status is not 200.
    Status(u16),
    /// The content type is not `text/event-stream`.
    ContentType,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => {
                write!(formatter, "the server answered {status} where 200 begins an event stream")
            }
            Self::ContentType => formatter.write_str(
                "the server answered with something that is not `text/event-stream`; check the URL",
            ),
        }
    }
}

impl Error for Refusal {}

/// Whether a content type is that of an event stream, whatever its parameters.
fn is_event_stream(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("text/event-stream")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: Option<&str> = Some("text/event-stream");

    fn seconds(seconds: u64) -> Next {
        Next::Wait(Duration::from_secs(seconds))
    }

    fn without_jitter() -> ReconnectPolicy {
        ReconnectPolicy::new().jitter(0.0)
    }

    #[test]
    fn only_200_with_the_content_type_is_read() {
        let answer = |status, content_type| {
            Reconnect::new(without_jitter()).handle_response(status, content_type, None, 0.0)
        };
        for content_type in
            ["text/event-stream", "TEXT/Event-Stream", " text/event-stream ; charset=utf-8"]
        {
            assert_eq!(answer(200, Some(content_type)), Next::Read, "{content_type}");
        }
        for content_type in [None, Some(""), Some("text/html"), Some("text/event-streams")] {
            assert_eq!(answer(200, content_type), Next::Fail(Refusal::ContentType));
        }
        assert_eq!(answer(204, STREAM), Next::Stop);
        for status in [201, 206, 301, 400, 401, 404, 429, 500, 503] {
            assert_eq!(answer(status, STREAM), Next::Fail(Refusal::Status(status)));
        }
    }

    #[test]
    fn an_end_is_waited_out_as_the_stream_asks_within_bounds() {
        let mut reconnect = Reconnect::new(without_jitter());
        assert_eq!(reconnect.handle_end(0.9), seconds(3));
        for (retry, wait) in [(7_000, 7_000), (0, 100), (1, 100), (u64::MAX, 60_000)] {
            reconnect.handle_retry(Duration::from_millis(retry));
            assert_eq!(reconnect.handle_end(0.9), Next::Wait(Duration::from_millis(wait)));
        }
    }

    #[test]
    fn failures_in_a_row_double_the_wait_until_one_succeeds() {
        let mut reconnect = Reconnect::new(without_jitter());
        let waits: [Next; 7] = core::array::from_fn(|_| reconnect.handle_failure(0.5));
        assert_eq!(waits, [3, 6, 12, 24, 48, 60, 60].map(seconds));
        assert_eq!(reconnect.failures(), 7);
        assert_eq!(reconnect.handle_response(200, STREAM, None, 0.5), Next::Read);
        assert_eq!(reconnect.handle_failure(0.5), seconds(3));
    }

    #[test]
    fn a_wait_is_never_shorter_than_asked_and_at_most_half_as_long_again() {
        let mut reconnect = Reconnect::new(ReconnectPolicy::new());
        for (random, ms) in [(0.0, 3_000), (0.5, 3_750), (1.0, 4_500), (f64::NAN, 3_000)] {
            assert_eq!(reconnect.handle_end(random), Next::Wait(Duration::from_millis(ms)));
        }
    }

    #[test]
    fn a_million_failures_stay_within_the_bounds() {
        let mut reconnect = Reconnect::new(ReconnectPolicy::new().delay(Duration::MAX));
        reconnect.failures = u32::MAX - 1;
        for _ in 0..3 {
            assert_eq!(reconnect.handle_failure(1.0), seconds(90));
        }
    }

    #[test]
    fn attempts_end_where_the_policy_says() {
        let mut reconnect = Reconnect::new(without_jitter().failures_max(2));
        assert_eq!(reconnect.handle_failure(0.0), seconds(3));
        assert_eq!(reconnect.handle_failure(0.0), seconds(6));
        assert_eq!(reconnect.handle_failure(0.0), Next::GiveUp);
    }

    #[test]
    fn what_passes_is_waited_out_only_if_the_policy_says_so() {
        let policy = without_jitter().retries_unavailable(true);
        for status in [408, 429, 500, 502, 503, 504] {
            let mut reconnect = Reconnect::new(policy);
            assert_eq!(reconnect.handle_response(status, None, None, 0.0), seconds(3));
            let retry_after = Some(Duration::from_secs(20));
            assert_eq!(reconnect.handle_response(status, None, retry_after, 0.0), seconds(20));
            let a_day = Some(Duration::from_secs(86_400));
            assert_eq!(reconnect.handle_response(status, None, a_day, 0.0), seconds(60));
        }
        for status in [400, 401, 403, 404, 501] {
            let answer = Reconnect::new(policy).handle_response(status, None, None, 0.0);
            assert_eq!(answer, Next::Fail(Refusal::Status(status)));
        }
    }
}
