//! Which rows there are, and how their keys and values are spelled. Numbers are big-endian, so that
//! rows of a channel lie together and in order of offset.
//!
//! | key | value |
//! |---|---|
//! | `m` channel offset | a message, [`crate::record`] |
//! | `c` channel | a channel, [`State`] and its name |
//! | `k` channel key | the newest message of a compacted channel's key, [`Held`] |
//! | `t` channel offset | a tombstone: its key |
//! | `i` offset | the id of a message, [`Known`] |
//! | `o` offset | whose the offsets up to this one are, [`crate::order`] |
//! | `x` `order` | how far everything has come, [`Progress`] |
//! | `x` name | one number about the whole store |
//! | `y` channel | the channel's name again, far from its row in case that is lost |

use crate::channels::State;
use tidewire_broker::{ChannelName, Label, LossKind};

pub(crate) const CHANNELS: u8 = b'c';
pub(crate) const IDS: u8 = b'i';
pub(crate) const MESSAGES: u8 = b'm';
pub(crate) const NAMES: u8 = b'y';
pub(crate) const ORDER: u8 = b'o';

pub(crate) fn message(channel: u64, offset: u64) -> Vec<u8> {
    [&[MESSAGES], &channel.to_be_bytes()[..], &offset.to_be_bytes()].concat()
}

pub(crate) fn order(last: u64) -> Vec<u8> {
    [&[ORDER], &last.to_be_bytes()[..]].concat()
}

pub(crate) fn channel(number: u64) -> Vec<u8> {
    [&[CHANNELS], &number.to_be_bytes()[..]].concat()
}

pub(crate) fn name(number: u64) -> Vec<u8> {
    [&[NAMES], &number.to_be_bytes()[..]].concat()
}

pub(crate) fn key(channel: u64, key: &Label) -> Vec<u8> {
    [b"k", &channel.to_be_bytes()[..], key.as_str().as_bytes()].concat()
}

pub(crate) fn tombstone(channel: u64, offset: u64) -> Vec<u8> {
    [b"t", &channel.to_be_bytes()[..], &offset.to_be_bytes()].concat()
}

pub(crate) fn id(offset: u64) -> Vec<u8> {
    [&[IDS], &offset.to_be_bytes()[..]].concat()
}

pub(crate) fn fact(name: &str) -> Vec<u8> {
    [b"x", name.as_bytes()].concat()
}

/// Where a channel's keys begin and end, with the room of [`all_of`].
pub(crate) fn keys_of(channel: u64) -> (Vec<u8>, Vec<u8>) {
    let [_, keys, _] = all_of(channel);
    keys
}

/// Where a channel's messages, keys and tombstones begin and end.
pub(crate) fn all_of(channel: u64) -> [(Vec<u8>, Vec<u8>); 3] {
    // Behind every offset, and behind every label, which is UTF-8 and so has no byte as high.
    [b"m", b"k", b"t"].map(|kind| {
        let first = [&kind[..], &channel.to_be_bytes()].concat();
        let last = [&first[..], &[u8::MAX; 9]].concat();
        (first, last)
    })
}

/// The row that says how far everything has come, [`Progress`].
pub(crate) fn progress() -> Vec<u8> {
    fact("order")
}

/// The channel's number in the key of a message.
pub(crate) fn channel_of(key: &[u8]) -> Option<u64> {
    key.get(1..)?.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// The offset at the end of the key of a message, a tombstone or an id.
pub(crate) fn offset_of(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// How far everything has come. Written with each commit that changes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The newest offset.
    pub(crate) last: u64,
    /// How many channels have a row.
    pub(crate) channels: u64,
    /// The newest time.
    pub(crate) time_ms: u64,
    /// The number of the next new channel.
    pub(crate) next_number: u64,
    /// The newest offset of any channel that has been forgotten.
    pub(crate) forgotten: u64,
}

impl Progress {
    pub(crate) fn encode(self) -> Vec<u8> {
        let Self { last, channels, time_ms, next_number, forgotten } = self;
        words(&[last, channels, time_ms, next_number, forgotten])
    }

    /// What [`Progress::encode`] spelled, or format 1, which had the first two words only.
    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        let ([last, channels], rest) = take_words(value)?;
        let ([time_ms, next_number, forgotten], _) = match rest {
            [] => Some(([0; 3], rest)),
            _ => take_words(rest),
        }?;
        Some(Self { last, channels, time_ms, next_number, forgotten })
    }
}

/// The newest message of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) offset: u64,
    /// What it costs, its key included.
    pub(crate) bytes: u64,
    pub(crate) is_tombstone: bool,
}

