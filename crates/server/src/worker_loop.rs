//! The loop of a worker thread: it decides whose turn it is, and when a round of turns ends.
//!
//! ```text
//!   ┌─► the lane sorts out news: which connections does it concern?
//!   │             news in many channels ──► the queue of those that catch up
//!   │   deliver   connections with other news, the longest due first: gather, copy, send: a little
//!   │             those who get the same batch, a few at a time:     all checks, all sends
//!   │   serve     connections that were woken, the first one first:  read, publish, send: a little
//!   │             what these leave to be sent ──► the queue of those that catch up
//!   │   catch up  the first in that queue first:                     gather, copy, send
//!   │             what a turn leaves over ──► the end of this queue
//!   │   call      requests that wait for a turn:                     wake some
//!   └── the runtime's other tasks: requests that have a turn, readiness of sockets, the clock
//! ```
//!
//! A turn ends by its own budget, which is in `driver`, and in `request_turns` for requests; each part of a round ends
//! by the constants below. All queues are served in order, so a connection waits for at most one turn of each other
//! connection in the same queue. Connections that are far behind are in a queue of their own, and no news takes them out
//! of it: so they delay no other connection, however far behind they are. `ARCHITECTURE.md` lists all budgets.

mod group;
mod inquiries;
mod key_checks;

use crate::{
    access::Identity,
    clock::wall_ms,
    connection_log::log_end,
    driver::{Cause, Driver, Outcome, PUBLISHES_MAX, Turn, WRITE_BYTES_MAX},
    renewals::{Renewal, RenewalError, RenewalId},
    socket::Socket,
    worker_context::WorkerContext,
    worker_loop::{group::Group, key_checks::end_if_withdrawn},
};
use std::{
    cell::{Cell, RefCell, RefMut},
    collections::VecDeque,
    future::poll_fn,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};
use tidewire_broker::WaiterId;
use tidewire_connection::{Time, Worker};
use tokio::task::{coop::unconstrained, yield_now};

/// The connections of one worker, and whose turn it is.
pub(crate) struct WorkerLoop<S: Socket> {
    worker_context: Rc<WorkerContext>,
    /// By the number of its waiter. Boxed, as what one costs is counted.
    entries: RefCell<Vec<Option<Box<Entry<S>>>>>,
    /// The numbers of those that catch up.
    behind: RefCell<VecDeque<usize>>,
    group: RefCell<Group>,
    /// How many connections it has had.
    opened: Cell<u32>,
    /// How often it has left the processor to other threads.
    #[cfg(test)]
    yields: std::cell::Cell<usize>,
}

/// A connection, and what leads back to it; in this order, as the driver's front is what a delivery looks at.
#[repr(C)]
pub(crate) struct Entry<S> {
    waker: Waker,
    driver: Driver<S>,
    /// Whether it is in the queue of those that catch up.
    is_queued: bool,
    /// Since when it is open, in seconds since the Unix epoch. It lies where there would be nothing.
    opened_s: u32,
}

impl<S: Socket> WorkerLoop<S> {
    pub(crate) fn new(worker_context: Rc<WorkerContext>) -> Self {
        Self {
            worker_context,
            entries: RefCell::default(),
            behind: RefCell::default(),
            group: RefCell::default(),
            opened: Cell::default(),
            #[cfg(test)]
            yields: Default::default(),
        }
    }

    /// What its connections share with the worker's other tasks.
    pub(crate) fn worker_context(&self) -> &Rc<WorkerContext> {
        &self.worker_context
    }

    /// Takes a connection over, and runs it until it ends.
    pub(crate) fn add(&self, driver: Driver<S>) {
        let serial = self.opened.get();
        self.opened.set(serial.wrapping_add(1));
        let mut driver = driver.numbered(serial);
        // Between its request and now its key may have gone.
        end_if_withdrawn(&mut driver, &self.worker_context);
        let opened_s = u32::try_from(wall_ms() / 1_000).unwrap_or(u32::MAX);
        let waiter = driver.waiter().index();
        let waker = self.worker_context.ready.waker(waiter);
        waker.wake_by_ref();
        let mut entries = self.entries.borrow_mut();
        if entries.len() <= waiter {
            entries.resize_with(waiter + 1, || None);
        }
        if let Some(place) = entries.get_mut(waiter) {
            *place = Some(Box::new(Entry { driver, waker, is_queued: false, opened_s }));
        }
    }

    /// What each connection takes, less what it allocates itself.
    #[cfg(test)]
    pub(crate) fn bytes_each() -> usize {
        let place = size_of::<Option<Box<Entry<S>>>>();
        place + size_of::<Entry<S>>() + crate::ready::ReadyQueue::bytes_each()
    }

