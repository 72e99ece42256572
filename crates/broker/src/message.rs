//! A message that the log has taken, and its bytes for each wire.
//!
//! The first reader of an encoding has the bytes made, and all readers share them. The log knows an encoding only by the
//! number that it is given, and counts the bytes.

#[cfg(feature = "traces")]
use crate::TraceParent;
use crate::{
    ChannelName, Content, Draft, Entry, Label,
    charge::Charge,
    draft::text_bytes,
    memory_gauge::MemoryGauge,
    sync::atomic::{AtomicUsize, Ordering},
};
use once_cell::race::OnceBox;
use std::{
    fmt,
    num::NonZeroU64,
    sync::{Arc, OnceLock},
};

fn cost_bytes(carried: usize, has_labels: bool) -> usize {
    carried + if has_labels { LABELS_OVERHEAD_BYTES } else { 0 } + MESSAGE_OVERHEAD_BYTES
}

/// A message of the log.
#[derive(Debug)]
pub struct Message {
    channel: ChannelName,
    offset: u64,
    time_ms: u64,
    content: Content,
    /// Apart, as most messages have none of it.
    labels: Option<Box<Labels>>,
    encodings: Encodings,
}

#[derive(Debug)]
struct Labels {
    event: Option<Label>,
    key: Option<Label>,
    origin: Option<NonZeroU64>,
    #[cfg(feature = "traces")]
    trace: Option<TraceParent>,
}

impl Message {
    pub(crate) fn new(channel: ChannelName, offset: u64, time_ms: u64, draft: Draft) -> Self {
        let has_labels = draft.has_labels();
        #[cfg(feature = "traces")]
        let trace = draft.trace;
        let Draft { content, event, key, origin, .. } = draft;
        let labels = has_labels.then(|| {
            Box::new(Labels {
                event,
                key,
                origin,
                #[cfg(feature = "traces")]
                trace,
            })
        });
        let encodings = Encodings::new(0);
        let mut this = Self { channel, offset, time_ms, content, labels, encodings };
        this.encodings = Encodings::new(this.cost_bytes());
        this
    }

    /// A message that no log holds but an archive has read: it charges nothing, and goes when its
    /// readers and the archive have let it go.
    pub fn unheld(entry: Entry) -> Self {
        let Entry { channel, offset, time_ms, draft } = entry;
        let this = Self::new(channel, offset, time_ms, draft);
        this.encodings.leave();
        this
    }

    /// The same, which counts what it takes, and what its encodings will take, in `charge`.
    pub fn charged(entry: Entry, charge: &Arc<Charge>) -> Self {
        let mut this = Self::unheld(entry);
        charge.add(this.held_bytes());
        this.encodings.counted_in = Some(Arc::clone(charge));
        this
    }

    /// Where it was published.
    pub fn channel(&self) -> &ChannelName {
        &self.channel
    }

    /// Its place in the broker's sequence.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// When the log took it: milliseconds since the Unix epoch, never less than an earlier one's.
    pub fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// The payload.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The event name.
    pub fn event(&self) -> Option<&str> {
        self.labels.as_ref()?.event.as_ref().map(Label::as_str)
    }

    /// The key.
    pub fn key(&self) -> Option<&str> {
        self.labels.as_ref()?.key.as_ref().map(Label::as_str)
    }

    /// The span that has published it, if its trace is recorded and it has not been on a disk since.
    #[cfg(feature = "traces")]
    pub fn trace(&self) -> Option<TraceParent> {
        self.labels.as_ref()?.trace
    }

    /// The reader that published it and passes it over.
    pub(crate) fn origin(&self) -> Option<NonZeroU64> {
        self.labels.as_ref()?.origin
    }

    /// Whether it is older than `age_max_ms`.
    pub(crate) fn is_older(&self, age_max_ms: u64, now_ms: u64) -> bool {
        self.time_ms.saturating_add(age_max_ms) <= now_ms
    }

    /// What it costs to keep, its encodings aside.
    pub fn cost_bytes(&self) -> usize {
        cost_bytes(self.carried_bytes(), self.labels.is_some())
    }

    /// What it takes by now, with the encodings that readers have asked for.
    pub fn held_bytes(&self) -> usize {
        self.encodings.bytes()
    }

    /// What a draft will cost to keep.
    pub fn cost_of(draft: &Draft) -> usize {
        cost_bytes(draft.bytes(), draft.has_labels())
    }

    /// About what it takes on a wire, whichever it is.
    pub(crate) fn wire_bytes(&self) -> usize {
        self.carried_bytes() + WIRE_OVERHEAD_BYTES
    }

    /// Bytes of payload, event and key.
    fn carried_bytes(&self) -> usize {
        self.content.as_bytes().len() + text_bytes(self.event()) + text_bytes(self.key())
    }

    /// The bytes that it takes, with its encodings, although the log has removed it; 0 as long as it is in the log.
    ///
    /// Such a message is freed once no connection has it any more.
    pub fn bytes_outside_log(&self) -> usize {
        self.encodings.left()
    }

    pub(crate) fn encodings(&self) -> &Encodings {
        &self.encodings
    }
}

/// The bytes of one message in each encoding that a reader has asked for, each made once, and what all of it weighs.
pub(crate) struct Encodings {
    // Boxed apart: a message that nobody has read yet should cost a word.
    first: OnceBox<Encoding>,
    // Bytes that the gauge counts; LEFT is set once the log has let the message go.
    charge: AtomicUsize,
    // What stores the message outside the log, if that memory is counted.
    counted_in: Option<Arc<Charge>>,
}

