//! A long-poll: the same read, answered once there is something or the time is up.

use super::page::Page;
use crate::{
    Subscription, Time, Worker,
    subscription::{self, LostStart},
};
use std::task::Waker;
use tidewire_broker::{Forbidden, Grant, Pattern, Reader, WaiterId};

/// One long-poll request.
///
/// Call [`LongPoll::poll_answer`] until it answers, resting in between; then leave.
#[derive(Debug)]
pub struct LongPoll {
    waiter: WaiterId,
    reader: Reader,
    /// When the time is up, on the steady clock; `None` if it is up already.
    until_ms: Option<u64>,
    /// When its grant expires, on the steady clock.
    expiry_ms: Option<u64>,
    /// Its grant does not cover it any more.
    revoked: Option<Forbidden>,
    lost: Vec<LostStart>,
    /// There may be more to find than was looked for in this turn.
    is_behind: bool,
    /// The archive has to fetch what comes next, and then wakes the request's task.
    waits: bool,
}

impl LongPoll {
    /// A request that may wait for `wait_ms`.
    ///
    /// # Errors
    ///
    /// The grant has expired, or does not cover one of the subscriptions or where it begins.
    pub fn open(
        subscriptions: &[Subscription],
        grant: &Grant,
        wait_ms: u64,
        worker: &mut Worker,
        time: Time,
    ) -> Result<Self, Forbidden> {
        grant.check_expiry(time.wall_ms)?;
        let permitted = subscription::permit(subscriptions, grant, time)?;
        let (waiter, mut reader) = (worker.lane.register(), Reader::default());
        let log = (&worker.broker, &mut worker.lane);
        let (_, lost) = subscription::follow(&permitted, waiter, &mut reader, log);
        worker.metrics.subscriptions.add(count(&reader));
        Ok(Self {
            waiter,
            reader,
            until_ms: Some(time.steady_ms.saturating_add(wait_ms)),
            expiry_ms: expiry_ms(grant, time),
            revoked: None,
            lost,
            is_behind: false,
            waits: false,
        })
    }

    /// Takes in that `grant` says from now on what the client may do. If it does not cover all that is asked for, the
    /// request is refused as a whole, as its next one would be. Then ask for the answer.
    pub fn handle_granted(&mut self, grant: &Grant, time: Time) {
        self.expiry_ms = expiry_ms(grant, time);
        let refused = |pattern: &Pattern| grant.permit_subscribe(pattern).err();
        self.revoked = self.reader.patterns().find_map(refused);
    }

    /// Its waiter in the worker's lane.
    pub fn waiter(&self) -> WaiterId {
        self.waiter
    }

    /// Ends the wait: the next answer is what there is by now, even if it is nothing.
    pub fn stop_waiting(&mut self) {
        self.until_ms = None;
    }

    /// The answer, once there is a message or a gap, or the time is up. `waker` is woken when an archive can answer.
    ///
    /// # Errors
    ///
    /// Its grant has expired meanwhile, or does not cover it any more. The client's position is where it was.
    pub fn poll_answer(
        &mut self,
        worker: &mut Worker,
        time: Time,
        waker: &Waker,
    ) -> Option<Result<Page, Forbidden>> {
        if self.expiry_ms.is_some_and(|expiry_ms| time.steady_ms >= expiry_ms) {
            return Some(Err(Forbidden::Expired));
        }
        if let Some(forbidden) = self.revoked.clone() {
            return Some(Err(forbidden));
        }
        if let Some(news) = worker.lane.take_news(self.waiter) {
            self.reader.note(news);
        }
        let Worker { broker, lane, limits, gathered, .. } = worker;
        let bytes_max = limits.gather_bytes_max;
        self.reader.poll_gather(broker, lane.read_limit(), bytes_max, gathered, waker);
        let items = gathered.items().to_vec();
        self.reader.advance(gathered, items.len());
        self.waits = items.is_empty() && gathered.waits();
        self.is_behind = items.is_empty() && !gathered.is_caught_up() && !self.waits;
        gathered.clear();
        let page = Page::new(items, broker.head(), std::mem::take(&mut self.lost))
            .behind(&self.reader, broker);
        let is_early = self.until_ms.is_some_and(|until_ms| time.steady_ms < until_ms);
        if page.is_empty() && (self.is_behind || self.waits || is_early) {
            None
        } else {
            Some(Ok(page))
        }
    }

    /// Lets the request's task wait for news or for the end of its time.
    pub fn park(&self, worker: &mut Worker, waker: &Waker) {
        if self.is_behind {
            // It looked at all channels and has to look again: others first.
            return waker.wake_by_ref();
        }
        // Messages that exist have to be delivered even if the time is up, so only the archive decides, or the grant.
        let until_ms = self.until_ms.filter(|_| !self.waits);
        let until_ms = until_ms.into_iter().chain(self.expiry_ms).min();
        worker.lane.sleep(self.waiter, waker, until_ms);
    }

    /// Gives up the waiter.
    pub fn leave(self, worker: &mut Worker) {
        worker.metrics.subscriptions.subtract(count(&self.reader));
        worker.lane.remove(self.waiter);
    }
}

/// How many channels and patterns are followed.
fn count(reader: &Reader) -> u64 {
    u64::try_from(reader.patterns().count()).unwrap_or(u64::MAX)
}

/// When `grant` expires, on the steady clock: counted from now, whatever becomes of the wall clock.
fn expiry_ms(grant: &Grant, time: Time) -> Option<u64> {
    let left_ms = grant.expires_ms()?.saturating_sub(time.wall_ms);
    Some(time.steady_ms.saturating_add(left_ms))
}
