//! A long-poll as a task of actix: what wakes it, and what it is answered.

use super::*;
use crate::admission::Admission;
use actix_web::rt;
use tidewire_connection::RequestedStart;
use tokio::time::timeout;

#[actix_web::test]
async fn a_poll_is_woken_and_refused_when_its_grant_expires() {
    let worker_context = Rc::new(WorkerContext::alone(Admission::new(9)));
    let (clock, connections) =
        (Rc::clone(&worker_context), WorkerLoop::<TcpStream>::new(Rc::clone(&worker_context)));
    rt::spawn(async move { connections.run().await });
    rt::spawn(async move { clock.run_clock().await });
    let subscriptions =
        [Subscription { pattern: "a".parse().unwrap(), start: RequestedStart::NOW }];
    let grant = Grant::open().until(worker_context.clock.now().wall_ms + 200);
    let opened = RegisteredPoll::open(&subscriptions, &grant, 600_000, Rc::clone(&worker_context));
    let mut poll = opened.unwrap_or_else(|_| panic!("200 ms passed in no time"));
    let answer = poll_fn(|context| poll.poll(false, context));
    // Long before its wait is over.
    let answer = timeout(Duration::from_secs(60), answer).await.expect("nothing wakes it");
    assert_eq!(answer.unwrap_err(), Forbidden::Expired);
    drop(poll);
    assert_eq!(worker_context.worker.borrow().lane.len(), 0);
}
