//! A lane: one per worker thread, where that worker's sleeping connections wait to be woken.
//!
//! Publishers put a channel with news into the lane's queue, once however often it has news, and
//! wake the lane; the lane, on its own thread, wakes its sleepers in batches.
//!
//! ```text
//!  publisher                                lane, in passes
//!    ring, index                              1  notes the head
//!    queue the channel ── unless queued       2  notes how many channels were queued by then
//!    move the head                            3  tells their followers, a slice a turn
//!    ring the bell                            4  settles at that head, and wakes who was told
//! ```
//!
//! Why nothing is missed: a publisher queues the channel *before* it moves the head, and a pass notes
//! the head *before* it counts what is queued. So when the pass ends, every message up to its head
//! has been told to whom it concerns, and only then may readers read so far (`settled`). A channel
//! taken from the queue whose newest message is beyond that head is kept for the next pass: its
//! publisher saw it queued and did not queue it again; that publisher is about to move the head, and
//! wakes the lane after it.
//!
//! Why nobody waits for long: a pass is as long as the queue was when it began, whatever is published
//! meanwhile. A turn does so much of it and no more, and may end in the middle of one channel's
//! followers. Who reads while a pass is under way reads up to where the last one settled; what it has
//! heard of since, it hears again at the end. Who begins to follow meanwhile missed what the pass has
//! told, and is told that there may be anything.

use crate::{
    Broker, News, Pattern,
    channel::Channel,
    seats::{Change, SeatId, Seats},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
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
    /// Channels ever taken from the queue.
    taken: u64,
    /// Everything up to this offset has been told to whom it concerns.
    settled: u64,
    pass: Option<Pass>,
    /// Whether another pass has to follow.
    is_wanted: bool,
    /// Channels to be told again in the next pass.
    unsettled: Vec<Arc<Channel>>,
    newcomers: Vec<Newcomer>,
    seats: Seats,
}

/// One emptying of the queue, which may take several turns.
#[derive(Debug)]
struct Pass {
    /// Where it settles.
    head: u64,
    /// Channels ever put into the queue before it began.
    queued: u64,
    /// What the last pass left to be told again.
    again: Vec<Arc<Channel>>,
    /// A channel of which some have been told and some not.
    telling: Option<Telling>,
}

/// A channel with news, and the seat from which on those whom it concerns are to be told.
#[derive(Debug)]
struct Telling {
    channel: Arc<Channel>,
    from: usize,
}

