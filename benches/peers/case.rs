//! A case: one input, and all subjects that process it.

use crate::input::Input;
use crate::observer::{Digest, Observer, Tally};
use std::hint::black_box;

/// One row of the goals: the subjects of a case are only compared with each other.
pub(crate) struct Case {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    /// Messages of one pass; times are given for one of them.
    pub(crate) messages: usize,
    /// Bytes of one message on the wire.
    pub(crate) bytes: usize,
    pub(crate) subjects: Vec<Subject>,
}

impl Case {
    /// The case of reading what `input` holds.
    pub(crate) fn of(
        group: &'static str,
        name: &'static str,
        input: Input,
        subjects: Vec<Subject>,
    ) -> Self {
        let bytes = input.wire.len() / input.messages;
        Self { group, name, messages: input.messages, bytes, subjects }
    }
}

/// A codec that processes a case's input.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) rank: Rank,
    pub(crate) source: Source,
    /// What this row includes or leaves out that the others do not.
    pub(crate) notes: &'static str,
    pub(crate) work: Box<dyn AnyWork>,
}

/// What a row is compared as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    Ours,
    Peer,
    /// The least work that is possible; it decodes nothing.
    Floor,
}

/// Where a subject finds its input. Only those with the same source are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// In a buffer, ready made.
    Buffer,
    /// In a pipe, from which it copies as from a socket.
    Pipe,
}

impl Subject {
    /// The same subject, which reads from the pipe.
    pub(crate) fn piped(self) -> Self {
        Self { source: Source::Pipe, ..self }
    }

    pub(crate) fn ours(name: &'static str, notes: &'static str, work: impl Work + 'static) -> Self {
        Self { name, rank: Rank::Ours, source: Source::Buffer, notes, work: Box::new(work) }
    }

    pub(crate) fn peer(name: &'static str, notes: &'static str, work: impl Work + 'static) -> Self {
        Self { name, rank: Rank::Peer, source: Source::Buffer, notes, work: Box::new(work) }
    }

    pub(crate) fn floor(name: &'static str, work: impl Work + 'static) -> Self {
        Self { name, rank: Rank::Floor, source: Source::Buffer, notes: "", work: Box::new(work) }
    }
}

/// What a subject does with the input.
pub(crate) trait Work {
    /// Puts a fresh copy of the input where [`run`](Self::run) finds it. Not timed.
    fn prepare(&mut self) {}

    /// Makes one pass and reports each message to `observer`.
    fn run(&mut self, observer: &mut impl Observer);
}

/// [`Work`] of any kind, with the observer chosen outside the pass.
pub(crate) trait AnyWork {
    fn prepare(&mut self);
    fn run_timed(&mut self);
    fn run_proved(&mut self) -> Digest;
}

impl<W: Work> AnyWork for W {
    fn prepare(&mut self) {
        Work::prepare(self);
    }

    fn run_timed(&mut self) {
        let mut tally = Tally::default();
        self.run(&mut tally);
        black_box(&tally);
    }

    fn run_proved(&mut self) -> Digest {
        let mut digest = Digest::default();
        Work::prepare(self);
        self.run(&mut digest);
        digest
    }
}
