//! The broker: what everybody shares, and what it holds.

use crate::{
    Archive, ChannelName, Limits, LossKind, Message, Options, Pattern, Position, PresenceBuffer,
    Rules,
    channel::Channel,
    lane_port::LanePort,
    lanes::Lanes,
    memory_gauge::MemoryGauge,
    message::MESSAGE_OVERHEAD_BYTES,
    offset_index::OffsetIndex,
    registry::Registry,
    ring::{LossWatermark, LossWatermarks},
    sequencer::Sequencer,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};
use std::sync::{Arc, PoisonError};

/// One ordered log and everything that reads it. Cloning gives another handle to the same broker.
#[derive(Clone, Debug)]
pub struct Broker {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    epoch: u64,
    pub(crate) limits: Limits,
    /// Whether there may be a compacted channel of which the rules do not say so.
    keeps_compacted: AtomicBool,
    sequencer: Mutex<Sequencer>,
    pub(crate) registry: Registry,
    pub(crate) index: OffsetIndex,
    pub(crate) gauge: MemoryGauge,
    /// What of it compacted channels hold, their keys included, where no archive has it too.
    pub(crate) state: MemoryGauge,
    /// Ids remembered, in all channels.
    pub(crate) ids: AtomicUsize,
    /// Where the messages are that are not in memory.
    pub(crate) archive: Option<Arc<dyn Archive>>,
    /// Offset of the newest message that is in its ring and in the lanes' queues.
    pub(crate) head: AtomicU64,
    /// How many messages retention has removed, ever.
    evictions: AtomicU64,
    pub(crate) lanes: Lanes,
    /// A bit for each lane that follows any pattern with a wildcard: it is notified of every channel, and checks by itself.
    pub(crate) wild: AtomicU64,
    pub(crate) sweep: Mutex<SweepProgress>,
    pub(crate) presence_buffer: PresenceBuffer,
}

/// How far the round of sweeping has come, and how many dead channels it met.
#[derive(Debug, Default)]
pub(crate) struct SweepProgress {
    pub(crate) from: usize,
    pub(crate) dead: usize,
}

/// What a broker holds, for probes and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// The newest position.
    pub head: Position,
    /// Channels known, dead ones included.
    pub channels: usize,
    /// Messages held in memory.
    pub messages: usize,
    /// Bytes held, encodings included.
    pub bytes: usize,
    /// Messages that retention has removed since the start.
    pub evicted: u64,
}

/// One channel, as listings show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelSummary {
    /// Its name.
    pub name: ChannelName,
    /// Messages it holds.
    pub messages: usize,
    /// Bytes it holds, encodings aside.
    pub bytes: usize,
    /// Messages that it got since it was made known here.
    pub appended: u64,
    /// Where its newest message stood.
    pub last: Position,
    /// Whether anybody follows exactly this channel.
    pub is_followed: bool,
}

impl Broker {
    /// An empty log in memory whose positions have `epoch`, which no earlier log of its clients had.
    pub fn new(epoch: u64, limits: Limits) -> Self {
        Self::open(epoch, limits, None)
    }

    /// A log of which `archive` holds everything retained, up to offset `head`.
    ///
    /// Name each channel to it with [`Broker::restore`] before the first read.
    pub fn with_archive(epoch: u64, head: u64, limits: Limits, archive: Arc<dyn Archive>) -> Self {
        let this = Self::open(epoch, limits, Some(archive));
        this.shared.sequencer().last = head;
        this.shared.index.begin_after(head);
        this.shared.head.store(head, Ordering::SeqCst);
        this
    }

