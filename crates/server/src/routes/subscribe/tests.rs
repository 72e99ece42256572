//! A long-poll as a task of actix: what wakes it, and what it is answered.

use super::*;
use crate::admission::Admission;
use actix_web::rt;
use std::task::Waker;
use tidewire_broker::{Content, Draft};
use tidewire_connection::RequestedStart;
use tokio::time::timeout;

#[actix_web::test]
async fn a_poll_is_woken_and_refused_when_its_grant_expires() {
    let worker_context = Rc::new(WorkerContext::alone(Admission::new(9)));
    let (clock, connections) =
        (Rc::clone(&worker_context), WorkerLoop::<ClientSocket>::new(Rc::clone(&worker_context)));
    rt::spawn(async move { connections.run().await });
    rt::spawn(async move { clock.run_clock().await });
    let subscriptions =
        [Subscription { pattern: "a".parse().unwrap(), start: RequestedStart::NOW }];
    let grant = Grant::open().until(worker_context.clock.now().wall_ms + 200);
    let opened = RegisteredPoll::open(&subscriptions, &grant, 600_000, Rc::clone(&worker_context));
    let mut poll = opened.unwrap_or_else(|_| panic!("200 ms passed in no time"));
    // A task of its own, so that nothing polls it but what wakes it; and long before its wait is over.
    let answered = rt::spawn(async move { poll_fn(|context| poll.poll(false, context)).await });
    let answer =
        timeout(Duration::from_secs(60), answered).await.expect("nothing wakes it").unwrap();
    assert_eq!(answer.unwrap_err(), Forbidden::Expired);
    assert_eq!(worker_context.worker.borrow().lane.len(), 0);
}

#[test]
fn long_polls_that_one_message_wakes_are_answered_over_rounds() {
    let worker_context = Rc::new(WorkerContext::alone(Admission::new(1)));
    let pattern = "a".parse().unwrap();
    let subscriptions = vec![Subscription { pattern, start: RequestedStart::NOW }];
    let (grant, context_of) = (Grant::open(), || Rc::clone(&worker_context));
    let open = |_| RegisteredPoll::open(&subscriptions, &grant, 60_000, context_of()).ok();
    let mut polls: Vec<_> = (0..100).filter_map(open).collect();
    assert_eq!(polls.len(), 100);
    let context = &mut Context::from_waker(Waker::noop());
    assert!(polls.iter_mut().all(|poll| poll.poll(false, context).is_pending()));
    let permit = Grant::open().permit(&"a".parse().unwrap()).unwrap();
    let draft = Draft::new(Content::Text("x".into()));
    worker_context.broker.append(permit, draft, 5).unwrap();
    worker_context.worker.borrow_mut().lane.sort_news();
    let mut rounds = 0;
    while !polls.is_empty() {
        worker_context.request_turns.begin_round();
        let before = polls.len();
        polls.retain_mut(|poll| poll.poll(false, context).is_pending());
        let answered = before - polls.len();
        assert!((1..=16).contains(&answered), "{answered} in one round");
        rounds += 1;
    }
    assert!(rounds >= 100 / 16, "{rounds} rounds");
}
