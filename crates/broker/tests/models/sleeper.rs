//! A worker as the server has it: a task that sleeps until its lane is signalled, and one connection that sleeps until
//! that task wakes it.

use crate::common::may_read;
use shuttle::sync::{Condvar, Mutex};
use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};
use tidewire_broker::{Broker, Gathered, Item, Lane, Reader, Start, WaiterId};

pub(crate) struct Sleeper {
    lane: Lane,
    waiter: WaiterId,
    reader: Reader,
    /// Where it began.
    pub(crate) after: u64,
    pub(crate) seen: Vec<u64>,
}

impl Sleeper {
    pub(crate) fn new(broker: &Broker, mut lane: Lane, pattern: &str, start: Start) -> Self {
        let (waiter, mut reader) = (lane.register(), Reader::default());
        let permit = may_read(pattern);
        lane.follow(waiter, permit.pattern());
        let after = reader.follow(broker, &[permit], start).after;
        Self { lane, waiter, reader, after, seen: Vec::new() }
    }

    /// Sleeps and reads until everything up to offset `last` is handed over.
    ///
    /// With a wake-up lost all threads would wait, which the scheduler calls a deadlock.
    pub(crate) fn run(&mut self, broker: &Broker, last: u64) {
        let (alarm, nudge) = (Arc::new(Alarm::default()), Arc::new(Nudge::default()));
        let (task, connection) = (Waker::from(Arc::clone(&alarm)), Waker::from(Arc::clone(&nudge)));
        self.read(broker);
        self.lane.sleep(self.waiter, &connection, None);
        while self.reader.after().unwrap() < last {
            if self.lane.poll_news(&mut Context::from_waker(&task)) == Poll::Ready(()) {
                while self.lane.wake(1) {}
                // The connection has a task of its own: without a notification it sleeps on.
                if nudge.0.swap(false, Ordering::SeqCst) {
                    self.read(broker);
                    self.lane.sleep(self.waiter, &connection, None);
                }
                shuttle::thread::yield_now();
            } else {
                alarm.wait();
            }
        }
    }

    fn read(&mut self, broker: &Broker) {
        if let Some(news) = self.lane.take_news(self.waiter) {
            self.reader.note(news);
        }
        let mut gathered = Gathered::default();
        loop {
            self.reader.gather(broker, self.lane.read_limit(), 1, &mut gathered);
            for item in gathered.items() {
                let Item::Message(message) = item else { panic!("nothing was lost") };
                assert!(message.offset() <= self.lane.read_limit());
                assert!(self.seen.last().is_none_or(|last| *last < message.offset()));
                self.seen.push(message.offset());
            }
            self.reader.advance(&gathered, gathered.items().len());
            if gathered.is_caught_up() {
                return;
            }
        }
    }
}

/// Wakes the worker's thread.
#[derive(Default)]
struct Alarm {
    is_up: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        *self.is_up.lock().unwrap() = true;
        self.changed.notify_one();
    }
}

impl Alarm {
    fn wait(&self) {
        let mut is_up = self.is_up.lock().unwrap();
        while !mem::take(&mut *is_up) {
            is_up = self.changed.wait(is_up).unwrap();
        }
    }
}

/// Wakes the connection, which lives on that thread.
#[derive(Default)]
struct Nudge(AtomicBool);

impl Wake for Nudge {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
