//! Appending messages to the log, and notifying the lanes. O(lanes), however many subscribers there are.
//!
//! Lock order: sequencer, then one of a channel's; the registry's lock and a lane's waker stand
//! alone.

use crate::{
    AppendError, Broker, ChannelName, Content, DedupOutcome, Draft, DraftError, EngineError, Entry,
    HeldId, IdAccount, Label, LossKind, Message, Permit, Position, QuotaError,
    broker::Shared,
    channel::{AppendState, Channel},
    dedup_window::{IDS_MAX, digest},
    keys::{Held, key_cost_bytes},
    lane_port::LanePort,
    sequencer::{Filing, Sequencer, retain},
};
use std::sync::{Arc, atomic::Ordering};

/// Takes a place in an account for one more id; without an account there is nothing to take.
///
/// # Errors
///
/// All of the account's are taken.
pub fn hold(account: Option<&IdAccount>) -> Result<Option<HeldId>, QuotaError> {
    let Some(account) = account else { return Ok(None) };
    let too_many = QuotaError::TooManyIds { ids_max: account.ids_max() };
    account.hold().map(Some).ok_or(too_many)
}

/// An engine has brought a message that is not newer than the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("offset {offset} does not come after {last}")]
pub struct OutOfOrder {
    /// The offset that was brought.
    pub offset: u64,
    /// The newest there was.
    pub last: u64,
}

/// What becomes of a draft.
enum Entered {
    /// It is new, and supersedes this one.
    New(Option<u64>),
    /// It was published before, at this offset.
    Before(u64),
}

impl Broker {
    /// Appends a message to the log. O(lanes), and O(log channels) if old messages have to be removed.
    ///
    /// When this returns, every reader can read the message and every lane has been notified. A repeat of a message
    /// with the same id changes nothing, and returns the position of the first one. This is for a broker that
    /// orders by itself; an engine with an archive passes the messages that it has ordered to [`Broker::ingest`].
    ///
    /// # Errors
    ///
    /// The channel's options do not allow it.
    pub fn append(
        &self,
        permit: Permit,
        draft: Draft,
        now_ms: u64,
    ) -> Result<Position, AppendError> {
        let channel = self.shared.registry.obtain(permit.channel());
        let validated = channel.options().validate(&permit, &draft);
        let ordered = validated.and_then(|()| {
            let mut sequencer = self.shared.sequencer();
            self.order(&mut sequencer, &channel, draft, permit.account(), now_ms)
        });
        match ordered {
            Ok((offset, lanes)) => {
                self.ports(lanes).for_each(LanePort::wake);
                Ok(self.position(offset))
            }
            Err(error) => {
                self.shared.registry.release(channel);
                Err(error)
            }
        }
    }

    /// Removes a key by a tombstone, unless it holds something newer than `offset` by now.
    pub(crate) fn expire(&self, channel: &Arc<Channel>, key: Label, offset: u64, now_ms: u64) {
        let mut sequencer = self.shared.sequencer();
        let holds = |append_state: &AppendState| append_state.keys.as_ref()?.offset_of(&key);
        if holds(&channel.append_state()) != Some(offset) {
            return;
        }
        let draft = Draft { key: Some(key), ..Draft::new(Content::Nothing) };
        // It takes no more room than the value did, so it is never refused.
        let ordered = self.order(&mut sequencer, channel, draft, None, now_ms);
        drop(sequencer);
        let lanes = ordered.map_or(0, |(_, lanes)| lanes);
        self.ports(lanes).for_each(LanePort::wake);
    }

