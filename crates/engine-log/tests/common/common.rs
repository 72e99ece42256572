//! What the tests share: publishing and waiting, reading everything, a disk whose power can be cut.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

#[path = "disk.rs"]
pub mod disk;

use disk::Machine;
use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread,
};
use tidewire_broker::{
    AppendError, Broker, ChannelName, Content, Draft, Engine, Gathered, Grant, HistoryPermit, Item,
    Limits, Options, Permit, Reader, Rules, Start, SubscribePermit,
};
use tidewire_engine_log::{Disks, LogEngine, OpenError, Settings};

pub fn channel(name: &str) -> ChannelName {
    name.parse().unwrap()
}

pub fn permit(name: &str) -> Permit {
    Grant::open().permit(&channel(name)).unwrap()
}

/// The permit to follow a channel or pattern.
pub fn may_read(pattern: &str) -> SubscribePermit {
    Grant::open().permit_subscribe(&pattern.parse().unwrap()).unwrap()
}

/// The permit to read what was published before.
pub fn may_look_back() -> HistoryPermit {
    Grant::open().permit_history().unwrap()
}

pub fn text(text: &str) -> Draft {
    Draft::new(Content::Text(text.into()))
}

pub fn keyed(key: &str, value: &str) -> Draft {
    Draft { key: key.parse().ok(), ..text(value) }
}

pub fn settings(options: Options) -> Settings {
    let limits = Limits { rules: Rules::all(options), ..Limits::default() };
    Settings { limits, ..Settings::default() }
}

/// Publishes at the time `now_ms`, and waits for the offset.
pub fn publish_at(
    engine: &LogEngine,
    name: &str,
    draft: Draft,
    now_ms: u64,
) -> Result<u64, AppendError> {
    wait(engine.publish(permit(name), draft, now_ms)).map(|position| position.offset)
}

pub fn publish(engine: &LogEngine, name: &str, draft: Draft) -> Result<u64, AppendError> {
    publish_at(engine, name, draft, 1_000)
}

/// Waits for a future on this thread.
pub fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Everything that a reader from the start of `name` is given: texts, `†` for a tombstone, `gap`.
pub fn everything(broker: &Broker, name: &str) -> Vec<String> {
    read(broker, name, Start::Earliest(may_look_back()))
}

pub fn read(broker: &Broker, name: &str, start: Start) -> Vec<String> {
    let mut reader = Reader::default();
    reader.follow(broker, &[may_read(name)], start);
    let (mut all, mut gathered) = (Vec::new(), Gathered::default());
    loop {
        reader.gather(broker, broker.head(), 64 << 10, &mut gathered);
        all.extend(gathered.items().iter().map(|item| match item {
            Item::Gap(_) => "gap".to_owned(),
            Item::Message(message) => match message.content() {
                Content::Nothing => "†".to_owned(),
                content => String::from_utf8(content.as_bytes().to_vec()).unwrap(),
            },
        }));
        reader.advance(&gathered, gathered.items().len());
        if gathered.is_caught_up() {
            return all;
        }
    }
}

/// An engine on these disks, and what is read from it.
pub fn open_on(machine: &Machine, settings: &Settings) -> (LogEngine, Broker) {
    open_at(machine, settings, 1_000).unwrap()
}

pub fn open_at(
    machine: &Machine,
    settings: &Settings,
    now_ms: u64,
) -> Result<(LogEngine, Broker), OpenError> {
    let Machine { journal, rows, spare, witness, generation } = machine.clone();
    let disks = Disks { journal, rows, spare, witness, generation };
    LogEngine::open_on(disks, settings.clone(), now_ms)
}
