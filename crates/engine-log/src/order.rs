//! The order of the log on disk: the channel and the time of each offset, in blocks of consecutive ones.
//!
//! A block is written at a checkpoint of the journal, in the same commit as the messages. It is made
//! from what the journal holds, so a commit writes none of it, and whatever a crash takes of a block
//! it takes of the messages too. An offset is only ever one message, so a block is never wrong, only
//! missing: after damage, and in what an earlier version has written. Its key is its last offset.
//!
//! | bytes | |
//! |---|---|
//! | 1 | version, 1 |
//! | 8 | its first offset |
//! | 8 | a time in milliseconds since the Unix epoch |
//! | 1–10 + 1–10, for each offset | the channel's number; milliseconds since the entry before. Both are varints |

use crate::{
    layout::{self, Progress},
    record,
};
use std::mem;

/// Entries of consecutive offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) first: u64,
    pub(crate) entries: Vec<Entry>,
}

/// What an offset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) channel: u64,
    /// Never less than the one before has, and exact where the message was still held.
    pub(crate) time_ms: u64,
}

impl Block {
    /// Its last offset.
    pub(crate) fn last(&self) -> u64 {
        (self.first + units(self.entries.len())).saturating_sub(1)
    }

    /// The time of its newest message.
    pub(crate) fn newest_ms(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.time_ms)
    }

    /// The place in it before its first message of `time_ms` or later. `None` where older blocks may
    /// have such a message: it has no older one, and more than what is before `low` is before it.
    pub(crate) fn place_since(&self, time_ms: u64, low: u64) -> Option<u64> {
        let older = self.entries.partition_point(|entry| entry.time_ms < time_ms);
        let is_known = older > 0 || self.first <= low.saturating_add(1);
        is_known.then(|| (self.first + units(older)).saturating_sub(1).max(low))
    }

    pub(crate) fn key(&self) -> Vec<u8> {
        layout::order(self.last())
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut time_ms = self.entries.first().map_or(0, |entry| entry.time_ms);
        let mut output = vec![VERSION];
        output.extend(self.first.to_be_bytes());
        output.extend(time_ms.to_be_bytes());
        for entry in &self.entries {
            put_varint(&mut output, entry.channel);
            put_varint(&mut output, entry.time_ms.saturating_sub(time_ms));
            time_ms = entry.time_ms;
        }
        output
    }

    /// The block of which [`Block::encode`] made `input`, if it did.
    pub(crate) fn decode(input: &[u8]) -> Option<Self> {
        let input = input.strip_prefix(&[VERSION])?;
        let (first, input) = input.split_first_chunk()?;
        let (time_ms, mut input) = input.split_first_chunk()?;
        let mut time_ms = u64::from_be_bytes(*time_ms);
        let mut entries = Vec::with_capacity(input.len() / 2);
        while !input.is_empty() {
            let channel = take_varint(&mut input)?;
            time_ms = time_ms.checked_add(take_varint(&mut input)?)?;
            entries.push(Entry { channel, time_ms });
        }
        let first = u64::from_be_bytes(*first);
        first.checked_add(units(entries.len()))?;
        (!entries.is_empty()).then_some(Self { first, entries })
    }
}

/// Blocks of the messages after `after` that `rows` put, or put and removed. O(rows × log rows).
///
/// None where `rows` lack the newest [`Progress`]: these are not all changes since then, but those of
/// a store that is being restored, whose blocks come as rows.
pub(crate) fn blocks<'a>(
    mut after: u64,
    rows: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
) -> Vec<Block> {
    let (mut found, mut newest) = (Vec::new(), None);
    for (key, value) in rows {
        let offset = layout::offset_of(key);
        match key.first().zip(offset) {
            Some((&layout::MESSAGES, offset)) => {
                let time_ms = value.and_then(record::time_of);
                found.extend(layout::channel_of(key).map(|channel| (offset, channel, time_ms)));
            }
            Some((&layout::ORDER, last)) if value.is_some() => after = after.max(last),
            _ if key == layout::progress() => newest = value.and_then(Progress::decode),
            _ => {}
        }
    }
    let Some(newest) = newest else { return Vec::new() };
    found.retain(|(offset, ..)| *offset > after);
    found.sort_unstable();
    let known = found.iter().find_map(|(_, _, time_ms)| *time_ms);
    let (mut time_ms, mut next) = (known.unwrap_or(newest.time_ms), None);
    let (mut blocks, mut block) = (Vec::new(), Block { first: 0, entries: Vec::new() });
    for (offset, channel, known) in found {
        if next != Some(offset) || block.entries.len() == BLOCK_LEN {
            let first = Block { first: offset, entries: Vec::new() };
            blocks.push(mem::replace(&mut block, first));
        }
        time_ms = known.unwrap_or(time_ms).max(time_ms);
        block.entries.push(Entry { channel, time_ms });
        next = offset.checked_add(1);
    }
    blocks.push(block);
    blocks.retain(|block| !block.entries.is_empty());
    blocks
}

