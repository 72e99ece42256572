//! At the end of a server everybody gets a turn to say goodbye, whatever they were waiting for: a few at a time.
#![allow(clippy::unwrap_used)]

use crate::common::broker;
use std::{iter::from_fn, task::Waker};

#[test]
fn who_waits_for_news_or_for_no_time_at_all_is_due_at_the_end() {
    let mut lane = broker(10).lane().unwrap();
    let waiters: Vec<_> = (0..4).map(|_| lane.register()).collect();
    let deadlines = [None, Some(u64::MAX), Some(500)];
    for (waiter, until_ms) in waiters.iter().zip(deadlines) {
        lane.sleep(*waiter, Waker::noop(), until_ms);
    }
    lane.make_due(0, usize::MAX);
    let due: Vec<_> = from_fn(|| lane.next_due()).collect();
    assert_eq!(due, waiters);
}

#[test]
fn each_is_due_once_if_they_are_made_due_a_few_at_a_time() {
    let mut lane = broker(10).lane().unwrap();
    let mut waiters: Vec<_> = (0..9).map(|_| lane.register()).collect();
    for waiter in &waiters {
        lane.sleep(*waiter, Waker::noop(), None);
    }
    // Numbers that nobody has any more count for nothing.
    lane.remove(waiters.remove(4));
    let (mut from, mut due) = (0, Vec::new());
    for count in [1, 4, 0, 2] {
        from = lane.make_due(from, count);
        let before = due.len();
        due.extend(from_fn(|| lane.next_due()));
        assert_eq!(due.len(), before + count);
    }
    lane.make_due(from, usize::MAX);
    due.extend(from_fn(|| lane.next_due()));
    assert_eq!(due, waiters);
}
