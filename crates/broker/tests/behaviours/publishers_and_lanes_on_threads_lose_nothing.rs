//! Real threads: publishers, and lanes whose readers sleep between messages. No wake-up is lost.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)]

use crate::common::{broker, may_look_back, may_read, publish};
use std::{
    sync::{Arc, Condvar, Mutex},
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};
use tidewire_broker::{Broker, Gathered, Lane, Reader, Start};

const PUBLISHERS: u64 = 3;
const MESSAGES: u64 = 4_000;

#[derive(Default)]
struct Signal {
    is_up: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        *self.is_up.lock().unwrap() = true;
        self.changed.notify_one();
    }
}

impl Signal {
    /// Waits to be woken; a wake-up that never comes is what this test is about.
    fn wait(&self) {
        let up = self.is_up.lock().unwrap();
        let patience = Duration::from_secs(20);
        let (mut up, outcome) =
            self.changed.wait_timeout_while(up, patience, |is_up| !*is_up).unwrap();
        assert!(!outcome.timed_out(), "a wake-up was lost");
        *up = false;
    }
}

fn follow_all(broker: &Broker, mut lane: Lane, pattern: &str) -> Vec<u64> {
    let signal = Arc::new(Signal::default());
    let waker = Waker::from(Arc::clone(&signal));
    let (waiter, mut reader) = (lane.register(), Reader::default());
    lane.follow(waiter, &pattern.parse().unwrap());
    reader.follow(broker, &[may_read(pattern)], Start::Earliest(may_look_back()));
    let (mut seen, mut gathered) = (Vec::new(), Gathered::default());
    while seen.len() < (PUBLISHERS * MESSAGES) as usize {
        while lane.poll_news(&mut Context::from_waker(&waker)) == Poll::Ready(()) {}
        if let Some(news) = lane.take_news(waiter) {
            reader.note(news);
        }
        loop {
            reader.gather(broker, lane.read_limit(), 4_096, &mut gathered);
            seen.extend(gathered.messages().map(|message| message.offset()));
            reader.advance(&gathered, gathered.items().len());
            if gathered.is_caught_up() {
                break;
            }
        }
        if seen.len() < (PUBLISHERS * MESSAGES) as usize {
            signal.wait();
        }
    }
    seen
}

#[test]
fn readers_on_other_threads_see_everything_once_and_in_order() {
    for pattern in ["c.0", "c.*", ">"] {
        let broker = broker(1 << 20);
        thread::scope(|scope| {
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    let (broker, lane) = (&broker, broker.lane().unwrap());
                    scope.spawn(move || follow_all(broker, lane, pattern))
                })
                .collect();
            for publisher in 0..PUBLISHERS {
                let (broker, one) = (&broker, pattern == "c.0");
                scope.spawn(move || {
                    for n in 0..MESSAGES {
                        let channel = if one { 0 } else { (n + publisher) % 5 };
                        publish(broker, &format!("c.{channel}"));
                    }
                });
            }
            for reader in readers {
                let seen = reader.join().unwrap();
                assert!(seen.iter().copied().eq(1..=PUBLISHERS * MESSAGES));
            }
        });
    }
}
