//! A lane: one per worker thread. The worker's idle connections wait in it for news.
//!
//! A publisher puts a channel with news into the lane's queue, unless it is queued already, and wakes the lane. The
//! lane, on its own thread, wakes its waiters in batches.
//!
//! ```text
//!  publisher                                lane, in passes
//!    ring, index                              1  notes the head
//!    queue the channel ── unless queued       2  notes how many channels were queued by then
//!    move the head                            3  notifies their waiters, a part in each turn
//!    set the signal                           4  moves the read limit there, and wakes those notified
//! ```
//!
//! Why nothing is missed: a publisher queues the channel *before* it moves the head, and a pass notes the head *before*
//! it counts what is queued. So when the pass ends, every message up to its head has been reported to the waiters that
//! it concerns. Only then may readers read up to that head (`read_limit`). If a channel taken from the queue has a
//! message beyond that head, it is kept for the next pass: its publisher saw it queued and did not queue it again. That
//! publisher is about to move the head, and wakes the lane after that.
//!
//! Why no reader waits for long: a pass is as long as the queue was when it began, whatever is published meanwhile. A
//! turn does a bounded part of it, and may end in the middle of one channel's waiters. A reader that reads while a pass
//! is in progress reads up to the end of the previous one; what it was notified of since, it is notified of again at the
//! end. A reader that begins to follow meanwhile has missed notifications of the pass, and is notified that there may be
//! news in any channel.