    /// Takes in a message that an engine has ordered and its archive holds, with the offset of the
    /// one it supersedes. O(lanes).
    ///
    /// # Errors
    ///
    /// It is not newer than everything there is.
    pub fn ingest(&self, entry: Entry, supersedes: Option<u64>) -> Result<(), OutOfOrder> {
        let Entry { channel, offset, time_ms, draft } = entry;
        let channel = self.shared.registry.obtain(&channel);
        let mut sequencer = self.shared.sequencer();
        let last = sequencer.last;
        if offset <= last {
            return Err(OutOfOrder { offset, last });
        }
        (sequencer.last, sequencer.time_ms) = (offset, sequencer.time_ms.max(time_ms));
        let message = Message::new(channel.name().clone(), offset, time_ms, draft);
        let lanes = self.store(&mut sequencer, &channel, message, supersedes);
        drop(sequencer);
        self.ports(lanes).for_each(LanePort::wake);
        Ok(())
    }

    /// Notes that the archive is about to remove everything of `channel` up to offset `upto`, and
    /// what there was.
    pub fn lose(&self, channel: &ChannelName, upto: u64, loss: LossKind) {
        let (shared, channel) = (&*self.shared, self.shared.registry.obtain(channel));
        let mut ring = channel.ring();
        while ring.oldest().is_some_and(|oldest| oldest <= upto) {
            let gone = ring.take_oldest(|| shared.stamp());
            gone.iter().for_each(|gone| shared.discharge(&channel, gone));
        }
        ring.lose_all(upto, shared.stamp(), loss);
    }

    /// Notes that the archive is about to remove this one message, such as an old tombstone.
    pub fn lose_one(&self, channel: &ChannelName, offset: u64, loss: LossKind) {
        let channel = self.shared.registry.obtain(channel);
        self.shared.lose_one(&channel, offset, loss);
    }

    /// Gives a draft its place, and returns that and the lanes to wake.
    fn order(
        &self,
        sequencer: &mut Sequencer,
        channel: &Arc<Channel>,
        mut draft: Draft,
        account: Option<&IdAccount>,
        now_ms: u64,
    ) -> Result<(u64, u64), AppendError> {
        let shared = &*self.shared;
        let (offset, time_ms) = (sequencer.last + 1, sequencer.time_ms.max(now_ms));
        let superseded = match shared.enter(channel, &mut draft, account, offset, time_ms)? {
            Entered::New(superseded) => superseded,
            Entered::Before(offset) => return Ok((offset, 0)),
        };
        (sequencer.last, sequencer.time_ms) = (offset, time_ms);
        let message = Message::new(channel.name().clone(), offset, time_ms, draft);
        Ok((offset, self.store(sequencer, channel, message, superseded)))
    }

    /// Makes a message readable, and returns the lanes to wake.
    fn store(
        &self,
        sequencer: &mut Sequencer,
        channel: &Arc<Channel>,
        message: Message,
        superseded: Option<u64>,
    ) -> u64 {
        let shared = &*self.shared;
        let (offset, time_ms, stays) = (message.offset(), message.time_ms(), shared.keeps(channel));
        shared.gauge.add_message(message.cost_bytes());
        if stays {
            // Nothing makes room for the encodings of what cannot go: they come on top.
            message.encodings().leave();
        }
        let mut ring = channel.ring();
        let gone = superseded.and_then(|superseded| ring.remove(superseded));
        gone.iter().for_each(|gone| shared.discharge(channel, gone));
        ring.push(Arc::new(message));
        let was_ranked = std::mem::replace(&mut ring.ranked, true);
        drop(ring);
        if !was_ranked {
            let filing = if stays { Filing::Kept } else { Filing::ByAge };
            sequencer.rank(offset, Arc::clone(channel), filing);
        }
        if let Some(superseded) = superseded {
            shared.index.erase(superseded);
        }
        sequencer.index.push(&shared.index, offset, channel.number(), time_ms);
        channel.set_last(offset);
        shared.retain(channel, time_ms);
        shared.trim(sequencer);
        let lanes = channel.followed.load(Ordering::SeqCst) | shared.wild.load(Ordering::SeqCst);
        let fresh = lanes & !channel.dirty.fetch_or(lanes, Ordering::AcqRel);
        self.ports(fresh).for_each(|port| port.enqueue(channel));
        // Last: a thread that sees this head finds the message in its ring and in the index, and the lanes notified.
        shared.head.store(offset, Ordering::SeqCst);
        lanes
    }
}

