//! Who is far behind delays nobody who is not, and comes further all the same.

use super::*;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Wake,
};

const EARLIEST: RequestedStart = RequestedStart::Since(tidewire_protocol::Since::Earliest);

/// What a turn writes that is not one of those who catch up.
const SMALL_BYTES: usize = 32 << 10;

#[test]
fn who_is_live_waits_for_small_turns_however_much_others_are_owed() {
    let server = Server::start();
    let readers: Vec<_> = (0..300).map(|_| server.follow(SSE, "a", RequestedStart::NOW)).collect();
    let live = server.follow(SSE, "b", RequestedStart::NOW);
    server.run_until_idle();
    server.log.borrow_mut().clear();
    fall_behind(&server);
    server.publish("b", "hello");
    let mut rounds = 0;
    while !live.written().contains("hello") {
        server.round();
        rounds += 1;
    }
    let log = server.log.borrow();
    let before = log.split(|write| write.client == readers.len()).next().unwrap();
    let turns = || before.chunk_by(|a, b| a.client == b.client);
    let large = turns().filter(|turn| turn.iter().any(|write| write.bytes > SMALL_BYTES)).count();
    assert!(large <= rounds, "{large} large turns in {rounds} rounds");
    assert!(turns().count() <= readers.len() + rounds, "{} turns", turns().count());
}

#[test]
fn who_is_live_is_served_in_the_next_round_while_others_catch_up() {
    let server = Server::start();
    let readers: Vec<_> = (0..300).map(|_| server.follow(SSE, "a", RequestedStart::NOW)).collect();
    let live = [
        server.follow(SSE, "b", RequestedStart::NOW),
        server.follow(RAW, "b", RequestedStart::NOW),
    ];
    server.run_until_idle();
    fall_behind(&server);
    while readers.iter().any(|reader| reader.counts().1 < 2) {
        server.round();
    }
    // More for those who are behind already changes nothing for the others.
    server.publish("a", "more");
    server.publish("b", "hello");
    let mut ping = Vec::new();
    ws_frame::encode_ping(b"are you there", Some([0; 4]), &mut ping).unwrap();
    live[1].send(ping);
    server.round();
    assert!(live.iter().all(|client| client.written().contains("hello")));
    assert!(live[1].written().contains("are you there"));
    server.run_until_idle();
    assert!(readers.iter().all(|reader| reader.written().matches("data: ").count() == 1_001));
}

#[test]
fn news_in_one_channel_does_not_wait_for_connections_with_news_in_many() {
    let server = Server::start();
    let readers: Vec<_> =
        (0..90).map(|_| server.follow(SSE, "wide.>", RequestedStart::NOW)).collect();
    let live = server.follow(SSE, "b", RequestedStart::NOW);
    server.run_until_idle();
    // So few that the lane sorts them out in one turn.
    (0..40).for_each(|n| server.publish(&format!("wide.{n}"), "x"));
    server.publish("b", "hello");
    server.round();
    assert!(live.written().contains("hello"), "it waits for more than one round");
    server.run_until_idle();
    assert!(readers.iter().all(|reader| reader.written().matches("data: x").count() == 40));
}

#[test]
fn who_catches_up_comes_further_in_each_round_though_there_is_always_news() {
    let server = Server::start();
    let live: Vec<_> = (0..100).map(|_| server.follow(SSE, "b", RequestedStart::NOW)).collect();
    server.run_until_idle();
    fall_behind(&server);
    let reader = server.follow(SSE, "a", EARLIEST);
    let mut before = 0;
    while reader.written().matches("data: ").count() < 1_000 {
        server.publish("b", "x");
        server.round();
        assert!(server.worker_context.worker.borrow_mut().lane.wake(0), "no news is left over");
        let written = reader.written().len();
        assert!(written > before, "it is at {written} bytes still");
        before = written;
    }
    server.run_until_idle();
    assert!(live.iter().all(|client| client.written().contains("data: x")));
}

#[test]
fn a_turn_ends_when_looking_for_little_has_been_enough_work() {
    let server = Server::start();
    for n in 0..60_000 {
        server.publish(&format!("other.{}", n % 2_000), "x");
        if n % 500 == 0 {
            server.publish("wanted.a", "y");
        }
    }
    let readers = [0, 1].map(|_| server.follow(SSE, "wanted.>", EARLIEST));
    server.run_until_idle();
    assert!(readers.iter().all(|reader| reader.written().matches("data: y").count() == 120));
    let log = server.log.borrow();
    let longest = log.chunk_by(|a, b| a.client == b.client).map(<[_]>::len).max();
    assert!(longest <= Some(2), "{longest:?} writes in one turn");
}

#[test]
fn publishers_wake_only_a_loop_that_waits() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let server = Server::start();
    let client = server.follow(SSE, "a", RequestedStart::NOW);
    server.run_until_idle();
    let count = Arc::new(Count(0.into()));
    let waker = Arc::clone(&count).into();
    let poll = || server.rounds.poll_work(&mut Context::from_waker(&waker));
    let wakes = || count.0.load(SeqCst);
    server.publish("a", "1");
    assert!(poll().is_ready());
    server.publish("a", "2");
    assert_eq!(wakes(), 0, "it has work, and looks again");
    server.run_until_idle();
    assert!(poll().is_pending());
    server.publish("a", "3");
    server.publish("a", "4");
    assert_eq!(wakes(), 1);
    server.run_until_idle();
    assert_eq!(client.written().matches("data: ").count(), 4);
}

/// Publishes a megabyte for the readers of `a`.
fn fall_behind(server: &Server) {
    let text = "x".repeat(1_000);
    (0..1_000).for_each(|_| server.publish("a", &text));
}

impl Server {
    fn round(&self) {
        let _ = self.poll_work();
        self.rounds.run_round();
    }
}

#[tokio::test]
async fn other_threads_may_run_after_each_round_that_leaves_turns_over() {
    let server = Server::start();
    let (reader, live) = (
        server.follow(SSE, "a", RequestedStart::NOW),
        server.follow(SSE, "b", RequestedStart::NOW),
    );
    server.run_until_idle();
    let rounds = |received: fn(&Client) -> bool, client| async move {
        while !received(client) {
            yield_now().await;
        }
    };
    server.publish("b", "hello");
    tokio::select! {
        biased;
        () = server.rounds.run() => {}
        () = rounds(|live| live.written().contains("hello"), &live) => {}
    }
    assert_eq!(server.rounds.yields.get(), 0, "no round has left anything over");
    fall_behind(&server);
    let writes = reader.counts().1;
    tokio::select! {
        biased;
        () = server.rounds.run() => {}
        () = rounds(|reader| reader.written().matches("data: ").count() == 1_000, &reader) => {}
    }
    assert!(reader.counts().1 > writes + 2);
    assert!(server.rounds.yields.get() > 0);
}

#[tokio::test]
async fn other_threads_may_run_between_rounds_of_live_news() {
    let server = Server::start();
    let readers: Vec<_> = (0..200).map(|_| server.follow(SSE, "a", RequestedStart::NOW)).collect();
    server.run_until_idle();
    server.publish("a", "hello");
    let all_have_received = async {
        while !readers.iter().all(|reader| reader.written().contains("hello")) {
            yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = server.rounds.run() => {}
        () = all_have_received => {}
    }
    // 64 turns a round.
    assert!(server.rounds.yields.get() >= 3, "{}", server.rounds.yields.get());
}
