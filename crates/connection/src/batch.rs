//! One write's worth of bytes, and where in it each gathered item ends.
//!
//! Small items are copied side by side, which is cheaper than counting references to them; large
//! ones are only pointed at.

use crate::{Encoding, Transport};
use std::{io::IoSlice, ops::Range, sync::Arc};
use tidewire_broker::{Broker, Message};

/// What is to be written next. Kept by a worker and used again.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    segments: Vec<Segment>,
    /// How far bytes that belong to no item reach: what was half sent, then answers.
    pub(crate) unsent_end: usize,
    pub(crate) replies_end: usize,
    /// The end of each item, as the batch stands on the wire.
    ends: Vec<usize>,
    len: usize,
    /// The encoding of its items, where it holds nothing else.
    encoding: Option<&'static Encoding>,
    /// By what it is counted, once it has been filled.
    pub(crate) transport: Option<Transport>,
    /// How many connections have written all of it and are not counted yet.
    pub(crate) transmissions: u64,
}

#[derive(Clone, Debug)]
enum Segment {
    Copied(Range<usize>),
    Shared(Shared),
}

/// Part of a message's encoding, by reference.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) message: Arc<Message>,
    pub(crate) encoding: &'static Encoding,
    pub(crate) range: Range<usize>,
}

impl Shared {
    pub(crate) fn bytes<'a>(&'a self, broker: &Broker) -> &'a [u8] {
        self.encoding.of(&self.message, broker).get(self.range.clone()).unwrap_or_default()
    }
}

impl Batch {
    /// How many bytes there are to write.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All of it, if it lies in one piece: the common case.
    pub fn contiguous(&self) -> Option<&[u8]> {
        match &*self.segments {
            [Segment::Copied(_)] => Some(&self.bytes),
            _ => None,
        }
    }

    /// All of it, in order, for a vectored write.
    pub fn slices<'a>(&'a self, broker: &Broker) -> Vec<IoSlice<'a>> {
        let slice = |segment: &'a Segment| match segment {
            Segment::Copied(range) => self.bytes.get(range.clone()).unwrap_or_default(),
            Segment::Shared(shared) => shared.bytes(broker),
        };
        self.segments.iter().map(|segment| IoSlice::new(slice(segment))).collect()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.segments.clear();
        self.ends.clear();
        (self.unsent_end, self.replies_end, self.len) = (0, 0, 0);
        self.encoding = None;
        self.bytes.shrink_to(BATCH_BYTES_SPARE);
    }

    /// Notes that it was filled, with items in that encoding: then others may write the same, unless it holds
    /// what is one connection's alone.
    pub(crate) fn note_encoding(&mut self, encoding: &'static Encoding) {
        self.transport = Some(encoding.transport());
        self.encoding = Some(encoding).filter(|_| self.replies_end == 0 && self.len > 0);
    }

    /// The encoding of its items, if it holds some and nothing else.
    pub(crate) fn encoding(&self) -> Option<&'static Encoding> {
        self.encoding
    }

    pub(crate) fn push_copy(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.len += bytes.len();
        match self.segments.last_mut() {
            Some(Segment::Copied(range)) => range.end = self.bytes.len(),
            _ => self.segments.push(Segment::Copied(from..self.bytes.len())),
        }
    }

    pub(crate) fn push_shared(&mut self, shared: Shared) {
        self.len += shared.range.len();
        self.segments.push(Segment::Shared(shared));
    }

    /// Adds a gathered message.
    pub(crate) fn push_message(
        &mut self,
        message: &Arc<Message>,
        encoding: &'static Encoding,
        broker: &Broker,
    ) {
        let bytes = encoding.of(message, broker);
        if bytes.len() <= COPIED_BYTES_MAX {
            self.push_copy(bytes);
        } else {
            let range = 0..bytes.len();
            self.push_shared(Shared { message: Arc::clone(message), encoding, range });
        }
        self.ends.push(self.len);
    }

    /// Adds a gathered item that is no message.
    pub(crate) fn push_item(&mut self, bytes: &[u8]) {
        self.push_copy(bytes);
        self.ends.push(self.len);
    }

    /// How many items are over, `written` bytes into the batch, and what is left of one begun.
    pub(crate) fn split(&self, written: usize) -> (usize, Option<UnsentTail>) {
        if written >= self.len {
            return (self.ends.len(), None);
        }
        let over = self.ends.partition_point(|end| *end <= written);
        let begins = over.checked_sub(1).and_then(|at| self.ends.get(at)).copied();
        match self.ends.get(over) {
            Some(end) if written > begins.unwrap_or(self.replies_end) => {
                (over + 1, self.cut(written, *end))
            }
            _ => (over, None),
        }
    }

    /// What lies between two places that belong to one item, and so to one segment.
    fn cut(&self, from: usize, to: usize) -> Option<UnsentTail> {
        let mut at = 0;
        for segment in &self.segments {
            let range = match segment {
                Segment::Copied(range) => range,
                Segment::Shared(shared) => &shared.range,
            };
            let (start, end) = (range.start + from.saturating_sub(at), range.start + (to - at));
            if from < at + range.len() {
                return match segment {
                    Segment::Copied(_) => {
                        self.bytes.get(start..end).map(|bytes| UnsentTail::Copied(bytes.to_vec()))
                    }
                    Segment::Shared(shared) => {
                        Some(UnsentTail::Shared(Shared { range: start..end, ..shared.clone() }))
                    }
                };
            }
            at += range.len();
        }
        None
    }
}

/// The end of an item whose beginning has been sent.
#[derive(Clone, Debug)]
pub(crate) enum UnsentTail {
    Copied(Vec<u8>),
    Shared(Shared),
}

impl UnsentTail {
    pub(crate) fn push_to(&self, batch: &mut Batch) {
        match self {
            Self::Copied(bytes) => batch.push_copy(bytes),
            Self::Shared(shared) => batch.push_shared(shared.clone()),
        }
    }

    pub(crate) fn copied_bytes(&self) -> usize {
        match self {
            Self::Copied(bytes) => bytes.len(),
            Self::Shared(_) => 0,
        }
    }

    pub(crate) fn skip(&mut self, count: usize) {
        match self {
            Self::Copied(bytes) => drop(bytes.drain(..count.min(bytes.len()))),
            Self::Shared(shared) => shared.range.start += count.min(shared.range.len()),
        }
    }
}

/// Above this, pointing at bytes is cheaper than copying them.
const COPIED_BYTES_MAX: usize = 4 << 10;

/// What a batch may keep allocated between writes.
const BATCH_BYTES_SPARE: usize = 256 << 10;
