//! What was really published, kept apart from the broker: the truth that checkers compare with.

use std::collections::{BTreeMap, BTreeSet};
use tidewire_broker::{
    AppendError, Content, Draft, DraftError, EngineError, Label, Options, Position, QuotaError,
};

/// Everything published in one world, over all lives of its server.
#[derive(Debug, Default)]
pub(crate) struct History {
    lives: BTreeMap<u64, Vec<Entry>>,
    by_serial: BTreeMap<u64, Position>,
    /// The numbers of what was refused, each with the codes of why.
    refused: BTreeSet<(u64, &'static str)>,
    serials_given: u64,
    /// The largest payload that was ever made.
    pub(crate) payload_bytes_max: usize,
}

/// One message, as it was published.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) channel: String,
    pub(crate) draft: Draft,
    pub(crate) time_ms: u64,
    /// Whether its channel is compacted.
    pub(crate) is_compacted: bool,
    /// Whether it was the newest of its key in a compacted channel, and is no longer.
    pub(crate) is_superseded: bool,
}

impl Entry {
    /// A message of a channel with these options.
    pub(crate) fn new(channel: &str, draft: Draft, time_ms: u64, options: &Options) -> Self {
        let is_compacted = options.compaction.is_some();
        let channel = channel.to_owned();
        Self { channel, draft, time_ms, is_compacted, is_superseded: false }
    }

    /// Whether it removes a key of a compacted channel.
    pub(crate) fn is_tombstone(&self) -> bool {
        self.is_compacted && self.draft.content.is_nothing()
    }

    /// Whether it is what a key of a compacted channel holds.
    pub(crate) fn is_value(&self) -> bool {
        self.is_compacted && !self.is_superseded && !self.draft.content.is_nothing()
    }

    fn is_of(&self, channel: &str, key: Option<&Label>) -> bool {
        self.channel == channel && self.draft.key.as_ref() == key
    }
}

impl History {
    /// A number that no other payload of this world carries.
    pub(crate) fn next_serial(&mut self) -> u64 {
        self.serials_given += 1;
        self.serials_given
    }

    /// Takes down a publish that was answered; its offset has to be the next one.
    pub(crate) fn record(&mut self, position: Position, entry: Entry) -> Result<(), String> {
        let entries = self.lives.entry(position.epoch).or_default();
        let next = u64::try_from(entries.len()).unwrap_or(u64::MAX).saturating_add(1);
        if position.offset != next {
            return Err(format!("publish {next} was answered with offset {}", position.offset));
        }
        if let Some(serial) = serial_in(entry.draft.content.as_bytes()) {
            self.by_serial.insert(serial, position);
        }
        if entry.is_compacted {
            let key = entry.draft.key.as_ref();
            let older = entries.iter_mut().rev().find(|older| older.is_of(&entry.channel, key));
            older.into_iter().for_each(|older| older.is_superseded = true);
        }
        entries.push(entry);
        Ok(())
    }

    /// Takes down that a store which had come to `head` was put back as another life, or the same: from
    /// there on it goes another way.
    pub(crate) fn restore(
        &mut self,
        (epoch, head): (u64, u64),
        restored: u64,
    ) -> Result<(), String> {
        let entries = self.lives.remove(&epoch).unwrap_or_default();
        let kept = entries.iter().take(usize::try_from(head).unwrap_or(usize::MAX)).cloned();
        let kept: Vec<Entry> = kept.map(|it| Entry { is_superseded: false, ..it }).collect();
        self.lives.insert(epoch, entries);
        self.lives.insert(restored, Vec::new());
        for (offset, entry) in (1..).zip(kept) {
            self.record(Position { epoch: restored, offset }, entry)?;
        }
        Ok(())
    }

    /// Takes down that a draft was refused.
    pub(crate) fn record_refusal(&mut self, draft: &Draft, error: AppendError) {
        let serial = serial_in(draft.content.as_bytes());
        self.refused.extend(serial.map(|serial| (serial, code(error))));
    }

    /// Whether the payload that carries this number was ever refused with this code.
    pub(crate) fn was_refused(&self, serial: u64, code: &str) -> bool {
        self.refused.contains(&(serial, code))
    }

