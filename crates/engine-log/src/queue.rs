//! The publishes that wait for the committer, and their answers.

use std::{
    collections::VecDeque,
    mem,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};
use tidewire_broker::{AppendError, Draft, EngineError, Permit, Position};

/// A publish that waits.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) permit: Permit,
    pub(crate) draft: Draft,
    pub(crate) now_ms: u64,
    /// When it was queued.
    pub(crate) queued: Instant,
    pub(crate) promise: Promise,
}

/// What the committer is to do next.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) requests: VecDeque<Request>,
    /// The time, when age limits are to be applied.
    pub(crate) sweep_ms: Option<u64>,
    /// Nothing comes after this.
    pub(crate) is_last: bool,
}

/// Publishes and orders on their way to the committer.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    requests: VecDeque<Request>,
    bytes: usize,
    sweep_ms: Option<u64>,
    is_closed: bool,
}

impl Queue {
    /// Queues a publish, unless too much waits already.
    pub(crate) fn push(&self, request: Request) {
        let bytes = request.draft.bytes() + REQUEST_OVERHEAD_BYTES;
        let mut waiting = self.lock();
        if waiting.is_closed {
            return request.promise.keep(Err(EngineError::Unavailable.into()));
        }
        if waiting.bytes + bytes > WAITING_BYTES_MAX && waiting.bytes > 0 {
            return request.promise.keep(Err(EngineError::Overloaded.into()));
        }
        waiting.bytes += bytes;
        waiting.requests.push_back(request);
        waiting.check_if_small();
        self.news.notify_one();
    }

    /// How many publishes wait, and the bytes that they take.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let waiting = self.lock();
        (waiting.requests.len(), waiting.bytes)
    }

    /// Asks for age limits to be applied.
    pub(crate) fn sweep(&self, now_ms: u64) {
        self.lock().sweep_ms = Some(now_ms);
        self.news.notify_one();
    }

    /// Lets nothing more in.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.news.notify_one();
    }

    /// Refuses new publishes, and answers those that wait with an error.
    pub(crate) fn abandon(&self) {
        self.close();
        let mut waiting = self.lock();
        waiting.bytes = 0;
        let abandoned = mem::take(&mut waiting.requests);
        drop(waiting);
        drop(abandoned);
    }

    /// Waits until there is something to do, or for `patience`, if that is given.
    ///
    /// With `company`, gives publishers that were just answered a moment to come back together.
    pub(crate) fn take(&self, patience: Option<Duration>, company: usize) -> Work {
        let mut waiting = self.lock();
        let idle = |waiting: &mut Waiting| {
            waiting.requests.is_empty() && waiting.sweep_ms.is_none() && !waiting.is_closed
        };
        waiting = match patience {
            None => self.news.wait_while(waiting, idle).unwrap_or_else(PoisonError::into_inner),
            Some(patience) => {
                let waited = self.news.wait_timeout_while(waiting, patience, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        let mut rounds = 0;
        while !waiting.requests.is_empty() && waiting.requests.len() < company && rounds < ROUNDS {
            drop(waiting);
            thread::yield_now();
            waiting = self.lock();
            rounds += 1;
        }
        let (mut requests, mut bytes) = (VecDeque::new(), 0);
        while bytes < BATCH_BYTES
            && requests.len() < BATCH_REQUESTS
            && let Some(request) = waiting.requests.pop_front()
        {
            bytes += request.draft.bytes() + REQUEST_OVERHEAD_BYTES;
            requests.push_back(request);
        }
        waiting.bytes = waiting.bytes.saturating_sub(bytes);
        waiting.check_if_small();
        let is_last = waiting.is_closed && waiting.requests.is_empty();
        Work { requests, sweep_ms: mem::take(&mut waiting.sweep_ms), is_last }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Checks in debug builds that the bytes are those of what waits, as long as that is little.
    fn check_if_small(&self) {
        if cfg!(debug_assertions) && self.requests.len() <= CHECKED_MAX {
            let bytes = |request: &Request| request.draft.bytes() + REQUEST_OVERHEAD_BYTES;
            assert_eq!(self.requests.iter().map(bytes).sum::<usize>(), self.bytes, "bytes waiting");
        }
    }
}

type Outcome = Result<Position, AppendError>;

/// The committer's end of an answer. Dropped unkept, it says that the store is unavailable.
#[derive(Debug)]
pub(crate) struct Promise(Option<Arc<Mutex<Slot>>>);

/// The publisher's end.
#[derive(Debug)]
pub(crate) struct Answer(Arc<Mutex<Slot>>);

#[derive(Debug, Default)]
struct Slot {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

/// Both ends of an answer.
pub(crate) fn answer() -> (Promise, Answer) {
    let slot = Arc::default();
    (Promise(Some(Arc::clone(&slot))), Answer(slot))
}

impl Promise {
    pub(crate) fn keep(mut self, outcome: Outcome) {
        self.fill(outcome);
    }

    fn fill(&mut self, outcome: Outcome) {
        let Some(slot) = self.0.take() else { return };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        slot.outcome = Some(outcome);
        let waker = slot.waker.take();
        drop(slot);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.fill(Err(EngineError::Unavailable.into()));
    }
}

impl Future for Answer {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.outcome {
            Some(outcome) => Poll::Ready(outcome),
            None => {
                slot.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// How much may wait. Beyond it publishes are refused as overloaded, because the disk does not keep up.
const WAITING_BYTES_MAX: usize = 32 << 20;

/// What shares one sync: enough that the sync is a small part of it.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_REQUESTS: usize = 1_024;

/// Requests up to which all of them are looked at whenever one comes or goes, in debug builds.
const CHECKED_MAX: usize = 16;

/// A request beside its draft.
const REQUEST_OVERHEAD_BYTES: usize = 256;

/// How often the committer lets others run before it goes without them: far below one sync.
const ROUNDS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "bytes waiting")]
    fn a_queue_that_counts_wrongly_is_noticed() {
        let waiting = Waiting { bytes: 1, ..Waiting::default() };
        waiting.check_if_small();
    }
}