fn put_varint(output: &mut Vec<u8>, mut number: u64) {
    while number > LOW_BITS {
        let [.., low] = (number & LOW_BITS).to_be_bytes();
        output.push(low | MORE);
        number >>= 7;
    }
    let [.., low] = number.to_be_bytes();
    output.push(low);
}

fn take_varint(input: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = input.split_first()?;
        *input = rest;
        let bits = u64::from(byte & !MORE);
        // The last of ten bytes has room for one bit.
        if bits.checked_shl(shift)? >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if byte & MORE == 0 {
            return Some(number);
        }
    }
    None
}

fn units(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

const VERSION: u8 = 1;
const LOW_BITS: u64 = 0x7F;
const MORE: u8 = 0x80;

/// Some ten kilobytes, and as much as one turn of a reader passes in a moment.
const BLOCK_LEN: usize = 2_048;

#[cfg(test)]
mod lives;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use tidewire_broker::{Content, Draft};

    fn entry(channel: u64, time_ms: u64) -> Entry {
        Entry { channel, time_ms }
    }

    #[test]
    fn a_block_is_spelled_as_the_table_says() {
        let block = Block { first: 258, entries: vec![entry(0, 9), entry(300, 9), entry(1, 137)] };
        let wire = b"\x01\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x09\0\0\xac\x02\0\x01\x80\x01";
        assert_eq!(block.encode(), wire);
        assert_eq!(Block::decode(wire), Some(block.clone()));
        assert_eq!((block.last(), block.key()), (260, b"o\0\0\0\0\0\0\x01\x04".to_vec()));
    }

    #[test]
    fn a_block_cut_within_its_head_or_an_entry_is_none() {
        let wire = b"\x01\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x09\xac\x02\x80\x01";
        assert!((0..wire.len()).all(|end| Block::decode(&wire[..end]).is_none()));
        assert!(Block::decode(wire).is_some());
    }

    #[test]
    fn numbers_of_every_width_come_back_and_larger_ones_are_refused() {
        for number in [0, 127, 128, 16_383, 16_384, u64::MAX >> 1, u64::MAX] {
            let mut wire = Vec::new();
            put_varint(&mut wire, number);
            assert_eq!(take_varint(&mut &wire[..]), Some(number));
        }
        let too_large = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02];
        assert_eq!(take_varint(&mut &too_large[..]), None);
    }

    type Rows = Vec<(Vec<u8>, Option<Vec<u8>>)>;

    fn message(channel: u64, offset: u64, time_ms: u64) -> (Vec<u8>, Option<Vec<u8>>) {
        let draft = Draft::new(Content::Text("x".into()));
        (layout::message(channel, offset), Some(Record::encode(time_ms, 0, &draft)))
    }

    fn of(after: u64, rows: &Rows) -> Vec<Block> {
        blocks(after, rows.iter().map(|(key, value)| (&key[..], value.as_deref())))
    }

    fn progress() -> (Vec<u8>, Option<Vec<u8>>) {
        let progress = Progress { last: 9, time_ms: 90, ..Progress::default() };
        (layout::progress(), Some(progress.encode()))
    }

    #[test]
    fn messages_of_all_channels_stand_in_order_and_those_that_are_gone_too() {
        let gone = (layout::message(3, 8), None);
        let rows = vec![message(1, 7, 70), message(1, 9, 90), message(2, 3, 30), gone, progress()];
        let entries = vec![entry(1, 70), entry(3, 70), entry(1, 90)];
        assert_eq!(of(5, &rows), [Block { first: 7, entries }]);
        let before = Block { first: 3, entries: vec![entry(2, 30)] };
        assert_eq!(of(0, &rows)[0], before);
        assert!(of(9, &rows).is_empty());
    }

    #[test]
    fn no_block_is_made_while_a_store_is_restored_or_where_there_is_one() {
        let block = (layout::order(8), Some(vec![VERSION]));
        let mut rows = vec![message(1, 7, 70), message(1, 9, 90), block];
        assert!(of(0, &rows).is_empty());
        rows.push(progress());
        assert_eq!(of(0, &rows), [Block { first: 9, entries: vec![entry(1, 90)] }]);
    }

    #[test]
    fn a_long_stretch_is_several_blocks_without_a_gap() {
        let mut rows: Rows =
            (1..=5_000).map(|offset| message(offset % 7, offset, offset)).collect();
        rows.push(progress());
        let blocks = of(0, &rows);
        assert_eq!(blocks.iter().map(Block::last).collect::<Vec<_>>(), [2_048, 4_096, 5_000]);
        assert_eq!(blocks[1].first, 2_049);
        assert_eq!(blocks[2].entries[903], entry(5_000 % 7, 5_000));
    }
}