impl Held {
    pub(crate) fn encode(self) -> Vec<u8> {
        words(&[self.offset, self.bytes, u64::from(self.is_tombstone)])
    }

    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        let ([offset, bytes, is_tombstone], _) = take_words(value)?;
        Some(Self { offset, bytes, is_tombstone: is_tombstone != 0 })
    }
}

/// The id of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) channel: u64,
    pub(crate) time_ms: u64,
    pub(crate) digest: u128,
    pub(crate) id: Label,
}

impl Known {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut value = words(&[self.channel, self.time_ms]);
        value.extend(self.digest.to_be_bytes());
        value.extend(self.id.as_str().bytes());
        value
    }

    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        let ([channel, time_ms], rest) = take_words(value)?;
        let (digest, id) = rest.split_first_chunk()?;
        let id = std::str::from_utf8(id).ok()?.parse().ok()?;
        Some(Self { channel, time_ms, digest: u128::from_be_bytes(*digest), id })
    }
}

impl State {
    pub(crate) fn encode(&self, name: &ChannelName) -> Vec<u8> {
        let mut value = words(&[
            self.last,
            self.taken,
            self.first,
            self.first_ms,
            self.count,
            self.bytes,
            self.values,
            self.values_bytes,
            u64::from(self.is_compact) | u64::from(self.loss() == LossKind::Tombstones) << 1,
        ]);
        value.extend(name.as_str().bytes());
        value
    }

    pub(crate) fn decode(number: u64, value: &[u8]) -> Option<(Self, ChannelName)> {
        let ([last, taken, first, first_ms, count, bytes, values, values_bytes, compact], name) =
            take_words(value)?;
        let name = std::str::from_utf8(name).ok()?.parse().ok()?;
        // Stores of before the second bit was there may have lost anything.
        let (is_compact, is_known) = (compact & 1 != 0, compact & 2 != 0);
        let lost_messages = is_compact && !is_known && taken > 0;
        let state = Self {
            number,
            last,
            taken,
            first,
            first_ms,
            count,
            bytes,
            values,
            values_bytes,
            is_compact,
            lost_messages,
        };
        Some((state, name))
    }
}

fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn take_words<const N: usize>(mut value: &[u8]) -> Option<([u64; N], &[u8])> {
    let mut words = [0; N];
    for word in &mut words {
        let (bytes, rest) = value.split_first_chunk()?;
        (*word, value) = (u64::from_be_bytes(*bytes), rest);
    }
    Some((words, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lie_in_order_of_channel_and_offset() {
        assert_eq!(message(1, 258), b"m\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x01\x02");
        assert!(message(1, u64::MAX) < message(2, 0));
        assert_eq!(offset_of(&message(1, 258)), Some(258));
    }

    #[test]
    fn progress_of_the_first_format_has_two_words() {
        let wire = [[0, 0, 0, 0, 0, 0, 0, 7], [0, 0, 0, 0, 0, 0, 0, 3]].concat();
        let first = Progress { last: 7, channels: 3, ..Progress::default() };
        assert_eq!(Progress::decode(&wire), Some(first));
        let progress = Progress { time_ms: 9, next_number: 8, forgotten: 6, ..first };
        let wire = progress.encode();
        assert_eq!(wire.len(), 40);
        assert_eq!(Progress::decode(&wire), Some(progress));
        assert!((17..40).all(|end| Progress::decode(&wire[..end]).is_none()));
    }

    #[test]
    fn a_compacted_channel_of_an_older_store_may_have_lost_anything() {
        let mut row = words(&[7, 5, 0, 0, 3, 0, 0, 0, 1]);
        row.push(b'a');
        let loss = |row: &[u8]| State::decode(9, row).map(|(state, _)| state.loss());
        assert_eq!(loss(&row), Some(LossKind::Messages));
        row[15] = 0;
        assert_eq!(loss(&row), Some(LossKind::Tombstones));
    }

    #[test]
    fn values_come_back_and_cut_ones_do_not() {
        let held = Held { offset: 1, bytes: 2, is_tombstone: true };
        assert_eq!(Held::decode(&held.encode()), Some(held));
        assert_eq!(Held::decode(&held.encode()[..23]), None);
        let known = Known { channel: 1, time_ms: 2, digest: 3, id: "a".parse().unwrap() };
        assert_eq!(Known::decode(&known.encode()), Some(known.clone()));
        assert_eq!(Known::decode(&known.encode()[..32]), None);
        let name: ChannelName = "a.b".parse().unwrap();
        for (is_compact, lost_messages) in [(false, false), (true, false), (true, true)] {
            let figures = State { number: 9, last: 7, taken: 5, count: 3, ..State::default() };
            let state = State { is_compact, lost_messages, ..figures };
            assert_eq!(State::decode(9, &state.encode(&name)), Some((state, name.clone())));
        }
    }
}
