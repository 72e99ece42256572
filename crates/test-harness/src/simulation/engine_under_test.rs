//! Where publishes come in: one of the engines, each answer of which is held against the naive
//! [`expected_outcome`], and taken down as the truth for everybody else.

use super::{
    history::{Entry, History},
    model_outcome::{ModelOutcome, Source, check, expected_outcome, may_be_full},
    sim_store::{SimStore, expired},
    tally::Tally,
};
use fastrand::Rng;
use std::{cell::Cell, collections::BTreeMap, sync::Arc};
use tidewire_broker::{Broker, Draft, Engine, Limits, MemoryEngine, Permit, Position, Publishing};

/// A broker and the engine that fills it.
pub(crate) struct EngineUnderTest {
    pub(crate) broker: Broker,
    engine: Kind,
    /// The latest time that was passed to a broker which orders by itself.
    latest_ms: Cell<u64>,
}

enum Kind {
    Memory(MemoryEngine),
    Durable(Arc<SimStore>),
}

impl EngineUnderTest {
    pub(crate) fn new(epoch: u64, limits: &Limits, is_durable: bool, rng: &mut Rng) -> Self {
        if is_durable {
            let store = Arc::new(SimStore::new(epoch, rng.fork()));
            let broker = store.open(0, limits);
            return Self { broker, engine: Kind::Durable(store), latest_ms: Cell::new(0) };
        }
        let broker = Broker::new(epoch, limits.clone());
        let engine = Kind::Memory(MemoryEngine::new(broker.clone()));
        Self { broker, engine, latest_ms: Cell::new(0) }
    }

    /// Copies what a durable engine has stored, to be put back some time.
    pub(crate) fn copy(&self, history: &History) {
        if let Kind::Durable(store) = &self.engine {
            store.copy(history.head(self.broker.epoch()));
        }
    }

    /// The server's process ends, and another begins with a copy that was made earlier, if there is
    /// one. Returns up to where the log of before is still there.
    pub(crate) fn restore(
        &mut self,
        limits: &Limits,
        history: &mut History,
        rng: &mut Rng,
    ) -> Result<Option<u64>, String> {
        let Kind::Durable(store) = &self.engine else { return Ok(None) };
        store.close();
        let (before, epoch) = (self.broker.epoch(), self.broker.epoch() + rng.u64(1..1_000));
        let Some(head) = store.restore(epoch) else { return Ok(None) };
        history.restore((before, head), epoch)?;
        self.broker = store.open(head, limits);
        Ok(Some(head))
    }

    /// The server's process ends and another begins, with what its engine has kept.
    pub(crate) fn restart(&mut self, limits: &Limits, history: &History, rng: &mut Rng) {
        let epoch = self.broker.epoch();
        match &self.engine {
            Kind::Memory(_) => *self = Self::new(epoch + rng.u64(1..1_000), limits, false, rng),
            Kind::Durable(store) => {
                store.close();
                self.broker = store.open(history.head(epoch), limits);
            }
        }
    }

    /// Hands a draft to the engine.
    pub(crate) fn publish(
        &self,
        permit: Permit,
        (draft, source): (Draft, Source),
        now_ms: u64,
        history: &mut History,
        tally: &mut Tally,
    ) -> Result<Publishing, String> {
        let memory = match &self.engine {
            Kind::Durable(store) => return Ok(store.publish(permit, draft, source)),
            Kind::Memory(memory) => memory,
        };
        let now_ms = self.steady(now_ms);
        let (epoch, channel) = (self.broker.epoch(), permit.channel().clone());
        let (options, name) = (self.broker.options(&channel), channel.as_str());
        let expected = expected_outcome(history, epoch, name, (&draft, source), &options, now_ms);
        let bytes_max = self.broker.limits().bytes_max;
        let may_be_full = may_be_full(history, epoch, name, &draft, &options, bytes_max);
        let Publishing::Done(outcome) = memory.publish(permit, draft.clone(), now_ms) else {
            return Err("the memory engine kept a publish waiting".to_owned());
        };
        let offset = outcome.map(|position| position.offset);
        check(expected, offset, may_be_full, history.head(epoch) + 1)?;
        match (expected, outcome) {
            (ModelOutcome::New(_), Ok(position)) => {
                history.record(position, Entry::new(name, draft, now_ms, &options))?;
                tally.count(expected);
            }
            (_, Err(error)) => {
                history.record_refusal(&draft, error);
                tally.count(ModelOutcome::Refused(error));
            }
            _ => tally.count(expected),
        }
        Ok(Publishing::Done(outcome))
    }

    /// Lets the engine take up to `count` of what waits.
    pub(crate) fn commit(
        &self,
        count: usize,
        now_ms: u64,
        history: &mut History,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let Kind::Durable(store) = &self.engine else { return Ok(()) };
        tally.cold += store.take_reads();
        tally.waits += store.take_waits();
        store.commit(count, now_ms, history, tally)
    }