    /// Gives turns, for as long as it is polled. A lane wakes one task, so no other task may call this.
    pub(crate) async fn run(&self) {
        // Rounds have budgets. The runtime's own would cut turns short in the middle.
        unconstrained(async {
            loop {
                poll_fn(|context| self.poll_work(context)).await;
                while self.run_round() {
                    self.yield_thread();
                    yield_now().await;
                    self.worker_context.worker.borrow_mut().lane.sort_news();
                }
                // Other threads may publish all the time: then there is always work, and never a wait.
                yield_now().await;
            }
        })
        .await;
    }

    /// Has connections renewed as requests ask for it, on whichever worker those are. Between rounds: no connection has a
    /// turn then.
    pub(crate) async fn run_renewals(&self) {
        let Some(mut renewals) = self.worker_context.inbox.renewals.take() else { return };
        while let Some(Renewal { id, waiter, identity, answer }) = renewals.recv().await {
            // The request may have been given up.
            let _ = answer.send(self.renew(waiter, id, &identity));
        }
    }

    fn renew(&self, waiter: usize, id: RenewalId, identity: &Identity) -> Result<(), RenewalError> {
        let WorkerContext { worker, clock, .. } = &*self.worker_context;
        let mut entries = self.entries.borrow_mut();
        let entry = entries.get_mut(waiter).and_then(Option::as_deref_mut);
        let Entry { driver, waker, .. } = entry.ok_or(RenewalError::NotFound)?;
        driver.renew(id, identity, &mut worker.borrow_mut(), clock.now())?;
        // While it waited for this worker, the key of the new token may have gone.
        end_if_withdrawn(driver, &self.worker_context);
        // What it has to say of that.
        waker.wake_by_ref();
        Ok(())
    }

    /// Has the lane sort out news; ready once a connection or a request may have a turn.
    fn poll_work(&self, context: &mut Context<'_>) -> Poll<()> {
        let worker_context = &*self.worker_context;
        let mut worker = worker_context.worker.borrow_mut();
        // Before it asks to be woken: while there is work, publishers on other threads have no need to.
        if worker.lane.sort_news() {
            return Poll::Ready(());
        }
        let news = worker.lane.poll_news(context);
        drop(worker);
        let ready = worker_context.ready.poll(context);
        let requests = worker_context.request_turns.poll(context);
        if news.is_ready() || ready.is_ready() || requests.is_ready() {
            return Poll::Ready(());
        }
        worker_context.metrics.waits.add(1);
        Poll::Pending
    }

    /// One round; says whether it has left something over.
    fn run_round(&self) -> bool {
        self.worker_context.finish_leaving();
        let has_diverted_left = self.divert();
        let has_news_left = self.deliver();
        let has_woken_left = self.serve();
        let turns_max = if has_news_left { CATCH_UP_TURNS_MIN } else { TURNS_MAX };
        let has_behind_left = self.catch_up(turns_max);
        let has_requests_left = self.worker_context.request_turns.begin_round();
        let metrics = &self.worker_context.metrics;
        metrics.rounds.add(1);
        metrics.behind.set(u64::try_from(self.behind.borrow().len()).unwrap_or(u64::MAX));
        has_diverted_left || has_news_left || has_woken_left || has_behind_left || has_requests_left
    }

    /// Has connections with news in many channels wait with those that are behind, so that no connection with less news
    /// comes after them; says whether some are left.
    fn divert(&self) -> bool {
        let mut polls_left = TURNS_MAX;
        for _ in 0..DIVERTED_MAX {
            let mut worker = self.worker_context.worker.borrow_mut();
            let Some(waiter) = worker.lane.next_due_in_many() else { return false };
            let mut entries = self.entries.borrow_mut();
            if let Some(entry) = entries.get_mut(waiter.index()).and_then(Option::as_mut) {
                entry.driver.fall_behind();
                entry.queue_behind(&mut self.behind.borrow_mut());
                continue;
            }
            drop(entries);
            wake_long_poll(worker, waiter);
            polls_left -= 1;
            if polls_left == 0 {
                break;
            }
        }
        true
    }

    /// Leaves the processor to other threads after a round that leaves turns over: they may have what is live, another
    /// worker for its readers, the log for its publishers. Else each would wait until the kernel takes it away from
    /// this thread, some milliseconds later. It costs next to nothing where no other thread wants it.
    fn yield_thread(&self) {
        thread::yield_now();
        #[cfg(test)]
        self.yields.set(self.yields.get() + 1);
    }

