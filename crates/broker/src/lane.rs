//! A lane: one per worker thread, where that worker's sleeping connections wait to be woken.
//!
//! Publishers put a channel with news into the lane's queue, once however often it has news, and
//! wake the lane; the lane, on its own thread, wakes its sleepers in batches.
//!
//! Why nothing is missed: a publisher queues the channel *before* it moves the head, and the lane
//! reads the head (`settled`) *before* it empties the queue, so every message up to `settled` has
//! been told to whom it concerns. A channel taken from the queue whose newest message lies beyond
//! `settled` is kept for the next time, for its publisher saw it queued and did not queue it again;
//! that publisher is about to move the head, and wakes the lane after it.

use crate::{
    Broker, Pattern,
    channel::Channel,
    seats::{Change, News, SeatId, Seats},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};
use std::{
    mem,
    sync::{Arc, PoisonError},
    task::{Context, Poll, Waker},
};

/// One worker thread's sleepers. Not shared: every call is made on that thread.
#[derive(Debug)]
pub struct Lane {
    broker: Broker,
    bit: u64,
    bell: Arc<Bell>,
    queue: mpsc::Receiver<Arc<Channel>>,
    /// Everything up to this offset has been told to whom it concerns.
    settled: u64,
    unsettled: Vec<Arc<Channel>>,
    seats: Seats,
}

/// The publishers' end of a lane.
#[derive(Debug)]
pub(crate) struct LanePort {
    bell: Arc<Bell>,
    queue: mpsc::Sender<Arc<Channel>>,
}

#[derive(Debug, Default)]
struct Bell {
    is_rung: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// A broker has given out all its lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a broker has at most {LANES_MAX} lanes; run at most as many workers")]
pub struct TooManyLanes;

/// A channel marks the lanes that follow it in the bits of one word.
pub(crate) const LANES_MAX: usize = 64;

impl Lane {
    pub(crate) fn open(broker: Broker, index: usize) -> (LanePort, Self) {
        let (sender, queue) = mpsc::channel();
        let bell = Arc::new(Bell::default());
        let port = LanePort { bell: Arc::clone(&bell), queue: sender };
        let settled = broker.head();
        let lane = Self {
            broker,
            bit: 1 << index,
            bell,
            queue,
            settled,
            unsettled: Vec::new(),
            seats: Seats::default(),
        };
        (port, lane)
    }

    /// Takes a seat, which follows nothing yet.
    pub fn sit(&mut self) -> SeatId {
        self.seats.sit()
    }

    /// Has news of what `pattern` selects told to a seat. Tell the lane before the reader.
    pub fn follow(&mut self, seat: SeatId, pattern: &Pattern) {
        let channel = pattern.as_channel().map(|name| self.broker.shared.registry.obtain(&name));
        match self.seats.follow(seat, pattern, channel) {
            Change::None => {}
            Change::Channel(channel) => self.broker.shared.follow(Some(&channel), self.bit),
            Change::Wild => self.broker.shared.follow(None, self.bit),
        }
        // No publisher tells of what it published before this: readers have to be let past it.
        self.settle();
        self.ring_if_due();
    }

    /// Has it told no longer.
    pub fn unfollow(&mut self, seat: SeatId, pattern: &Pattern) {
        let change = self.seats.unfollow(seat, pattern);
        withdraw(&self.broker, self.bit, change);
    }

    /// Gives a seat up, with all it follows.
    pub fn rise(&mut self, seat: SeatId) {
        let (broker, bit) = (&self.broker, self.bit);
        self.seats.rise(seat, |change| withdraw(broker, bit, change));
    }

    /// What a seat's reader has to look at since it was asked last, or `None` for nothing.
    pub fn take_news(&mut self, seat: SeatId) -> Option<News> {
        self.seats.take_news(seat)
    }

