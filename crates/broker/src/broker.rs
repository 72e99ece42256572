//! The broker: takes messages into the one order and tells the lanes.
//!
//! Lock order: sequencer, then channel; the registry's lock and a lane's waker stand alone.
//! Publishing costs O(lanes), whoever listens.

use crate::{
    ChannelName, Draft, Lane, Limits, Message, Permit, Position, Publishers, TooManyLanes,
    channel::Channel,
    lane::{LANES_MAX, LanePort},
    registry::Registry,
    sequencer::{Ledger, Sequencer, retain},
};
use std::{
    ops::ControlFlow,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

/// One ordered log and everything that reads it. Cloning gives another handle to the same broker.
#[derive(Clone, Debug)]
pub struct Broker {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    epoch: u64,
    limits: Limits,
    sequencer: Mutex<Sequencer>,
    pub(crate) registry: Registry,
    pub(crate) ledger: Ledger,
    /// Offset of the newest message that is in its ring and in the lanes' queues.
    head: AtomicU64,
    /// How many messages retention has removed, ever.
    evictions: AtomicU64,
    lanes: [OnceLock<LanePort>; LANES_MAX],
    lanes_count: AtomicUsize,
    /// A bit a lane that follows any pattern: it is told of every channel and sorts it out.
    wild: AtomicU64,
    sweep: Mutex<Sweep>,
}

/// How far the round of sweeping has come, and how many dead channels it met.
#[derive(Debug, Default)]
struct Sweep {
    from: usize,
    dead: usize,
}

/// What a broker holds, for probes and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// The newest position.
    pub head: Position,
    /// Channels known, dead ones included.
    pub channels: usize,
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
    /// Where its newest message stood.
    pub last: Position,
    /// Whether anybody follows exactly this channel.
    pub is_followed: bool,
}

/// Why a message was not taken. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Payload, event and key together are over the limit.
    #[error("the message has {bytes} bytes; at most {bytes_max} are allowed")]
    TooLarge {
        /// What was given.
        bytes: usize,
        /// What is allowed.
        bytes_max: usize,
    },
    /// A message of a compacted channel has no key.
    #[error("the channel is compacted: a message needs a key, which it sets or, empty, removes")]
    KeyMissing,
    /// One more key would be too many.
    #[error("the channel holds {keys_max} keys, as many as are allowed; remove one first")]
    TooManyKeys {
        /// What is allowed.
        keys_max: usize,
    },
    /// The values of a compacted channel, or of all of them, would have too many bytes.
    #[error("the values held would have more than {bytes_max} bytes; remove or shorten one first")]
    StateFull {
        /// What is allowed.
        bytes_max: usize,
    },
    /// The channel's options do not let this publisher publish.
    #[error("the channel takes no messages {}", match allowed {
        Publishers::Anyone => "now",
        Publishers::Http => "from subscribers; publish over HTTP",
        Publishers::Nobody => "from anybody",
    })]
    NotAllowed {
        /// Who may.
        allowed: Publishers,
    },
    /// The id was given to another message.
    #[error("the id was given to another message in this channel; a repeat has the same content")]
    IdTaken,
    /// As much waits to be taken as may.
    #[error("too much waits to be published; try again")]
    Overloaded,
    /// The store has no room.
    #[error("the store is full; reading goes on")]
    StorageFull,
    /// The store cannot be written.
    #[error("the store cannot be written at the moment; reading goes on")]
    Unavailable,
}

impl Broker {
    /// An empty log whose positions bear `epoch`, which no earlier log of its clients had.
    pub fn new(epoch: u64, limits: Limits) -> Self {
        let shared = Shared {
            epoch,
            registry: Registry::new(limits.rules.clone()),
            limits,
            sequencer: Mutex::default(),
            ledger: Ledger::default(),
            head: AtomicU64::new(0),
            evictions: AtomicU64::new(0),
            lanes: [const { OnceLock::new() }; LANES_MAX],
            lanes_count: AtomicUsize::new(0),
            wild: AtomicU64::new(0),
            sweep: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes a message into the order. O(lanes), and O(log channels) when something must go.
    ///
    /// When this returns, every reader can read the message and every lane has been told.
    ///
    /// # Errors
    ///
    /// The draft is over the size limit.
    pub fn append(
        &self,
        permit: Permit,
        draft: Draft,
        now_ms: u64,
    ) -> Result<Position, AppendError> {
        let channel = self.shared.registry.obtain(permit.channel());
        let (bytes, bytes_max) = (draft.bytes(), channel.options().message_bytes_max);
        if bytes > bytes_max {
            return Err(AppendError::TooLarge { bytes, bytes_max });
        }
        let (offset, lanes) = self.order(&channel, draft, now_ms);
        self.ports(lanes).for_each(LanePort::wake);
        Ok(self.position(offset))
    }

    /// The offset of the newest message.
    pub fn head(&self) -> u64 {
        self.shared.head.load(Ordering::SeqCst)
    }

    /// The epoch of all its positions.
    pub fn epoch(&self) -> u64 {
        self.shared.epoch
    }

    /// The bounds it was made with.
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// The position of an offset.
    pub fn position(&self, offset: u64) -> Position {
        Position { epoch: self.shared.epoch, offset }
    }

    /// The bytes of encoding `number`, below [`crate::ENCODINGS_MAX`], of a message.
    ///
    /// `encode` runs for the first asker only; afterwards the same bytes serve everyone.
    pub fn encoded<'a>(
        &self,
        message: &'a Message,
        number: usize,
        encode: impl FnOnce(&Message) -> Vec<u8>,
    ) -> &'a [u8] {
        let bytes = message.encodings().obtain(number, &self.shared.ledger, || encode(message));
        if self.shared.ledger.bytes() > self.shared.limits.bytes_max {
            self.shared.trim(&mut self.shared.sequencer());
        }
        bytes
    }

