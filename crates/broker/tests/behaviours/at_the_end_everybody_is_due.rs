//! At the end of a server everybody gets a turn to say goodbye, whatever they were waiting for.
#![allow(clippy::unwrap_used)]

use crate::common::broker;
use std::task::Waker;

#[test]
fn who_waits_for_news_or_for_no_time_at_all_is_due_at_the_end() {
    let mut lane = broker(10).lane().unwrap();
    let waiters: Vec<_> = (0..4).map(|_| lane.register()).collect();
    let deadlines = [None, Some(u64::MAX), Some(500)];
    for (waiter, until_ms) in waiters.iter().zip(deadlines) {
        lane.sleep(*waiter, Waker::noop(), until_ms);
    }
    lane.make_all_due();
    let due: Vec<_> = std::iter::from_fn(|| lane.next_due()).collect();
    assert_eq!(due, waiters);
}