impl Shared {
    /// Whether a channel's messages stay until they are superseded: they are nowhere else.
    pub(crate) fn keeps(&self, channel: &Channel) -> bool {
        self.archive.is_none() && channel.is_compacted()
    }

    /// Asks the channel's state whether a draft may be taken at `offset`, and if so, notes it.
    fn enter(
        &self,
        channel: &Channel,
        draft: &mut Draft,
        account: Option<&IdAccount>,
        offset: u64,
        time_ms: u64,
    ) -> Result<Entered, AppendError> {
        let options = channel.options();
        let id = draft.id.take().map(|id| (digest(draft), id));
        if id.is_none() && options.compaction.is_none() {
            return Ok(Entered::New(None));
        }
        let (mut append_state, window) = (channel.append_state(), &options.repeats);
        let mut held = None;
        if let Some((digest, id)) = &id {
            match append_state
                .dedup_window
                .as_ref()
                .map(|ids| ids.look(id, *digest, window, time_ms))
            {
                Some(DedupOutcome::Duplicate(offset)) => return Ok(Entered::Before(offset)),
                Some(DedupOutcome::Conflict) => return Err(DraftError::IdTaken.into()),
                // The publisher's own share first, so that the error names that limit if it is used up.
                Some(DedupOutcome::New) | None => held = hold(account)?,
            }
            if self.ids.load(Ordering::Relaxed) >= IDS_MAX {
                return Err(EngineError::Overloaded.into());
            }
        }
        let mut superseded = None;
        if let (Some(compaction), Some(key)) = (&options.compaction, &draft.key) {
            let bytes = Message::cost_of(draft) + key_cost_bytes(key);
            let next = Held { offset, bytes, is_tombstone: draft.content.is_nothing() };
            let room_max = self.limits.bytes_max / 2;
            let room = room_max.saturating_sub(self.state.bytes());
            let keys = append_state.keys.get_or_insert_default();
            superseded = keys.admit(key, next, compaction, room, room_max)?;
            let old = keys.note(key.clone(), next, time_ms);
            self.state.add(next.bytes);
            self.state.subtract(old.map_or(0, |old| old.bytes));
        }
        if let Some((digest, id)) = id {
            let dedup_window = append_state.dedup_window.get_or_insert_default();
            let before = dedup_window.len();
            dedup_window.note(id, digest, offset, window, time_ms, held);
            self.ids.fetch_add(dedup_window.len(), Ordering::Relaxed);
            self.ids.fetch_sub(before, Ordering::Relaxed);
        }
        Ok(Entered::New(superseded))
    }

    /// Removes from `channel` what its retention no longer allows.
    pub(crate) fn retain(&self, channel: &Channel, now_ms: u64) {
        let retention = &channel.options().retention;
        if !self.keeps(channel) {
            return retain(channel, retention, now_ms, &self.gauge, || self.stamp());
        }
        loop {
            let mut append_state = channel.append_state();
            let Some(keys) = append_state.keys.as_mut() else { break };
            let Some(old) = keys.drop_tombstone(retention, now_ms) else { break };
            if keys.is_empty() {
                // A map keeps the room that its keys had.
                append_state.keys = None;
            }
            drop(append_state);
            self.state.subtract(old.bytes);
            self.lose_one(channel, old.offset, LossKind::Tombstones);
        }
    }

    fn lose_one(&self, channel: &Channel, offset: u64, loss: LossKind) {
        let mut ring = channel.ring();
        let gone = ring.remove(offset);
        gone.iter().for_each(|gone| self.discharge(channel, gone));
        ring.lose(offset, self.stamp(), loss);
    }

    /// Subtracts from the gauge what a message had cost that has left its ring.
    fn discharge(&self, channel: &Channel, gone: &Message) {
        let charged =
            if self.keeps(channel) { gone.cost_bytes() } else { gone.encodings().leave() };
        self.gauge.subtract_message(charged);
    }
}