    /// A round of sweeping that looks at `count` channels.
    pub(crate) fn sweep(
        &self,
        count: usize,
        now_ms: u64,
        history: &mut History,
        tally: &mut Tally,
    ) -> Result<(), String> {
        for _ in 0..count {
            let now_ms = self.steady(now_ms);
            // One channel at a time, so that it is plain whose values were removed.
            self.broker.sweep(now_ms, 1);
            self.note_expired(now_ms, history, tally)?;
        }
        match &self.engine {
            Kind::Memory(_) => Ok(()),
            Kind::Durable(store) => store.sweep(now_ms, history, tally),
        }
    }

    /// A clock that is never set back, for a broker that orders by itself: an id that was forgotten
    /// ahead of the time would make two answers to its repeat right.
    pub(crate) fn steady(&self, now_ms: u64) -> u64 {
        if let Kind::Durable(_) = self.engine {
            return now_ms;
        }
        self.latest_ms.set(self.latest_ms.get().max(now_ms));
        self.latest_ms.get()
    }

    /// Takes down the tombstones that a memory broker has appended by itself.
    fn note_expired(
        &self,
        now_ms: u64,
        history: &mut History,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let (epoch, head) = (self.broker.epoch(), self.broker.head());
        let mut offset = history.head(epoch);
        if offset == head {
            return Ok(());
        }
        let mut swept = None;
        self.broker.each_channel(|channel| {
            swept = (channel.last.offset == head).then_some(channel.name).or(swept.take());
        });
        let Some(name) = swept else { return Err(format!("nobody's message is at {head}")) };
        let options = self.broker.options(&name);
        for draft in expired(history, epoch, name.as_str(), &self.broker, now_ms) {
            offset += 1;
            let entry = Entry::new(name.as_str(), draft, now_ms, &options);
            history.record(Position { epoch, offset }, entry)?;
            tally.expired += 1;
        }
        if offset == head {
            return Ok(());
        }
        Err(format!("a sweep of {name} has appended up to {head}, where {offset} was due"))
    }

    /// The offsets of everything that is retained, the newest first.
    pub(crate) fn held(&self, history: &History) -> Vec<u64> {
        let epoch = self.broker.epoch();
        let all = || history.between(epoch, 0, history.head(epoch)).rev();
        let mut left = BTreeMap::new();
        let mut held = Vec::new();
        self.broker.each_channel(|channel| match &self.engine {
            Kind::Durable(store) => {
                held.extend(store.offsets(&channel.name));
            }
            Kind::Memory(_) => {
                left.insert(channel.name.as_str().to_owned(), channel.messages);
            }
        });
        if let Kind::Durable(_) = self.engine {
            held.sort_unstable_by(|one, other| other.cmp(one));
            return held;
        }
        // Values stay, whatever comes; beside them the newest.
        for (_, entry) in all().filter(|(_, entry)| entry.is_value()) {
            left.entry(entry.channel.clone()).and_modify(|left| *left = left.saturating_sub(1));
        }
        for (offset, entry) in all().filter(|(_, entry)| !entry.is_superseded) {
            if entry.is_value() {
                held.push(offset);
            } else if let Some(left @ 1..) = left.get_mut(&entry.channel) {
                *left -= 1;
                held.push(offset);
            }
        }
        held
    }

    /// Whether what stood there was lost by damage, whatever it was.
    pub(crate) fn has_rotted(&self, offset: u64) -> bool {
        matches!(&self.engine, Kind::Durable(store) if store.has_rotted(offset))
    }

    /// From here on an engine meets no faults.
    pub(crate) fn heal(&self) {
        if let Kind::Durable(store) = &self.engine {
            store.calm_down();
        }
    }

    /// Checks that the log is within its bounds.
    pub(crate) fn check_memory(&self, history: &History) -> Result<(), String> {
        let epoch = self.broker.epoch();
        let (bytes, bytes_max) = (self.broker.stats().bytes, self.broker.limits().bytes_max);
        let stays: usize = match self.engine {
            Kind::Durable(_) => 0,
            // Their encodings come on top, about one for each of a few wires.
            Kind::Memory(_) => history
                .between(epoch, 0, history.head(epoch))
                .filter(|(_, entry)| entry.is_compacted && !entry.is_superseded)
                .map(|(_, entry)| ENCODINGS_MAX * (2 * entry.draft.bytes() + ENCODING_BYTES))
                .sum(),
        };
        if bytes > bytes_max.saturating_add(stays) {
            return Err(format!("{bytes} bytes held, over {bytes_max} and {stays}"));
        }
        Ok(())
    }

    /// Checks, after a sweep of all channels, that no value has outlived its time.
    pub(crate) fn check_ages(&self, now_ms: u64, history: &History) -> Result<(), String> {
        let mut late = Vec::new();
        self.broker.each_channel(|channel| {
            let name = channel.name.as_str();
            let epoch = self.broker.epoch();
            if !expired(history, epoch, name, &self.broker, now_ms).is_empty() {
                late.push(channel.name);
            }
        });
        if late.is_empty() { Ok(()) } else { Err(format!("{late:?} keep values too long")) }
    }
}

impl Drop for EngineUnderTest {
    /// The store holds the broker, and the broker the store.
    fn drop(&mut self) {
        if let Kind::Durable(store) = &self.engine {
            store.close();
        }
    }
}

/// Encodings in which a message may be kept: of the seven wires, and of pages with objects or payloads.
const ENCODINGS_MAX: usize = 9;
const ENCODING_BYTES: usize = 600;
