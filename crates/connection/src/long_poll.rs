//! A long-poll: the same read, answered once there is something or the time is up.

use crate::{Page, Subscription, Time, Worker, answer::Lost};
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
}

impl LongPoll {
    /// A request that may wait for `wait_ms`.
    pub fn open(
        subscriptions: Vec<Subscription>,
        wait_ms: u64,
        worker: &mut Worker,
        time: Time,
    ) -> Self {
        let (seat, mut reader, mut lost) = (worker.lane.sit(), Reader::default(), Vec::new());
        for subscription in subscriptions {
            let pattern = &subscription.pattern;
            if reader.follows(pattern) {
                continue;
            }
            worker.lane.follow(seat, pattern);
            let start = subscription.place.start(time);
            if let Ok(started) = reader.follow(&worker.broker, pattern.clone(), start)
                && (started.is_foreign || subscription.place.is_foreign())
            {
                lost.push(Lost { subscription, to: started.after });
            }
        }
        Self { seat, reader, until_ms: time.steady_ms.saturating_add(wait_ms), lost }
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
        gathered.clear();
        let after = self.reader.after().unwrap_or_else(|| broker.head());
        let page = Page::new(items, after, std::mem::take(&mut self.lost));
        if page.is_empty() && time.steady_ms < self.until_ms { None } else { Some(page) }
    }

    /// Lets the request's task wait for news or for the end of its time.
    pub fn rest(&self, worker: &mut Worker, waker: &Waker) {
        worker.lane.sleep(self.seat, waker, Some(self.until_ms));
    }

    /// Gives up the seat.
    pub fn leave(self, worker: &mut Worker) {
        worker.lane.rise(self.seat);
    }
}