    /// Gives turns to connections that have news; says whether some are left.
    fn deliver(&self) -> bool {
        let worker_context = &*self.worker_context;
        let mut budget = Budget::begin(worker_context);
        let mut group = self.group.borrow_mut();
        let has_left = loop {
            if budget.is_clock_due() {
                self.write_group(&mut group, &budget);
            }
            if !budget.allows_turn() {
                break true;
            }
            let mut worker = worker_context.worker.borrow_mut();
            let mut entries = self.entries.borrow_mut();
            let Some(waiter) = worker.lane.next_due() else { break false };
            let Some(place @ Some(_)) = entries.get_mut(waiter.index()) else {
                drop(entries);
                wake_long_poll(worker, waiter);
                continue;
            };
            if let Some(entry) = place.as_deref_mut()
                && entry.driver.is_catching_up()
            {
                entry.queue_behind(&mut self.behind.borrow_mut());
                continue;
            }
            if group.join(place, &budget, &mut worker) {
                budget.spend(worker.batch.len() + TURN_BYTES);
            } else {
                drop((worker, entries));
                self.write_group(&mut group, &budget);
                let bytes = self.give_turn(waiter.index(), Cause::News, &budget);
                budget.spend(bytes + TURN_BYTES);
            }
        };
        self.write_group(&mut group, &budget);
        has_left
    }

    /// Gives turns to connections that were woken; says whether some are left.
    fn serve(&self) -> bool {
        let mut budget = Budget::begin(&self.worker_context);
        while budget.allows_turn() {
            let Some(waiter) = self.worker_context.ready.pop() else { return false };
            self.give_turn(waiter, Cause::Woken, &budget);
            // What it took does not show in bytes: publishes, what was read.
            budget.spend(CLOCK_BYTES);
        }
        true
    }

    /// Gives at most `turns_max` turns to connections that are behind; says whether some are left.
    fn catch_up(&self, turns_max: usize) -> bool {
        let mut budget = Budget::begin(&self.worker_context);
        (budget.turns_left, budget.write_bytes_max) = (turns_max, WRITE_BYTES_MAX);
        while budget.allows_turn() {
            let Some(waiter) = self.behind.borrow_mut().pop_front() else { return false };
            let mut entries = self.entries.borrow_mut();
            let entry = entries.get_mut(waiter).and_then(Option::as_deref_mut);
            // The connection that had this number before may have been queued too.
            let is_queued = entry.is_some_and(|entry| mem::take(&mut entry.is_queued));
            drop(entries);
            if is_queued {
                self.give_turn(waiter, Cause::Behind, &budget);
                budget.spend(CLOCK_BYTES);
            }
        }
        !self.behind.borrow().is_empty()
    }

    /// Writes the batch for all who have joined, and gives a turn to each that needs more.
    fn write_group(&self, group: &mut Group, budget: &Budget<'_>) {
        if group.is_empty() {
            return;
        }
        let worker = &budget.worker_context.worker;
        group.write(&mut self.entries.borrow_mut(), budget, &mut worker.borrow_mut());
        for waiter in group.drain() {
            self.give_turn(waiter.index(), Cause::News, budget);
        }
    }

    /// Gives a connection its turn and removes it if it ends; returns how many bytes the turn moved.
    ///
    /// During the turn it is not in the table, and neither that nor the worker is borrowed: an engine that is
    /// called, or a waker, may come back to both. A panic ends this connection only. Its client reconnects and
    /// resumes.
    fn give_turn(&self, at: usize, cause: Cause, budget: &Budget<'_>) -> usize {
        let taken = self.entries.borrow_mut().get_mut(at).and_then(Option::take);
        let Some(mut entry) = taken else { return 0 };
        let Budget { worker_context, time, write_bytes_max, .. } = *budget;
        let publishes_left = PUBLISHES_MAX;
        let mut turn =
            Turn { cause, worker_context, time, write_bytes_max, moved_bytes: 0, publishes_left };
        let Entry { driver, waker, .. } = &mut *entry;
        let (waiter, context) = (driver.waiter(), &mut Context::from_waker(waker));
        let outcome = catch_unwind(AssertUnwindSafe(|| driver.take_turn(&mut turn, context)));
        match outcome {
            Ok(Outcome::Ended) => {
                log_end(&entry.driver, entry.opened_s, worker_context.logs_access());
                let outstanding = entry.driver.leave(&mut worker_context.worker.borrow_mut());
                drop(outstanding);
                return turn.moved_bytes;
            }
            Err(_) => {
                tracing::error!("{CUT_OFF}");
                entry.driver.note_panic(&worker_context.worker.borrow());
                drop(entry);
                worker_context.worker.borrow_mut().lane.remove(waiter);
                return turn.moved_bytes;
            }
            Ok(Outcome::Behind) => entry.queue_behind(&mut self.behind.borrow_mut()),
            Ok(Outcome::Waits | Outcome::Spent) => {}
        }
        // Its waiter is its own, so nobody has taken the place meanwhile.
        if let Some(place) = self.entries.borrow_mut().get_mut(at) {
            *place = Some(entry);
        }
        turn.moved_bytes
    }
}

