//! Claims and rounds by hand: which requests begin, wait and are called, and every way to leave the queue.

use super::*;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::task::Wake;

#[derive(Default)]
struct WakeCount(AtomicUsize);

impl Wake for WakeCount {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

const NOBODY: [usize; 0] = [];

/// A connection and how often it was woken.
struct Asker {
    turn: RequestTurn,
    wakes: Arc<WakeCount>,
}

impl Asker {
    fn of(turns: &RequestTurns) -> Self {
        Self { turn: turns.claim(), wakes: Arc::default() }
    }

    fn asks(&mut self) -> bool {
        let waker = Arc::clone(&self.wakes).into();
        self.turn.poll(&Context::from_waker(&waker)).is_ready()
    }

    /// Has a whole turn, if it may.
    fn serves(&mut self) -> bool {
        let may = self.asks();
        if may {
            self.turn.end();
        }
        may
    }

    fn calls(&self) -> usize {
        self.wakes.0.load(Ordering::SeqCst)
    }
}

fn crowd(turns: &RequestTurns, count: usize) -> Vec<Asker> {
    (0..count).map(|_| Asker::of(turns)).collect()
}

/// Which of them have a turn if all ask.
fn served(askers: &mut [Asker]) -> Vec<usize> {
    askers.iter_mut().enumerate().filter_map(|(at, asker)| asker.serves().then_some(at)).collect()
}

fn is_waited_for(turns: &RequestTurns) -> bool {
    turns.poll(&Context::from_waker(Waker::noop())).is_ready()
}

fn run_out_of_time(turns: &RequestTurns) {
    let past = Instant::now().checked_sub(Duration::from_secs(1));
    turns.0.as_ref().unwrap().borrow_mut().until = past;
}

#[test]
fn a_round_gives_sixteen_turns_and_the_rest_wait_in_their_order() {
    let turns = RequestTurns::by_rounds();
    turns.begin_round();
    let mut askers = crowd(&turns, 40);
    assert_eq!(served(&mut askers), (0..16).collect::<Vec<_>>());
    assert!(turns.begin_round(), "some are left");
    assert_eq!(served(&mut askers[..16]), NOBODY, "those who wait come first");
    assert_eq!(served(&mut askers[16..]), (0..16).collect::<Vec<_>>());
    assert_eq!(askers[16].calls() + askers[31].calls() + askers[32].calls(), 2);
}

#[test]
fn who_asks_a_loop_that_waits_wakes_it() {
    let (turns, wakes) = (RequestTurns::by_rounds(), Arc::<WakeCount>::default());
    let waker = Arc::clone(&wakes).into();
    assert!(turns.poll(&Context::from_waker(&waker)).is_pending());
    let mut asker = Asker::of(&turns);
    assert!(!asker.asks());
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    assert!(turns.poll(&Context::from_waker(&waker)).is_ready());
}

#[test]
fn a_turn_ends_with_its_bytes_or_with_its_round() {
    let turns = RequestTurns::by_rounds();
    turns.begin_round();
    let mut askers = crowd(&turns, 17);
    assert!(askers[0].asks());
    askers[0].turn.spend(60 << 10);
    assert_eq!(served(&mut askers[1..]).len(), 15);
    assert!(askers[0].asks(), "4 KiB are left");
    askers[0].turn.spend(4 << 10);
    assert!(!askers[0].asks());
    turns.begin_round();
    assert!(askers[0].asks());
    turns.begin_round();
    // It has begun to wait once more, behind nobody.
    assert!(askers[0].asks());
}

#[test]
fn who_asks_and_does_nothing_takes_no_turn() {
    let turns = RequestTurns::by_rounds();
    turns.begin_round();
    let mut askers = crowd(&turns, 17);
    assert!((0..100).all(|_| askers[0].asks()));
    assert_eq!(served(&mut askers[1..]).len(), 16);
}

#[test]
fn who_is_dropped_while_it_waits_leaves_the_queue_and_its_waker_goes() {
    let turns = RequestTurns::by_rounds();
    let mut askers = crowd(&turns, 2);
    assert_eq!(served(&mut askers), NOBODY);
    let wakes = Arc::clone(&askers[0].wakes);
    assert_eq!(Arc::strong_count(&wakes), 3);
    askers.remove(0);
    assert_eq!(Arc::strong_count(&wakes), 1);
    turns.begin_round();
    assert_eq!((askers[0].calls(), askers[0].asks()), (1, true));
    askers.clear();
    assert!(!is_waited_for(&turns));
}

#[test]
fn who_is_called_and_dropped_takes_nothing_from_the_next_round() {
    let turns = RequestTurns::by_rounds();
    let mut askers = crowd(&turns, 64);
    assert_eq!(served(&mut askers), NOBODY);
    turns.begin_round();
    askers.drain(..16);
    turns.begin_round();
    assert_eq!(served(&mut askers).len(), 16);
}

#[test]
fn who_is_called_too_late_is_in_front_again() {
    let turns = RequestTurns::by_rounds();
    let mut askers = crowd(&turns, 40);
    assert_eq!(served(&mut askers), NOBODY);
    turns.begin_round();
    assert!(askers[0].serves());
    run_out_of_time(&turns);
    assert_eq!(served(&mut askers[1..]), NOBODY);
    turns.begin_round();
    assert_eq!(served(&mut askers[1..]), (0..16).collect::<Vec<_>>());
}

#[test]
fn who_is_called_and_does_not_come_holds_nobody_up() {
    let turns = RequestTurns::by_rounds();
    let mut askers = crowd(&turns, 32);
    assert_eq!(served(&mut askers), NOBODY);
    turns.begin_round();
    turns.begin_round();
    assert_eq!(served(&mut askers[16..]).len(), 16);
    assert!(!is_waited_for(&turns));
}

#[test]
fn a_publisher_comes_before_a_crowd_and_the_crowd_is_served_too() {
    let turns = RequestTurns::by_rounds();
    let mut askers = crowd(&turns, 200);
    assert_eq!(served(&mut askers), NOBODY);
    let mut light = crowd(&turns, 100);
    light.iter_mut().for_each(|asker| asker.turn.note_answered());
    // One of them has fetched a lot.
    light[0].turn.spend(1 << 20);
    assert_eq!(served(&mut light), NOBODY);
    turns.begin_round();
    assert_eq!(served(&mut light), (1..13).collect::<Vec<_>>());
    assert_eq!(served(&mut askers), [0, 1, 2, 3]);
}

#[test]
fn a_round_accepts_sixteen_connections_and_the_next_goes_on() {
    let (turns, wakes) = (RequestTurns::by_rounds(), Arc::<WakeCount>::default());
    let waker = Arc::clone(&wakes).into();
    let accept = || {
        let mut accepted = 0;
        while turns.poll_accept(&Context::from_waker(&waker)).is_ready() && accepted < 1_000 {
            turns.note_accepted();
            accepted += 1;
        }
        accepted
    };
    assert_eq!(accept(), 0);
    for round in 1..4 {
        assert!(is_waited_for(&turns));
        turns.begin_round();
        assert_eq!((wakes.0.load(Ordering::SeqCst), accept()), (round, 16));
    }
}

#[test]
fn connections_are_accepted_no_faster_than_requests_are_served() {
    let turns = RequestTurns::by_rounds();
    let mut connections = Vec::new();
    let mut answered = 0;
    for _ in 0..1_000 {
        turns.begin_round();
        while turns.poll_accept(&Context::from_waker(Waker::noop())).is_ready() {
            turns.note_accepted();
            connections.push((Asker::of(&turns), 0));
            // Here, as without a limit there is no end to it.
            assert!(connections.len() <= 64, "more than 64 connections at once");
        }
        for (asker, turns_had) in &mut connections {
            *turns_had += usize::from(asker.serves());
        }
        let before = connections.len();
        connections.retain(|(_, turns_had)| *turns_had < 3);
        answered += before - connections.len();
    }
    assert!(answered >= 4_000, "{answered} requests in 1,000 rounds");
}

#[test]
fn without_a_loop_everybody_has_a_turn() {
    let turns = RequestTurns::unlimited();
    let mut askers = crowd(&turns, 100);
    assert_eq!(served(&mut askers).len(), 100);
    assert!(turns.poll_accept(&Context::from_waker(Waker::noop())).is_ready());
    assert!(!turns.begin_round() && !is_waited_for(&turns));
}