/// One of them, and those that were asked for after it. A message is read in one or two, so they are a list.
struct Encoding {
    key: usize,
    bytes: OnceLock<Box<[u8]>>,
    next: OnceBox<Self>,
}

impl Encoding {
    fn new(key: usize) -> Box<Self> {
        Box::new(Self { key, bytes: OnceLock::new(), next: OnceBox::new() })
    }
}

impl Encodings {
    fn new(charge: usize) -> Self {
        Self { first: OnceBox::new(), charge: AtomicUsize::new(charge), counted_in: None }
    }

    /// The bytes of the encoding `key`, by `encode` if nobody has asked before.
    pub(crate) fn obtain(
        &self,
        key: usize,
        gauge: &MemoryGauge,
        encode: impl FnOnce() -> Vec<u8>,
    ) -> &[u8] {
        let mut encoding = self.first.get_or_init(|| Encoding::new(key));
        while encoding.key != key {
            encoding = encoding.next.get_or_init(|| Encoding::new(key));
        }
        encoding.bytes.get_or_init(|| {
            let bytes = encode().into_boxed_slice();
            // The gauge first: an eviction between the two must not subtract what was never added.
            gauge.add(bytes.len());
            if self.charge.fetch_add(bytes.len(), Ordering::AcqRel) & LEFT != 0 {
                gauge.subtract(bytes.len());
            }
            let held_bytes = bytes.len() + size_of::<Encoding>();
            self.counted_in.iter().for_each(|charge| charge.add(held_bytes));
            bytes
        })
    }

    /// What it costs with what was made so far.
    fn bytes(&self) -> usize {
        self.charge.load(Ordering::Relaxed) & !LEFT
    }

    /// Marks the message as gone from the log and returns what it had been charged.
    pub(crate) fn leave(&self) -> usize {
        self.charge.fetch_or(LEFT, Ordering::AcqRel) & !LEFT
    }

    /// What a message weighs that is gone from the log.
    fn left(&self) -> usize {
        let charge = self.charge.load(Ordering::Acquire);
        if charge & LEFT == 0 { 0 } else { charge & !LEFT }
    }
}

impl fmt::Debug for Encodings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Encodings").field("charge", &self.charge).finish_non_exhaustive()
    }
}

const LEFT: usize = 1 << (usize::BITS - 1);

/// What a retained message costs beyond its payload: itself, two allocations, its ring slot, its
/// entry in the offset index.
pub(crate) const MESSAGE_OVERHEAD_BYTES: usize = 160;

/// What event, key or origin cost beyond their text: three allocations, one with all three in it.
const LABELS_OVERHEAD_BYTES: usize = if cfg!(feature = "traces") { 120 } else { 88 };

/// Framing, position and field names: from 4 bytes in a raw frame to over 100 in JSON.
const WIRE_OVERHEAD_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message::new("a".parse().unwrap(), 1, 0, Draft::new(Content::Text("hi".into())))
    }

    #[test]
    fn an_encoding_is_made_once_and_charged_once() {
        let (message, gauge) = (message(), MemoryGauge::default());
        assert_eq!(message.encodings().obtain(2, &gauge, || vec![1; 10]), [1; 10]);
        assert_eq!(message.encodings().obtain(2, &gauge, || vec![2; 99]), [1; 10]);
        assert_eq!(gauge.bytes(), 10);
        assert_eq!(message.encodings().leave(), message.cost_bytes() + 10);
    }

    #[test]
    fn there_are_as_many_encodings_as_readers_ask_for() {
        let (message, gauge) = (message(), MemoryGauge::default());
        let keys = || (0..100).map(|key| key * 64);
        for key in keys() {
            message.encodings().obtain(key, &gauge, || key.to_string().into_bytes());
        }
        for key in keys() {
            let bytes = message.encodings().obtain(key, &gauge, || panic!("made again"));
            assert_eq!(bytes, key.to_string().as_bytes());
        }
        assert_eq!(gauge.bytes(), keys().map(|key| key.to_string().len()).sum::<usize>());
    }

    #[test]
    fn an_encoding_made_after_the_log_removed_it_is_not_charged() {
        let (message, gauge) = (message(), MemoryGauge::default());
        message.encodings().leave();
        message.encodings().obtain(0, &gauge, || vec![1; 10]);
        assert_eq!(gauge.bytes(), 0);
    }

    #[test]
    fn a_message_outside_the_log_weighs_what_it_did_and_its_later_encodings() {
        let (message, gauge) = (message(), MemoryGauge::default());
        assert_eq!(message.bytes_outside_log(), 0);
        message.encodings().obtain(0, &gauge, || vec![1; 10]);
        message.encodings().leave();
        message.encodings().obtain(1, &gauge, || vec![1; 20]);
        assert_eq!(message.bytes_outside_log(), message.cost_bytes() + 30);
    }

    #[test]
    fn a_retained_message_costs_no_more_than_is_charged() {
        let allocation_overhead = 16;
        let arc_counts = 16;
        let ring_slot = 16;
        let index_entry = 4;
        let around = 2 * allocation_overhead + arc_counts + ring_slot + index_entry;
        let real = size_of::<Message>() + around;
        assert!(real <= MESSAGE_OVERHEAD_BYTES, "{real}");
        let real = size_of::<Labels>() + 3 * allocation_overhead;
        assert!(real <= LABELS_OVERHEAD_BYTES, "{real}");
    }
}
