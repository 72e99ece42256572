//! News, time and a subscription that catches up each wake the lane's task, which wakes the sleepers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{broker, publish};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};
use tidewire_broker::Lane;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn waker() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (Arc::clone(&count), Waker::from(count))
}

fn woken(count: &Count) -> usize {
    count.0.swap(0, Ordering::SeqCst)
}

fn run_until_idle(lane: &mut Lane, task: &Waker) {
    while lane.poll_news(&mut Context::from_waker(task)) == Poll::Ready(()) {
        while lane.wake(64) {}
    }
}

#[test]
fn news_and_time_reach_a_sleeper_through_the_lanes_task() {
    let broker = broker(10);
    let mut lane = broker.lane().unwrap();
    let ((task_count, task), (sleeper_count, sleeper)) = (waker(), waker());
    let waiter = lane.register();
    lane.follow(waiter, &"a".parse().unwrap());
    run_until_idle(&mut lane, &task);

    lane.sleep(waiter, &sleeper, Some(500));
    publish(&broker, "a");
    assert_eq!((woken(&task_count), woken(&sleeper_count)), (1, 0));
    run_until_idle(&mut lane, &task);
    assert_eq!(woken(&sleeper_count), 1);
    assert!(lane.take_news(waiter).is_some());

    lane.sleep(waiter, &sleeper, Some(500));
    lane.fire_timers(499);
    run_until_idle(&mut lane, &task);
    assert_eq!((woken(&task_count), woken(&sleeper_count)), (0, 0));
    lane.fire_timers(500);
    assert_eq!((woken(&task_count), woken(&sleeper_count)), (1, 0));
    run_until_idle(&mut lane, &task);
    assert_eq!(woken(&sleeper_count), 1);
}

#[test]
fn who_rests_is_not_woken_by_news() {
    let broker = broker(10);
    let mut lane = broker.lane().unwrap();
    let ((_, task), (sleeper_count, sleeper)) = (waker(), waker());
    let waiter = lane.register();
    lane.follow(waiter, &"a".parse().unwrap());
    lane.park(waiter, &sleeper, Some(500));
    publish(&broker, "a");
    run_until_idle(&mut lane, &task);
    assert_eq!(woken(&sleeper_count), 0);
    lane.fire_timers(500);
    run_until_idle(&mut lane, &task);
    assert_eq!(woken(&sleeper_count), 1);
}

#[test]
fn a_removed_waiter_is_neither_notified_nor_woken() {
    let broker = broker(10);
    let mut lane = broker.lane().unwrap();
    let ((_, task), (sleeper_count, sleeper)) = (waker(), waker());
    let waiters = [lane.register(), lane.register(), lane.register()];
    for waiter in waiters {
        lane.follow(waiter, &"a".parse().unwrap());
        lane.follow(waiter, &"*".parse().unwrap());
        lane.sleep(waiter, &sleeper, None);
    }
    lane.remove(waiters[0]);
    lane.unfollow(waiters[1], &"a".parse().unwrap());
    lane.unfollow(waiters[1], &"*".parse().unwrap());
    publish(&broker, "a");
    run_until_idle(&mut lane, &task);
    assert_eq!(woken(&sleeper_count), 1);
    assert!(lane.take_news(waiters[1]).is_none() && lane.take_news(waiters[2]).is_some());
    lane.remove(waiters[1]);
    lane.remove(waiters[2]);
    assert!(lane.is_empty());
}

#[test]
fn a_channel_that_was_only_followed_is_forgotten_with_its_last_follower() {
    let broker = broker(10);
    let mut lane = broker.lane().unwrap();
    let waiter = lane.register();
    lane.follow(waiter, &"never.used".parse().unwrap());
    lane.follow(waiter, &"used".parse().unwrap());
    publish(&broker, "used");
    assert_eq!(broker.stats().channels, 2);
    lane.unfollow(waiter, &"never.used".parse().unwrap());
    assert_eq!(broker.stats().channels, 1);
    lane.remove(waiter);
    assert_eq!(broker.stats().channels, 1);
}