use crate::{
    Broker, ChannelName, News, Pattern,
    channel::Channel,
    lane_port::{LanePort, Signal},
    lanes::{Ended, TooManyLanes},
    sync::{atomic::Ordering, mpsc},
    waiters::{AudienceChange, WaiterId, Waiters},
};
use std::{
    mem,
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// The waiters of one worker thread. Not shared: every call is made on that thread.
#[derive(Debug)]
pub struct Lane {
    broker: Broker,
    index: usize,
    bit: u64,
    signal: Arc<Signal>,
    queue: mpsc::Receiver<Arc<Channel>>,
    /// Channels ever taken from the queue.
    taken: u64,
    /// Everything up to this offset has been reported to the waiters that it concerns.
    read_limit: u64,
    pass: Option<Pass>,
    /// Whether another pass has to follow.
    is_wanted: bool,
    /// Channels to be reported again in the next pass.
    carried_over: Vec<Arc<Channel>>,
    new_followers: Vec<NewFollower>,
    waiters: Waiters,
}

/// One emptying of the queue, which may take several turns.
#[derive(Debug)]
struct Pass {
    /// Where it ends.
    head: u64,
    /// Channels ever put into the queue before it began.
    queued: u64,
    /// What the last pass left to be reported again.
    again: Vec<Arc<Channel>>,
    /// A channel of which some waiters have been notified and some have not.
    notification: Option<Notification>,
}

/// A channel with news, and the first of its waiters that is still to be notified.
#[derive(Debug)]
struct Notification {
    channel: Arc<Channel>,
    from: usize,
}

/// A waiter that began to follow before the lane had come to the head.
#[derive(Debug)]
struct NewFollower {
    waiter: WaiterId,
    /// It was notified of nothing after this.
    after: u64,
    /// Up to here.
    head: u64,
}

impl Broker {
    /// A lane for one worker thread. Dropping it makes room for another.
    ///
    /// # Errors
    ///
    /// There are already as many lanes as a channel has bits for.
    pub fn lane(&self) -> Result<Lane, TooManyLanes> {
        let (port, ended) = self.shared.lanes.take()?;
        Ok(Lane::open(self.clone(), port, ended))
    }
}

impl Lane {
    /// The lane at the other end of `port`. What still is in the queue was of interest to an earlier one.
    fn open(broker: Broker, port: &LanePort, ended: Ended) -> Self {
        let Ended { index, queue, taken } = ended;
        let read_limit = broker.head();
        Self {
            broker,
            index,
            bit: 1 << index,
            signal: port.signal(),
            queue,
            taken,
            read_limit,
            pass: None,
            is_wanted: false,
            carried_over: Vec::new(),
            new_followers: Vec::new(),
            waiters: Waiters::default(),
        }
    }

    /// Takes a waiter, which follows nothing yet.
    pub fn register(&mut self) -> WaiterId {
        self.waiters.register()
    }

    /// Has a waiter notified of news in what `pattern` selects. Call this before the reader follows it.
    pub fn follow(&mut self, waiter: WaiterId, pattern: &Pattern) {
        let channel = pattern.as_channel().map(|name| self.broker.shared.registry.obtain(&name));
        match self.waiters.follow(waiter, pattern, channel) {
            AudienceChange::None => {}
            AudienceChange::Channel(channel) => self.broker.shared.follow(Some(&channel), self.bit),
            AudienceChange::Wild => self.broker.shared.follow(None, self.bit),
        }
        // No publisher reports what it published before this, so readers have to be allowed to read past it.
        let (after, head) = (self.read_limit, self.broker.head());
        self.advance_soon();
        if self.read_limit < head {
            self.new_followers.push(NewFollower { waiter, after, head });
        }
        self.signal_if_due();
        self.check_if_small();
    }

    /// Has it notified no longer.
    pub fn unfollow(&mut self, waiter: WaiterId, pattern: &Pattern) {
        let change = self.waiters.unfollow(waiter, pattern);
        withdraw(&self.broker, self.bit, change);
        self.check_if_small();
    }

    /// Gives a waiter up, with all it follows.
    pub fn remove(&mut self, waiter: WaiterId) {
        let (broker, bit) = (&self.broker, self.bit);
        self.waiters.remove(waiter, |change| withdraw(broker, bit, change));
        self.check_if_small();
    }

    /// What a waiter's reader has to look at since it was asked last, or `None` for nothing.
    pub fn take_news(&mut self, waiter: WaiterId) -> Option<News> {
        let under_way = self.pass.as_ref().map(|_| self.read_limit);
        self.waiters.take_news(waiter, under_way)
    }

    /// [`Lane::read_limit`], if there is no news for a waiter that it has not taken.
    pub fn quiet_to(&self, waiter: WaiterId) -> Option<u64> {
        (!self.waiters.has_news(waiter)).then_some(self.read_limit)
    }

    /// Lets a waiter sleep: it is woken once, at the next news or the first [`Lane::fire_timers`] at or
    /// after `until_ms`. With news untaken it is woken at once.
    pub fn sleep(&mut self, waiter: WaiterId, waker: &Waker, until_ms: Option<u64>) {
        self.waiters.sleep(waiter, waker, until_ms, true);
    }

    /// Lets a waiter rest that cannot take bytes: only the first [`Lane::fire_timers`] at or after
    /// `until_ms` wakes it.
    pub fn park(&mut self, waiter: WaiterId, waker: &Waker, until_ms: Option<u64>) {
        self.waiters.sleep(waiter, waker, until_ms, false);
    }

    /// The offset up to which readers of this lane may read.
    pub fn read_limit(&self) -> u64 {
        self.read_limit
    }

    /// Whether any waiter follows `channel`, by its name or by a pattern. O(length of the name).
    pub fn is_followed(&self, channel: &ChannelName) -> bool {
        let known = self.broker.shared.registry.find(channel.as_str());
        let is_named =
            |channel: Arc<Channel>| channel.followed.load(Ordering::SeqCst) & self.bit != 0;
        known.is_some_and(is_named) || self.waiters.has_pattern_for(channel)
    }

    /// How many waiters are taken.
    pub fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Whether there are no waiters.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ready once a waiter is to be woken, after news was sorted; then call [`Lane::wake`].
    ///
    /// The task that polled last is the one that is woken: a lane has one such task. One call does a bounded amount of
    /// work, and wakes the task if some is left.
    pub fn poll_news(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.signal.listen(context.waker());
        if !self.sort_news() {
            return Poll::Pending;
        }
        if self.is_behind() {
            context.waker().wake_by_ref();
            if !self.waiters.has_due() {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// The same without registering for later news, for a task that calls again before it waits: so publishers on other
    /// threads wake only tasks that wait. Returns whether there was anything to sort.
    pub fn sort_news(&mut self) -> bool {
        self.is_wanted |= self.signal.take();
        let has_news = self.is_behind();
        if has_news {
            self.advance(ADVANCE_WORK_MAX);
        }
        has_news
    }

    /// Whether there is news that the last turn had no time to sort: poll again, after other work.
    pub fn is_behind(&self) -> bool {
        self.pass.is_some() || self.is_wanted
    }

    /// Makes everyone due whose time has come, so that [`Lane::poll_news`] is ready.
    ///
    /// Also brings [`Lane::read_limit`] up to date, unless that is too much work for one turn.
    pub fn fire_timers(&mut self, now_ms: u64) {
        self.advance_soon();
        self.waiters.fire_timers(now_ms);
        self.signal_if_due();
    }

    /// Makes the next `count` waiters due, by their numbers, from `from` on, whatever they wait for: for the end. Returns the
    /// number after the last of them.
    pub fn make_due(&mut self, from: usize, count: usize) -> usize {
        self.advance_soon();
        let next = self.waiters.make_due(from, count);
        self.signal_if_due();
        next
    }

    /// Takes the waiter that has been due for longest, because of news in a few channels or because its time has come.
    ///
    /// The caller gives it its turn, or wakes its task with [`Lane::wake_waiter`].
    pub fn next_due(&mut self) -> Option<WaiterId> {
        self.waiters.next_due()
    }

    /// Takes the waiter that has been due for longest because of news in many channels.
    ///
    /// To read that takes longer. These waiters are apart, so that the others do not wait for it.
    pub fn next_due_in_many(&mut self) -> Option<WaiterId> {
        self.waiters.next_due_in_many()
    }

    /// The waker of a waiter's task, if it has ever slept: to be woken when the lane is not borrowed.
    pub fn waker(&self, waiter: WaiterId) -> Option<Waker> {
        self.waiters.waker(waiter).cloned()
    }

    /// Wakes the task of a waiter.
    pub fn wake_waiter(&self, waiter: WaiterId) {
        self.waiters.waker(waiter).into_iter().for_each(Waker::wake_by_ref);
    }

    /// Brings [`Lane::read_limit`] up to the head, however much work that is: for the end.
    pub fn advance_to_head(&mut self) {
        self.is_wanted = true;
        self.advance(usize::MAX);
        self.signal_if_due();
    }

    /// Wakes up to `count_max` sleepers that have news or whose time has come; says whether more
    /// wait to be woken.
    pub fn wake(&mut self, count_max: usize) -> bool {
        for _ in 0..count_max {
            let next = self.next_due().or_else(|| self.next_due_in_many());
            let Some(waiter) = next else { break };
            self.wake_waiter(waiter);
        }
        self.waiters.has_due()
    }

    fn signal_if_due(&self) {
        if self.waiters.has_due() || self.is_behind() {
            self.signal.set();
        }
    }

    /// Advances to the head there is now, unless that is too much for one turn.
    fn advance_soon(&mut self) {
        self.is_wanted = true;
        self.advance(ADVANCE_WORK_MAX);
    }

    /// Goes on with the pass that is under way, then with the next if one is wanted, until `work` is
    /// done: one for each channel, and one for each waiter notified of it.
    fn advance(&mut self, mut work: usize) {
        while let Some(mut pass) = self.pass.take().or_else(|| self.begin_pass()) {
            loop {
                if work == 0 {
                    self.pass = Some(pass);
                    return;
                }
                let Some(notification) = self.next_notification(&mut pass) else { break };
                pass.notification = self.notify(notification, pass.head, &mut work);
            }
            self.end_pass(&pass);
        }
    }

    fn begin_pass(&mut self) -> Option<Pass> {
        mem::take(&mut self.is_wanted).then(|| Pass {
            // In this order: what the head covers has been queued.
            head: self.broker.head(),
            queued: self.signal.queued(),
            again: mem::take(&mut self.carried_over),
            notification: None,
        })
    }

    /// Of what the pass has to notify next.
    fn next_notification(&mut self, pass: &mut Pass) -> Option<Notification> {
        if let Some(notification) = pass.notification.take() {
            return Some(notification);
        }
        let channel = self.next_channel(pass)?;
        Some(Notification { channel, from: 0 })
    }

    /// The next channel that the pass has to report.
    fn next_channel(&mut self, pass: &mut Pass) -> Option<Arc<Channel>> {
        if let Some(channel) = pass.again.pop() {
            return Some(channel);
        }
        if self.taken >= pass.queued {
            return None;
        }
        self.take_queued()
    }

    fn take_queued(&mut self) -> Option<Arc<Channel>> {
        let channel = self.queue.try_recv().ok()?;
        self.taken += 1;
        channel.dirty.fetch_and(!self.bit, Ordering::AcqRel);
        Some(channel)
    }

    /// Notifies of a channel as many as there is work left for: one for the channel, and one for each waiter.
    /// Returns what is left.
    fn notify(
        &mut self,
        notification: Notification,
        head: u64,
        work: &mut usize,
    ) -> Option<Notification> {
        let Notification { channel, from } = notification;
        if let Some(from) = self.waiters.notify(&channel, self.read_limit, from, work) {
            return Some(Notification { channel, from });
        }
        *work = work.saturating_sub(1);
        let is_queued = || channel.dirty.load(Ordering::Acquire) & self.bit != 0;
        if channel.last() > head && !is_queued() {
            self.carried_over.push(channel);
        }
        None
    }

    fn end_pass(&mut self, pass: &Pass) {
        self.read_limit = pass.head;
        let waiters = &mut self.waiters;
        self.new_followers.retain(|new_follower| {
            let waits = new_follower.head > pass.head;
            if !waits {
                waiters.notify_one(new_follower.waiter, new_follower.after);
            }
            waits
        });
        waiters.end_pass();
        self.check_if_small();
    }
}

impl Lane {
    /// Checks everything in debug builds, as long as that is little. Not in models, which try all orders of what
    /// threads do: it would be more of that.
    fn check_if_small(&self) {
        if cfg!(all(debug_assertions, not(shuttle))) && self.waiters.is_small() {
            self.check();
        }
    }

    /// Checks that everything agrees. O(waiters and what they follow).
    ///
    /// # Panics
    ///
    /// It does not.
    #[doc(hidden)]
    pub fn check(&self) {
        let head = self.broker.head();
        assert!(self.read_limit <= head, "readers may read beyond the head");
        if let Some(pass) = &self.pass {
            let is_within = (self.read_limit..=head).contains(&pass.head);
            assert!(is_within, "a pass ends before the last one, or beyond the head");
        }
        let has_missed = self.new_followers.iter().all(|it| it.head > self.read_limit);
        assert!(has_missed, "a new follower has not been notified of what it missed");
        self.waiters.check(self.bit);
        let is_known = self.broker.shared.wild.load(Ordering::SeqCst) & self.bit != 0;
        assert_eq!(is_known, self.waiters.has_wild(), "publishers do not know its wildcards");
    }
}

impl Drop for Lane {
    /// Follows nothing from now on, and gives its number back.
    ///
    /// A publish that is under way may queue one more channel: for the next lane of this number that is news
    /// which concerns nobody.
    fn drop(&mut self) {
        let (broker, bit) = (&self.broker, self.bit);
        self.waiters.clear(|change| withdraw(broker, bit, change));
        while self.taken < self.signal.queued() && self.take_queued().is_some() {}
        self.signal.forget();
        let (_, nothing) = mpsc::channel();
        let queue = mem::replace(&mut self.queue, nothing);
        self.broker.shared.lanes.give_back(Ended { index: self.index, queue, taken: self.taken });
    }
}

fn withdraw(broker: &Broker, bit: u64, change: AudienceChange) {
    match change {
        AudienceChange::None => {}
        AudienceChange::Channel(channel) => {
            broker.shared.unfollow(Some(&channel), bit);
            broker.shared.registry.release(channel);
        }
        AudienceChange::Wild => broker.shared.unfollow(None, bit),
    }
}

/// Work of one turn: some tens of microseconds, or a few hundred where each of it misses the cache.
const ADVANCE_WORK_MAX: usize = if cfg!(shuttle) { 1 } else { 4_096 };