    fn open(epoch: u64, limits: Limits, archive: Option<Arc<dyn Archive>>) -> Self {
        let shared = Shared {
            epoch,
            registry: Registry::new(limits.rules.clone(), archive.is_some()),
            index: OffsetIndex::new(limits.bytes_max / MESSAGE_OVERHEAD_BYTES),
            limits,
            keeps_compacted: AtomicBool::new(false),
            sequencer: Mutex::default(),
            gauge: MemoryGauge::default(),
            state: MemoryGauge::default(),
            ids: AtomicUsize::new(0),
            archive,
            head: AtomicU64::new(0),
            // What was lost before this life is older than any reader.
            evictions: AtomicU64::new(1),
            lanes: Lanes::new(),
            wild: AtomicU64::new(0),
            sweep: Mutex::default(),
            presence_buffer: PresenceBuffer::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Makes a channel known of which the archive holds messages up to `last`. What it has lost was
    /// `loss`, the newest of it at `taken`.
    pub fn restore(&self, channel: &ChannelName, last: u64, taken: u64, loss: LossKind) {
        let lost = LossWatermark { offset: taken, stamp: 1 };
        let taken = match loss {
            LossKind::Messages => LossWatermarks::of_messages(lost),
            LossKind::Tombstones => {
                LossWatermarks { tombstones: lost, ..LossWatermarks::default() }
            }
        };
        self.shared.registry.restore(channel, taken, last);
    }

    /// Records that the archive has forgotten channels without messages, which had lost messages up to `offset` at
    /// most. A reader that resumes before `offset` in a channel that [`Broker::restore`] did not name gets a gap notice.
    pub fn restore_forgotten(&self, offset: u64) {
        self.shared.registry.restore_forgotten(LossWatermark { offset, stamp: 1 });
    }

    /// The options of a channel. O(1) for one that is known, O(rules) for another.
    pub fn options(&self, channel: &ChannelName) -> Options {
        self.shared.registry.options(channel)
    }

    /// The rules that decide the options of channels.
    pub fn rules(&self) -> Rules {
        self.shared.registry.rules()
    }

    /// Has all channels follow other rules from now on. What retention no longer allows is removed by the next sweep.
    ///
    /// Whether a channel is compacted stays as it is while the channel lives: one for which the rules say otherwise keeps
    /// all its options. Returns how many those are. O(channels × rules).
    pub fn replace_rules(&self, rules: Rules) -> usize {
        let mut kept_count = 0;
        self.shared.registry.replace_rules(rules, |channel| {
            kept_count += 1;
            self.shared.keeps_compacted.fetch_or(channel.is_compacted(), Ordering::Relaxed);
        });
        kept_count
    }

    /// Whether a channel that `pattern` selects may be compacted; false is certain. O(rules).
    pub(crate) fn may_compact(&self, pattern: &Pattern) -> bool {
        self.shared.keeps_compacted.load(Ordering::Relaxed) || self.rules().may_compact(pattern)
    }

    /// The offset of the newest message.
    pub fn head(&self) -> u64 {
        self.shared.head()
    }

    /// The epoch of all its positions.
    pub fn epoch(&self) -> u64 {
        self.shared.epoch
    }

    /// The bounds it was made with. Its rules may be others by now: [`Broker::rules`].
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// The position of an offset.
    pub fn position(&self, offset: u64) -> Position {
        Position { epoch: self.shared.epoch, offset }
    }

    /// The bytes of a message in the encoding with the unique number `key`, such as the address of something that lives
    /// as long as the program.
    ///
    /// `encode` runs for the first call only; all later calls return the same bytes.
    pub fn encoded<'a>(
        &self,
        message: &'a Message,
        key: usize,
        encode: impl FnOnce(&Message) -> Vec<u8>,
    ) -> &'a [u8] {
        let bytes = message.encodings().obtain(key, &self.shared.gauge, || encode(message));
        if self.shared.gauge.bytes() > self.shared.limits.bytes_max {
            self.shared.trim(&mut self.shared.sequencer());
        }
        bytes
    }

    /// What the broker holds.
    pub fn stats(&self) -> Stats {
        Stats {
            head: self.position(self.head()),
            channels: self.shared.registry.len(),
            messages: self.shared.gauge.messages(),
            bytes: self.shared.gauge.bytes(),
            evicted: self.shared.evictions.load(Ordering::Relaxed) - 1,
        }
    }

    /// Calls `visit` with every channel, in no particular order.
    pub fn each_channel(&self, mut visit: impl FnMut(ChannelSummary)) {
        self.shared.registry.scan(|channel| {
            let ring = channel.ring();
            visit(ChannelSummary {
                name: channel.name().clone(),
                messages: ring.len(),
                bytes: ring.bytes(),
                appended: ring.appended(),
                last: self.position(channel.last()),
                is_followed: channel.followed.load(Ordering::Relaxed) != 0,
            });
        });
    }

    pub(crate) fn ports(&self, lanes: u64) -> impl Iterator<Item = &LanePort> {
        self.shared.lanes.ports(lanes)
    }
}

impl Shared {
    pub(crate) fn head(&self) -> u64 {
        self.head.load(Ordering::SeqCst)
    }

    pub(crate) fn sequencer(&self) -> MutexGuard<'_, Sequencer> {
        self.sequencer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the oldest messages until the log is within its bounds, encodings included.
    pub(crate) fn trim(&self, sequencer: &mut Sequencer) {
        while self.gauge.bytes() > self.limits.bytes_max
            && sequencer.evict_oldest(&self.gauge, || self.stamp())
        {}
    }

    /// Has channels that hold nothing filed for eviction no longer, so that they can be forgotten.
    ///
    /// The sequencer's lock is held only to take them out and to give the others back: publishers do not wait for a
    /// look at all channels. The next publish evicts what could not be evicted meanwhile.
    pub(crate) fn drop_empty(&self) {
        let mut filed = self.sequencer().take_filed();
        filed.drop_empty();
        self.sequencer().file_all(filed);
    }

    /// How many messages retention had removed by now.
    pub(crate) fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::SeqCst)
    }

    /// Counts one more removal.
    pub(crate) fn stamp(&self) -> u64 {
        self.evictions.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Makes a lane's interest known to every publish after this call, and to none that is in progress.
    ///
    /// Under the sequencer's lock: a publish either sees the bit, or was whole before.
    pub(crate) fn follow(&self, channel: Option<&Channel>, bit: u64) {
        let _whole = self.sequencer();
        channel.map_or(&self.wild, |one| &one.followed).fetch_or(bit, Ordering::SeqCst);
    }

    /// Takes the interest back. News may still arrive, and is of no concern.
    pub(crate) fn unfollow(&self, channel: Option<&Channel>, bit: u64) {
        channel.map_or(&self.wild, |one| &one.followed).fetch_and(!bit, Ordering::SeqCst);
    }
}
