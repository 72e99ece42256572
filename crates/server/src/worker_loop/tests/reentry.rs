//! Engines and wakers that come back to the worker from where it has called them, and what ends meanwhile.

use super::*;
use crate::subscribed::Subscribed;
use std::{pin::pin, sync::Arc, task::Wake};
use tidewire_broker::{Engine, MemoryEngine, Permit, Publishing};

thread_local! {
    static COME_BACK: RefCell<Option<Box<dyn Fn()>>> = const { RefCell::new(None) };
}

/// Does on the worker's thread what a test has asked for.
fn come_back() {
    COME_BACK.with_borrow(|come_back| come_back.iter().for_each(|come_back| come_back()));
}

/// A memory engine that comes back when it is handed a publish, when it is asked for the answer, and when it
/// has given it.
struct Returning {
    answers: bool,
    engine: MemoryEngine,
}

impl Engine for Returning {
    fn publish(&self, permit: Permit, draft: Draft, now_ms: u64) -> Publishing {
        struct OnDrop;
        impl Drop for OnDrop {
            fn drop(&mut self) {
                come_back();
            }
        }
        come_back();
        let (answers, on_drop) = (self.answers, OnDrop);
        let answer = self.engine.publish(permit, draft, now_ms);
        Publishing::Waiting(Box::pin(async move {
            let _on_drop = on_drop;
            come_back();
            if answers { answer.await } else { std::future::pending().await }
        }))
    }
}

struct ReturningWaker;

impl Wake for ReturningWaker {
    fn wake(self: Arc<Self>) {
        come_back();
    }
}

/// Has everything that comes back take a subscription, which needs both the worker and the table.
fn start(answers: bool) -> Rc<Server> {
    let broker = Broker::new(1, tidewire_broker::Limits::default());
    let engine = Returning { answers, engine: MemoryEngine::new(broker.clone()) };
    let server = Rc::new(Server::with_engine(broker, Arc::new(engine)));
    let weak = Rc::downgrade(&server);
    COME_BACK.set(Some(Box::new(move || {
        weak.upgrade().iter().for_each(|server| drop(server.follow(SSE, "b", RequestedStart::NOW)));
    })));
    server
}

fn frame() -> Vec<u8> {
    let mut frame = Vec::new();
    ws_frame::encode_text("hello", Some([1, 2, 3, 4]), &mut frame);
    frame
}

#[test]
fn an_engine_may_come_back_to_the_worker_that_has_called_it() {
    let server = start(true);
    let (publisher, listener) = (
        server.follow(RAW, "a", RequestedStart::NOW),
        server.follow(SSE, "a", RequestedStart::NOW),
    );
    server.run_until_idle();
    publisher.send(frame());
    server.run_until_idle();
    assert!(listener.written().contains("data: hello"), "{}", listener.written());
    // Three came in on the way: at the publish, at its answer and at the end of that.
    assert_eq!(server.admission.connections(), 5);
}

#[test]
fn an_engine_may_come_back_when_the_connection_ends_that_waits_for_its_answer() {
    let server = start(false);
    let publisher = server.follow(RAW, "a", RequestedStart::NOW);
    server.run_until_idle();
    publisher.send(frame());
    server.run_until_idle();
    publisher.script.borrow_mut().is_gone = true;
    server.publish("a", "x");
    server.run_until_idle();
    // Three came in, and the publisher has gone.
    assert_eq!(server.admission.connections(), 3);
}

#[test]
fn a_waker_may_come_back_to_the_worker_that_has_called_it() {
    let server = start(true);
    let mut worker = server.worker_context.worker.borrow_mut();
    let poll = worker.lane.register();
    worker.lane.follow(poll, &"a".parse().unwrap());
    worker.lane.sleep(poll, &Arc::new(ReturningWaker).into(), None);
    drop(worker);
    server.publish("a", "x");
    server.run_until_idle();
    assert_eq!(server.admission.connections(), 1);
}

#[test]
fn what_ends_while_the_worker_is_busy_gives_its_waiter_up_in_the_next_round() {
    let admission = Admission::new(1);
    let worker_context = Rc::new(WorkerContext::alone(admission.clone()));
    let connections = Rc::new(WorkerLoop::new(Rc::clone(&worker_context)));
    let opening = opening(SSE, "a", RequestedStart::NOW);
    let permit = admission.admit(crate::connection_kind::ConnectionKind::SseRaw).unwrap();
    let client = (&crate::access::Identity::nobody(), None);
    let subscribed = Subscribed::open(opening, client, Rc::clone(&connections), permit);
    let busy = worker_context.worker.borrow_mut();
    drop(subscribed);
    assert_eq!(busy.lane.len(), 1);
    drop(busy);
    let mut rounds = pin!(connections.run());
    let _ = rounds.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(worker_context.worker.borrow().lane.len(), 0);
}