    /// Lets a seat sleep: it is woken once, at the next news or the first [`Lane::ring`] at or
    /// after `until_ms`. With news untaken it is woken at once.
    pub fn sleep(&mut self, seat: SeatId, waker: &Waker, until_ms: Option<u64>) {
        self.seats.sleep(seat, waker, until_ms, true);
    }

    /// Lets a seat rest that cannot take bytes: only the first [`Lane::ring`] at or after
    /// `until_ms` wakes it.
    pub fn rest(&mut self, seat: SeatId, waker: &Waker, until_ms: Option<u64>) {
        self.seats.sleep(seat, waker, until_ms, false);
    }

    /// The offset up to which readers of this lane may read.
    pub fn settled(&self) -> u64 {
        self.settled
    }

    /// How many seats are taken.
    pub fn len(&self) -> usize {
        self.seats.len()
    }

    /// Whether nobody sits here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ready once somebody is due to be woken, after news was sorted out; then call [`Lane::wake`].
    ///
    /// The task that polled last is the one that is told: a lane has one such task.
    pub fn poll_news(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.bell.listen(context.waker());
        if !self.bell.is_rung.swap(false, Ordering::SeqCst) {
            return Poll::Pending;
        }
        self.settle();
        Poll::Ready(())
    }

    /// Makes everyone due whose time has come, so that [`Lane::poll_news`] is ready.
    ///
    /// Also brings [`Lane::settled`] up to date.
    pub fn ring(&mut self, now_ms: u64) {
        self.settle();
        self.seats.ring(now_ms);
        self.ring_if_due();
    }

    /// Takes the seat that has been due for longest, because of news or because its time has come.
    ///
    /// Whoever runs the connections gives it its turn, or has its task woken by [`Lane::wake_seat`].
    pub fn next_due(&mut self) -> Option<SeatId> {
        self.seats.next_due()
    }

    /// Wakes the task that sleeps in a seat.
    pub fn wake_seat(&self, seat: SeatId) {
        self.seats.wake(seat);
    }

    /// Wakes up to `count_max` sleepers that have news or whose time has come; says whether more
    /// wait to be woken.
    pub fn wake(&mut self, count_max: usize) -> bool {
        for _ in 0..count_max {
            let Some(seat) = self.next_due() else { break };
            self.wake_seat(seat);
        }
        self.seats.has_due()
    }

    fn ring_if_due(&self) {
        if self.seats.has_due() {
            self.bell.ring();
        }
    }

    fn settle(&mut self) {
        self.settled = self.broker.head();
        for channel in mem::take(&mut self.unsettled) {
            self.tell(channel);
        }
        while let Ok(channel) = self.queue.try_recv() {
            channel.dirty.fetch_and(!self.bit, Ordering::AcqRel);
            self.tell(channel);
        }
    }

    fn tell(&mut self, channel: Arc<Channel>) {
        self.seats.tell(&channel);
        if channel.last() > self.settled {
            self.unsettled.push(channel);
        }
    }
}

impl LanePort {
    /// Puts a channel into the lane's queue. Locks nothing.
    pub(crate) fn enqueue(&self, channel: &Arc<Channel>) {
        // A lane that has ended wants no news.
        let _ = self.queue.send(Arc::clone(channel));
    }

    /// Wakes the lane's thread, once until it has listened again.
    pub(crate) fn wake(&self) {
        self.bell.ring();
    }
}

impl Bell {
    fn ring(&self) {
        if !self.is_rung.swap(true, Ordering::SeqCst) {
            let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
            waker.into_iter().for_each(Waker::wake);
        }
    }

    fn listen(&self, waker: &Waker) {
        let mut known = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *known {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }
}

fn withdraw(broker: &Broker, bit: u64, change: Change) {
    match change {
        Change::None => {}
        Change::Channel(channel) => {
            broker.shared.unfollow(Some(&channel), bit);
            broker.shared.registry.release(channel);
        }
        Change::Wild => broker.shared.unfollow(None, bit),
    }
}