impl<S: Socket> Drop for WorkerLoop<S> {
    /// When the runtime stops, the remaining connections give up their waiters.
    fn drop(&mut self) {
        let mut worker = self.worker_context.worker.borrow_mut();
        let entries = self.entries.get_mut().drain(..).flatten();
        let outstanding: Vec<_> = entries.map(|entry| entry.driver.leave(&mut worker)).collect();
        // An engine may come back to the worker when it is dropped.
        drop((worker, outstanding));
    }
}

impl<S> Entry<S> {
    /// Puts it into the queue of connections that catch up, unless it is there already.
    fn queue_behind(&mut self, behind: &mut VecDeque<usize>)
    where
        S: Socket,
    {
        if !mem::replace(&mut self.is_queued, true) {
            behind.push_back(self.driver.waiter().index());
        }
    }
}

/// Wakes a long-poll, which is the task of its request, once the worker is not borrowed any more.
fn wake_long_poll(worker: RefMut<'_, Worker>, waiter: WaiterId) {
    let waker = worker.lane.waker(waiter);
    drop(worker);
    waker.into_iter().for_each(Waker::wake);
}

/// Removes a connection that has panicked.
fn cut_off<S: Socket>(place: &mut Option<Box<Entry<S>>>, waiter: WaiterId, worker: &mut Worker) {
    tracing::error!("{CUT_OFF}");
    place.iter().for_each(|entry| entry.driver.note_panic(worker));
    drop(place.take());
    worker.lane.remove(waiter);
}

const CUT_OFF: &str = "a connection panicked and was closed";

/// What one part of a round may use up.
struct Budget<'a> {
    worker_context: &'a WorkerContext,
    time: Time,
    until: Instant,
    turns_left: usize,
    /// Of each turn.
    write_bytes_max: usize,
    /// What was done since the clock was read.
    spent_bytes: usize,
}

impl<'a> Budget<'a> {
    fn begin(worker_context: &'a WorkerContext) -> Self {
        let until = Instant::now() + PART_MAX;
        let time = worker_context.clock.now();
        let (turns_left, write_bytes_max) = (TURNS_MAX, LIVE_BYTES_MAX);
        Self { worker_context, time, until, turns_left, write_bytes_max, spent_bytes: 0 }
    }

    fn spend(&mut self, bytes: usize) {
        self.spent_bytes += bytes;
    }

    /// Whether so much was done that the clock has to be read.
    fn is_clock_due(&self) -> bool {
        self.spent_bytes >= CLOCK_BYTES
    }

    /// Whether there is enough left for one turn, which it takes off.
    fn allows_turn(&mut self) -> bool {
        if self.turns_left == 0 {
            return false;
        }
        self.turns_left -= 1;
        if !self.is_clock_due() {
            return true;
        }
        self.spent_bytes = 0;
        self.time = self.worker_context.clock.now();
        Instant::now() < self.until
    }
}

/// Turns in one part of a round. 64 deliveries take a quarter of a millisecond.
const TURNS_MAX: usize = 64;

/// Connections with news in many channels that a round moves to the queue of those that catch up: each takes some ten
/// nanoseconds.
const DIVERTED_MAX: usize = 4_096;

/// Turns of connections that catch up in a round that leaves news over: enough to make progress.
const CATCH_UP_TURNS_MIN: usize = 1;

/// Bytes after which a turn of a connection that is not behind writes no more: some tens of messages.
const LIVE_BYTES_MAX: usize = 16 << 10;

/// One part of a round begins no turn after this time. Where workers share a processor, news waits for the rounds of all
/// of them. To begin another round takes some ten microseconds.
const PART_MAX: Duration = Duration::from_micros(500);

/// Bytes moved before the clock is read again. To read it in each turn would add a tenth to a delivery.
const CLOCK_BYTES: usize = 32 << 10;

/// What each turn counts beside the bytes it moves, so that the clock is read once in 16 small deliveries.
const TURN_BYTES: usize = 2 << 10;

#[cfg(test)]
mod allocations;
#[cfg(test)]
mod tests;