/// A seat that began to follow before the lane had settled at the head.
#[derive(Debug)]
struct Newcomer {
    seat: SeatId,
    /// It heard of nothing after this.
    after: u64,
    /// Up to here.
    head: u64,
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
    /// Channels ever put into the queue.
    queued: AtomicU64,
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
            taken: 0,
            settled,
            pass: None,
            is_wanted: false,
            unsettled: Vec::new(),
            newcomers: Vec::new(),
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
        let (after, head) = (self.settled, self.broker.head());
        self.settle_soon();
        if self.settled < head {
            self.newcomers.push(Newcomer { seat, after, head });
        }
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
        let under_way = self.pass.as_ref().map(|_| self.settled);
        self.seats.take_news(seat, under_way)
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
    /// The task that polled last is the one that is told: a lane has one such task. One call does so
    /// much work and no more, and wakes the task if some is left.
    pub fn poll_news(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.bell.listen(context.waker());
        if !self.sort_news() {
            return Poll::Pending;
        }
        if self.is_behind() {
            context.waker().wake_by_ref();
            if !self.seats.has_due() {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// The same without being told of later news, for a task that asks again before it waits: so publishers on
    /// other threads wake only those who wait. Says whether there was anything to sort out.
    pub fn sort_news(&mut self) -> bool {
        self.is_wanted |= self.bell.is_rung.swap(false, Ordering::SeqCst);
        let has_news = self.is_behind();
        if has_news {
            self.settle(SETTLE_WORK_MAX);
        }
        has_news
    }

    /// Whether there is news that the last turn had no time to sort out: poll again, others first.
    pub fn is_behind(&self) -> bool {
        self.pass.is_some() || self.is_wanted
    }

    /// Makes everyone due whose time has come, so that [`Lane::poll_news`] is ready.
    ///
    /// Also brings [`Lane::settled`] up to date, unless that is too much work for one turn.
    pub fn ring(&mut self, now_ms: u64) {
        self.settle_soon();
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

    /// Brings [`Lane::settled`] up to the head, however much work that is: for the end.
    pub fn settle_all(&mut self) {
        self.is_wanted = true;
        self.settle(usize::MAX);
        self.ring_if_due();
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
        if self.seats.has_due() || self.is_behind() {
            self.bell.ring();
        }
    }

    /// Settles at the head there is now, unless that is too much for one turn.
    fn settle_soon(&mut self) {
        self.is_wanted = true;
        self.settle(SETTLE_WORK_MAX);
    }

    /// Goes on with the pass that is under way, then with the next if one is wanted, until `work` is
    /// done: one for each channel, and one for each seat told of it.
    fn settle(&mut self, mut work: usize) {
        while let Some(mut pass) = self.pass.take().or_else(|| self.begin_pass()) {
            loop {
                if work == 0 {
                    self.pass = Some(pass);
                    return;
                }
                let Some(telling) = self.next_telling(&mut pass) else { break };
                pass.telling = self.tell(telling, pass.head, &mut work);
            }
            self.end_pass(&pass);
        }
    }

    fn begin_pass(&mut self) -> Option<Pass> {
        mem::take(&mut self.is_wanted).then(|| Pass {
            // In this order: what the head covers has been queued.
            head: self.broker.head(),
            queued: self.bell.queued.load(Ordering::SeqCst),
            again: mem::take(&mut self.unsettled),
            telling: None,
        })
    }

    /// Of what the pass has to tell next.
    fn next_telling(&mut self, pass: &mut Pass) -> Option<Telling> {
        if let Some(telling) = pass.telling.take() {
            return Some(telling);
        }
        let channel = self.next_channel(pass)?;
        Some(Telling { channel, from: 0 })
    }

    /// The next channel that the pass has to tell of.
    fn next_channel(&mut self, pass: &mut Pass) -> Option<Arc<Channel>> {
        if let Some(channel) = pass.again.pop() {
            return Some(channel);
        }
        if self.taken == pass.queued {
            return None;
        }
        let channel = self.queue.try_recv().ok()?;
        self.taken += 1;
        channel.dirty.fetch_and(!self.bit, Ordering::AcqRel);
        Some(channel)
    }

    /// Tells of a channel, to as many as there is work left for: one for the channel, and one for each seat.
    /// Returns what is left.
    fn tell(&mut self, telling: Telling, head: u64, work: &mut usize) -> Option<Telling> {
        let Telling { channel, from } = telling;
        if let Some(from) = self.seats.tell(&channel, self.settled, from, work) {
            return Some(Telling { channel, from });
        }
        *work = work.saturating_sub(1);
        let is_queued = || channel.dirty.load(Ordering::Acquire) & self.bit != 0;
        if channel.last() > head && !is_queued() {
            self.unsettled.push(channel);
        }
        None
    }

    fn end_pass(&mut self, pass: &Pass) {
        self.settled = pass.head;
        let seats = &mut self.seats;
        self.newcomers.retain(|newcomer| {
            let waits = newcomer.head > pass.head;
            if !waits {
                seats.tell_one(newcomer.seat, newcomer.after);
            }
            waits
        });
        seats.end_pass();
    }
}

impl LanePort {
    /// Puts a channel into the lane's queue. Locks nothing.
    pub(crate) fn enqueue(&self, channel: &Arc<Channel>) {
        // A lane that has ended wants no news.
        let _ = self.queue.send(Arc::clone(channel));
        // After it is there: a pass that counts it finds it.
        self.bell.queued.fetch_add(1, Ordering::SeqCst);
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

/// Work of one turn: some tens of microseconds, or a few hundred where each of it misses the cache.
const SETTLE_WORK_MAX: usize = if cfg!(shuttle) { 1 } else { 4_096 };