    /// A lane for one worker thread.
    ///
    /// # Errors
    ///
    /// There are as many as a broker can tell apart.
    pub fn lane(&self) -> Result<Lane, TooManyLanes> {
        let index = self.shared.lanes_count.fetch_add(1, Ordering::Relaxed);
        let slot = self.shared.lanes.get(index).ok_or(TooManyLanes)?;
        let (port, lane) = Lane::open(self.clone(), index);
        slot.set(port).map_err(|_| TooManyLanes)?;
        Ok(lane)
    }

    /// Applies the age limit to the next `channels_max` channels, or an eighth of all if that is
    /// more, and forgets dead ones in excess.
    ///
    /// Meant to be called about once a second.
    pub fn sweep(&self, now_ms: u64, channels_max: usize) {
        let shared = &*self.shared;
        let mut sweep = shared.sweep.lock().unwrap_or_else(PoisonError::into_inner);
        let (from, count) = (sweep.from, channels_max.max(shared.registry.places() / 8));
        let mut dead = 0;
        let next = shared.registry.scan_slice(from, count, &mut |channel| {
            retain(channel, &channel.options().retention, now_ms, &shared.ledger, || {
                shared.stamp()
            });
            let is_followed = channel.followed.load(Ordering::Relaxed) != 0;
            dead += usize::from(!is_followed && channel.ring().oldest().is_none());
        });
        sweep.dead += dead;
        let excess = sweep.dead.saturating_sub(shared.limits.dead_channels_max).min(dead);
        if excess > 0 {
            shared.registry.forget_dead(from, from + count, excess, shared.stamp());
        }
        match next {
            ControlFlow::Continue(next) => sweep.from = next,
            ControlFlow::Break(()) => {
                if sweep.dead > shared.limits.dead_channels_max {
                    // Those filed for eviction are held; the next round finds them free.
                    shared.sequencer().drop_empty();
                }
                *sweep = Sweep::default();
            }
        }
    }

    /// What the broker holds.
    pub fn stats(&self) -> Stats {
        Stats {
            head: self.position(self.head()),
            channels: self.shared.registry.len(),
            bytes: self.shared.ledger.bytes(),
            evicted: self.shared.evictions.load(Ordering::Relaxed),
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
                last: self.position(channel.last()),
                is_followed: channel.followed.load(Ordering::Relaxed) != 0,
            });
        });
    }

    fn order(&self, channel: &Arc<Channel>, draft: Draft, now_ms: u64) -> (u64, u64) {
        let shared = &*self.shared;
        let mut sequencer = shared.sequencer();
        let (offset, time_ms) = sequencer.advance(now_ms);
        let message = Arc::new(Message::new(channel.name().clone(), offset, time_ms, draft));
        shared.ledger.add(message.cost_bytes());
        let mut ring = channel.ring();
        ring.push(message);
        let was_ranked = std::mem::replace(&mut ring.ranked, true);
        drop(ring);
        if !was_ranked {
            sequencer.rank(offset, Arc::clone(channel));
        }
        channel.set_last(offset);
        retain(channel, &channel.options().retention, time_ms, &shared.ledger, || shared.stamp());
        shared.trim(&mut sequencer);
        let lanes = channel.followed.load(Ordering::SeqCst) | shared.wild.load(Ordering::SeqCst);
        let fresh = lanes & !channel.dirty.fetch_or(lanes, Ordering::AcqRel);
        self.ports(fresh).for_each(|port| port.enqueue(channel));
        // Last: whoever sees this head finds the message in its ring and in the lanes' queues.
        shared.head.store(offset, Ordering::SeqCst);
        (offset, lanes)
    }

    fn ports(&self, lanes: u64) -> impl Iterator<Item = &LanePort> {
        let lanes = std::iter::successors(Some(lanes), |rest| Some(rest & rest.wrapping_sub(1)));
        lanes.take_while(|rest| *rest != 0).filter_map(|rest| {
            let index = usize::try_from(rest.trailing_zeros()).ok()?;
            self.shared.lanes.get(index)?.get()
        })
    }
}

impl Shared {
    pub(crate) fn sequencer(&self) -> MutexGuard<'_, Sequencer> {
        self.sequencer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the oldest messages until the log is within its bounds, encodings included.
    fn trim(&self, sequencer: &mut Sequencer) {
        while self.ledger.bytes() > self.limits.bytes_max
            && sequencer.evict_oldest(&self.ledger, || self.stamp())
        {}
    }

    /// How many messages retention had removed by now.
    pub(crate) fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::SeqCst)
    }

    /// Counts one more removal.
    fn stamp(&self) -> u64 {
        self.evictions.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Tells every publish after this call, and none that is under way, of a lane's interest.
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
