//! A reader that waits for what is on disk, as a connection does.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use crate::common::may_read;
use std::{
    sync::{Arc, Condvar, Mutex},
    task::{Wake, Waker},
    time::Duration,
};
use tidewire_broker::{Broker, Gathered, Item, Message, Reader, Start};

/// One reader, and the count of its wake-ups.
pub struct Patient {
    pub reader: Reader,
    wakes: Arc<WakeCount>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct WakeCount {
    has_rung: Mutex<bool>,
    ringing: Condvar,
}

impl Wake for WakeCount {
    fn wake(self: Arc<Self>) {
        *self.has_rung.lock().unwrap() = true;
        self.ringing.notify_all();
    }
}

impl Patient {
    pub fn follow(broker: &Broker, patterns: &[&str], start: Start) -> Self {
        let permits: Vec<_> = patterns.iter().map(|pattern| may_read(pattern)).collect();
        let mut reader = Reader::default();
        reader.follow(broker, &permits, start);
        let wakes = Arc::new(WakeCount::default());
        Self { reader, waker: Arc::clone(&wakes).into(), wakes }
    }

    /// What one turn finds, or `None` where it has to wait and has found nothing.
    pub fn turn(&mut self, broker: &Broker, bytes_max: usize) -> Option<(Vec<Item>, bool)> {
        let mut gathered = Gathered::default();
        let head = broker.head();
        self.reader.poll_gather(broker, head, bytes_max, &mut gathered, &self.waker);
        let items = gathered.items().to_vec();
        self.reader.advance(&gathered, items.len());
        let waits = gathered.waits() && items.is_empty();
        (!waits).then_some((items, gathered.is_caught_up()))
    }

    /// Waits until it is woken.
    pub fn wait(&self) {
        let has_rung = self.wakes.has_rung.lock().unwrap();
        let (mut has_rung, waited) = self
            .wakes
            .ringing
            .wait_timeout_while(has_rung, Duration::from_secs(60), |has_rung| !*has_rung)
            .unwrap();
        assert!(!waited.timed_out(), "nobody has woken it for a minute");
        *has_rung = false;
    }

    /// Everything up to the head.
    pub fn drain(&mut self, broker: &Broker) -> Vec<Item> {
        let mut all = Vec::new();
        loop {
            match self.turn(broker, 64 << 10) {
                None => self.wait(),
                Some((items, is_caught_up)) => {
                    all.extend(items);
                    if is_caught_up {
                        return all;
                    }
                }
            }
        }
    }
}

pub fn messages(items: &[Item]) -> Vec<Arc<Message>> {
    let messages = items.iter().filter_map(|item| match item {
        Item::Message(message) => Some(Arc::clone(message)),
        Item::Gap(_) => None,
    });
    messages.collect()
}

pub fn offsets(items: &[Item]) -> Vec<u64> {
    messages(items).iter().map(|message| message.offset()).collect()
}