    /// What was published in one channel, the newest first.
    pub(crate) fn of_channel<'a>(
        &'a self,
        epoch: u64,
        channel: &'a str,
    ) -> impl Iterator<Item = (u64, &'a Entry)> {
        let all = self.between(epoch, 0, self.head(epoch));
        all.rev().filter(move |(_, entry)| entry.channel == channel)
    }

    /// The epochs of all lives in which something was published.
    pub(crate) fn epochs(&self) -> impl Iterator<Item = u64> {
        self.lives.keys().copied()
    }

    /// The offset of the newest message.
    pub(crate) fn head(&self, epoch: u64) -> u64 {
        let len = self.lives.get(&epoch).map_or(0, Vec::len);
        u64::try_from(len).unwrap_or(u64::MAX)
    }

    /// The time at which the log takes what is published now: never less than an earlier one's.
    pub(crate) fn log_ms(&self, epoch: u64, now_ms: u64) -> u64 {
        let last = self.lives.get(&epoch).and_then(|entries| entries.last());
        last.map_or(now_ms, |last| last.time_ms.max(now_ms))
    }

    /// The offset of the newest message that was published before a time.
    pub(crate) fn before(&self, epoch: u64, time_ms: u64) -> u64 {
        let entries = self.lives.get(&epoch).map_or(&[][..], Vec::as_slice);
        let older = entries.partition_point(|entry| entry.time_ms < time_ms);
        u64::try_from(older).unwrap_or(u64::MAX)
    }

    pub(crate) fn entry(&self, epoch: u64, offset: u64) -> Option<&Entry> {
        self.lives.get(&epoch)?.get(index(offset)?)
    }

    /// What was published in `after + 1 ..= upto`.
    pub(crate) fn between(
        &self,
        epoch: u64,
        after: u64,
        upto: u64,
    ) -> impl DoubleEndedIterator<Item = (u64, &Entry)> {
        let entries = self.lives.get(&epoch).map_or(&[][..], Vec::as_slice);
        (after.saturating_add(1)..=upto)
            .filter_map(move |offset| Some((offset, entries.get(index(offset)?)?)))
    }

    /// Where the payload that carries this number stands.
    pub(crate) fn of_serial(&self, serial: u64) -> Option<Position> {
        self.by_serial.get(&serial).copied()
    }
}

/// Offsets begin at 1.
fn index(offset: u64) -> Option<usize> {
    usize::try_from(offset.checked_sub(1)?).ok()
}

/// The number with which every payload of a world begins, unless it is empty.
pub(crate) fn serial_in(payload: &[u8]) -> Option<u64> {
    let digits = payload.strip_prefix(JSON_HEAD.as_bytes()).unwrap_or(payload);
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

/// A payload of about `bytes` bytes that carries `serial` and its channel.
pub(crate) fn payload(kind: PayloadKind, serial: u64, channel: &str, bytes: usize) -> Content {
    match kind {
        PayloadKind::Text => {
            Content::Text(format!("{serial}:{channel}:{}", "\u{e9}".repeat(bytes / 2)).into())
        }
        PayloadKind::Json => {
            let filler = "j".repeat(bytes);
            let json =
                format!(r#"{JSON_HEAD}{serial},"channel":"{channel}","filler":"{filler}"}}"#);
            Content::Json(json.into())
        }
        PayloadKind::Binary => {
            let mut binary = format!("{serial}:{channel}:").into_bytes();
            binary.resize(binary.len() + bytes, 0xFE);
            Content::Binary(binary.into())
        }
        PayloadKind::Empty => Content::Text("".into()),
        PayloadKind::Tombstone => Content::Nothing,
    }
}

/// What kind of payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PayloadKind {
    Text,
    Json,
    Binary,
    Empty,
    Tombstone,
}

/// The code of a refusal.
fn code(error: AppendError) -> &'static str {
    match error {
        AppendError::NotAllowed { .. } => "forbidden",
        AppendError::Draft(DraftError::KeyMissing) => "bad_request",
        AppendError::Draft(DraftError::TooLarge { .. }) => "payload_too_large",
        AppendError::Quota(QuotaError::TooManyKeys { .. } | QuotaError::StateFull { .. }) => {
            "state_full"
        }
        AppendError::Draft(DraftError::IdTaken) => "conflict",
        AppendError::Engine(EngineError::Overloaded)
        | AppendError::Quota(QuotaError::TooManyIds { .. }) => "overloaded",
        AppendError::Engine(EngineError::StorageFull) => "insufficient_storage",
        AppendError::Engine(EngineError::Unavailable) => "unavailable",
    }
}

const JSON_HEAD: &str = r#"{"serial":"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_payload_that_is_not_empty_carries_its_serial() {
        for kind in [PayloadKind::Text, PayloadKind::Json, PayloadKind::Binary] {
            assert_eq!(serial_in(payload(kind, 17, "a.b", 9).as_bytes()), Some(17));
        }
        for kind in [PayloadKind::Empty, PayloadKind::Tombstone] {
            assert_eq!(serial_in(payload(kind, 17, "a.b", 9).as_bytes()), None);
        }
    }
}
