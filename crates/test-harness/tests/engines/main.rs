//! What every engine has to do: one suite, run against each.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod suite;

use std::{
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};
use suite::{SUITE, Subject};
use tidewire_broker::{Broker, Limits, MemoryEngine};
use tidewire_engine_log::{LogEngine, Settings};

/// Runs each behaviour on an engine of its own.
fn run(open: impl Fn(Limits) -> Subject) {
    for (name, limits, behaviour) in SUITE {
        println!("{name}");
        behaviour(&open(limits()));
    }
}

#[test]
fn memory() {
    run(|limits| {
        let broker = Broker::new(7, limits);
        let engine = Box::new(MemoryEngine::new(broker.clone()));
        let swept = broker.clone();
        Subject { broker, engine, sweep: Box::new(move |now_ms| swept.sweep(now_ms, 1_000)) }
    });
}

#[test]
fn log() {
    run(|limits| on_disk(Settings { limits, ..Settings::default() }));
}

/// So little memory that everything but the newest message is read from disk.
#[test]
fn log_without_memory() {
    run(|limits| {
        let limits = Limits { bytes_max: 400, ..limits };
        on_disk(Settings { limits, ..Settings::default() })
    });
}

fn on_disk(settings: Settings) -> Subject {
    let directory = tempfile::tempdir().unwrap();
    let (engine, broker) = LogEngine::open(directory.path(), settings, 7).unwrap();
    let engine = Arc::new(engine);
    let (swept, swept_broker) = (Arc::clone(&engine), broker.clone());
    let sweep = Box::new(move |now_ms| {
        let _kept = &directory;
        swept_broker.sweep(now_ms, 1_000);
        swept.sweep(now_ms);
    });
    Subject { broker, engine: Box::new(Shared(engine)), sweep }
}

#[derive(Debug)]
struct Shared(Arc<LogEngine>);

impl tidewire_broker::Engine for Shared {
    fn publish(
        &self,
        permit: tidewire_broker::Permit,
        draft: tidewire_broker::Draft,
        now_ms: u64,
    ) -> tidewire_broker::Publishing {
        self.0.publish(permit, draft, now_ms)
    }
}

/// Waits for a future on this thread.
fn wait<F: Future + Unpin>(mut future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match std::pin::Pin::new(&mut future).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}
