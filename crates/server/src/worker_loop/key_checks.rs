//! Ends the connections whose key is gone: an API key that was revoked, or a key of tokens that was removed from the configuration.
//!
//! A task of its own notices that keys have changed, and looks at all connections then, some hundred at a time between the rounds
//! of the loop. One that opens meanwhile is checked as it opens ([`WorkerLoop::add`]).

use super::WorkerLoop;
use crate::{driver::Driver, socket::Socket, temporary::spread, worker_context::WorkerContext};
use std::time::Duration;
use tidewire_connection::Ending;
use tokio::{
    task::yield_now,
    time::{MissedTickBehavior, interval},
};

impl<S: Socket> WorkerLoop<S> {
    /// Looks now and then whether keys have changed, for as long as it is polled.
    pub(crate) async fn run_key_checks(&self) {
        let authenticator = &self.worker_context.http.authenticator;
        let mut seen = authenticator.key_generation();
        let mut tick = interval(CHECK_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let generation = authenticator.key_generation();
            if generation != seen {
                seen = generation;
                self.end_withdrawn().await;
            }
        }
    }

    /// Ends every connection whose key is gone.
    pub(super) async fn end_withdrawn(&self) {
        let mut from = 0;
        while let Some(end) = self.end_some_withdrawn(from) {
            from = end;
            yield_now().await;
        }
    }

    /// The same for some of them; says where to go on.
    fn end_some_withdrawn(&self, from: usize) -> Option<usize> {
        let mut entries = self.entries.borrow_mut();
        let end = entries.len().min(from + VISITED_MAX);
        for entry in entries.get_mut(from..end).unwrap_or_default().iter_mut().flatten() {
            if end_if_withdrawn(&mut entry.driver, &self.worker_context) {
                // It has something to say.
                entry.waker.wake_by_ref();
            }
        }
        (end < entries.len()).then_some(end)
    }
}

/// Ends a connection if its key is gone; says whether it does.
pub(super) fn end_if_withdrawn<S: Socket>(
    driver: &mut Driver<S>,
    worker_context: &WorkerContext,
) -> bool {
    let is_withdrawn = driver.is_withdrawn(&worker_context.http.authenticator);
    if is_withdrawn {
        let (worker, time) = (worker_context.worker.borrow(), worker_context.clock.now());
        let retry_ms = spread(worker.limits.retry_ms);
        driver.disconnect(|_| Ending::Withdrawn, retry_ms, &worker, time);
    }
    is_withdrawn
}

/// Within seconds, beside the second after which a changed file is noticed.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Connections that are looked at without a pause: some hundred nanoseconds each.
const VISITED_MAX: usize = 256;
