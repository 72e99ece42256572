//! The log as it is known from outside: from what the server has answered, from its history, and from what clients
//! received.

use super::driver::Message;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, btree_map::Entry};
use tidewire_protocol::Position;

/// An epoch and an offset. Only offsets of one epoch have an order that means something.
pub(super) type Place = (u64, u64);

/// Everything that was published, and where it is.
#[derive(Debug, Default)]
pub(super) struct Truth {
    /// By its number, the channel of each message that anybody was asked to publish.
    asked: BTreeMap<u64, &'static str>,
    log: BTreeMap<Place, u64>,
    /// By its number and an epoch, where a message is: published once, it is in one place.
    places: BTreeMap<(u64, u64), u64>,
}

impl Truth {
    /// A number for another message to `channel`.
    pub(super) fn next(&mut self, channel: &'static str) -> u64 {
        let serial = self.asked.last_key_value().map_or(0, |(serial, _)| *serial) + 1;
        self.asked.insert(serial, channel);
        serial
    }

    /// Takes in that the message `serial` is at `place`.
    pub(super) fn note(&mut self, serial: u64, place: Place) -> Result<()> {
        let (epoch, offset) = place;
        let channel = self.asked.get(&serial);
        let channel = channel.with_context(|| format!("nobody published {serial}"))?;
        match self.places.entry((serial, epoch)) {
            Entry::Vacant(entry) => *entry.insert(offset),
            Entry::Occupied(entry) if *entry.get() == offset => offset,
            Entry::Occupied(entry) => bail!(
                "message {serial} of {channel} is in the log twice: at {} and at {}",
                spell((epoch, *entry.get())),
                spell(place)
            ),
        };
        let known = *self.log.entry(place).or_insert(serial);
        ensure!(known == serial, "messages {known} and {serial} are both at {}", spell(place));
        Ok(())
    }

    /// The same for a message as it was received. Returns its number.
    pub(super) fn note_message(&mut self, message: &Message) -> Result<u64> {
        let serial = serial_of(&message.data).with_context(|| format!("not ours: {message:?}"))?;
        self.note(serial, place(message.position))?;
        let channel = self.channel(serial);
        ensure!(channel == message.channel, "{serial} was published to {channel}: {message:?}");
        Ok(serial)
    }

    pub(super) fn channel(&self, serial: u64) -> &'static str {
        self.asked.get(&serial).copied().unwrap_or_default()
    }

    /// The messages of `epoch` after one offset, up to and including another.
    pub(super) fn between(
        &self,
        epoch: u64,
        after: u64,
        upto: u64,
    ) -> impl Iterator<Item = (u64, &'static str)> {
        let range = (epoch, after.saturating_add(1))..=(epoch, upto.max(after));
        let range = if upto > after { Some(self.log.range(range)) } else { None };
        range.into_iter().flatten().map(|((_, offset), serial)| (*offset, self.channel(*serial)))
    }

    /// Whether the message at a place is one of `channel`.
    pub(super) fn is_of(&self, place: Place, channel: &str) -> bool {
        self.log.get(&place).is_some_and(|serial| self.channel(*serial) == channel)
    }

    /// The offset of the newest message of an epoch that is known.
    pub(super) fn head(&self, epoch: u64) -> u64 {
        let newest = self.log.range((epoch, 0)..=(epoch, u64::MAX)).next_back();
        newest.map_or(0, |((_, offset), _)| *offset)
    }

    /// Where message `serial` is in each epoch that has it.
    pub(super) fn places(&self, serial: u64) -> impl Iterator<Item = Place> {
        let range = self.places.range((serial, 0)..=(serial, u64::MAX));
        range.map(|((_, epoch), offset)| (*epoch, *offset))
    }

    /// The last messages of the newest epoch in which anything was published.
    pub(super) fn newest(&self, count: usize) -> Vec<(Place, &'static str)> {
        let newest = self.asked.keys().rev().take(count);
        newest
            .filter_map(|serial| Some((self.places(*serial).last()?, self.channel(*serial))))
            .collect()
    }

    /// How many messages are known to be in a log.
    pub(super) fn len(&self) -> usize {
        self.log.len()
    }
}

/// A payload that carries a number, and is sometimes longer than that.
pub(super) fn payload(serial: u64) -> String {
    match serial % 7 {
        0 => format!("{serial} {}", "x".repeat(700)),
        _ => serial.to_string(),
    }
}

fn serial_of(data: &Value) -> Option<u64> {
    let digits = data.as_str()?.split(' ').next()?;
    digits.parse().ok()
}

pub(super) fn place(Position { epoch, offset }: Position) -> Place {
    (epoch, offset)
}

/// A place as positions are written.
pub(super) fn spell((epoch, offset): Place) -> String {
    Position { epoch, offset }.to_string()
}

/// Whether a pattern selects a channel. Both are of [`plan`](super::plan), which knows no system channels.
pub(super) fn selects(pattern: &str, channel: &str) -> bool {
    let mut tokens = channel.split('.');
    for wanted in pattern.split('.') {
        match (wanted, tokens.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(token)) if wanted == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_in_one_place_of_an_epoch() {
        let mut truth = Truth::default();
        let (one, two) = (truth.next("a"), truth.next("b"));
        truth.note(one, (7, 1)).unwrap();
        truth.note(one, (7, 1)).unwrap();
        truth.note(one, (8, 3)).unwrap();
        let error = truth.note(one, (7, 2)).unwrap_err().to_string();
        assert!(error.contains("is in the log twice"), "{error}");
        assert!(truth.note(two, (7, 1)).is_err());
        assert!(truth.note(99, (7, 9)).is_err());
        assert_eq!(truth.places(one).collect::<Vec<_>>(), [(7, 1), (8, 3)]);
    }

    #[test]
    fn a_range_begins_after_its_start_and_may_be_empty() {
        let mut truth = Truth::default();
        for offset in 1..=3 {
            let serial = truth.next("a");
            truth.note(serial, (7, offset)).unwrap();
        }
        let offsets = |after, upto| -> Vec<u64> {
            truth.between(7, after, upto).map(|(offset, _)| offset).collect()
        };
        assert_eq!(offsets(1, 3), [2, 3]);
        assert_eq!(offsets(0, u64::MAX), [1, 2, 3]);
        assert!(offsets(3, 3).is_empty() && offsets(3, 1).is_empty());
    }

    #[test]
    fn a_payload_carries_its_number() {
        for serial in 1..20 {
            assert_eq!(serial_of(&payload(serial).into()), Some(serial));
        }
    }
}
