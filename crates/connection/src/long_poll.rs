//! A long-poll: the same read, answered once there is something or the time is up.

use crate::{
    Page, Subscription, Time, Worker,
    start::{self, Lost},
};
use std::task::Waker;
use tidewire_broker::{Reader, SeatId};

/// One long-poll request.
///
/// Call [`LongPoll::poll_answer`] until it answers, resting in between; then leave.
#[derive(Debug)]
pub struct LongPoll {
    seat: SeatId,
    reader: Reader,
    until_ms: u64,
    lost: Vec<Lost>,
    /// There may be more to find than was looked for in this turn.
    is_behind: bool,
}

impl LongPoll {
    /// A request that may wait for `wait_ms`.
    pub fn open(
        subscriptions: &[Subscription],
        wait_ms: u64,
        worker: &mut Worker,
        time: Time,
    ) -> Self {
        let (seat, mut reader) = (worker.lane.sit(), Reader::default());
        let (_, lost) = start::follow(subscriptions, seat, &mut reader, worker, time);
        Self {
            seat,
            reader,
            until_ms: time.steady_ms.saturating_add(wait_ms),
            lost,
            is_behind: false,
        }
    }

    /// The answer, once there is something to tell or the time is up.
    pub fn poll_answer(&mut self, worker: &mut Worker, time: Time) -> Option<Page> {
        if let Some(news) = worker.lane.take_news(self.seat) {
            self.reader.note(news);
        }
        let Worker { broker, lane, limits, gathered, .. } = worker;
        self.reader.gather(broker, lane.settled(), limits.gather_bytes_max, gathered);
        let items = gathered.items().to_vec();
        self.reader.advance(gathered, items.len());
        self.is_behind = items.is_empty() && !gathered.is_caught_up();
        gathered.clear();
        let page = Page::new(items, broker.head(), std::mem::take(&mut self.lost))
            .behind(&self.reader, broker);
        if page.is_empty() && (self.is_behind || time.steady_ms < self.until_ms) {
            None
        } else {
            Some(page)
        }
    }

    /// Lets the request's task wait for news or for the end of its time.
    pub fn rest(&self, worker: &mut Worker, waker: &Waker) {
        if self.is_behind {
            // It looked at all channels and has to look again: others first.
            return waker.wake_by_ref();
        }
        worker.lane.sleep(self.seat, waker, Some(self.until_ms));
    }

    /// Gives up the seat.
    pub fn leave(self, worker: &mut Worker) {
        worker.lane.rise(self.seat);
    }
}
