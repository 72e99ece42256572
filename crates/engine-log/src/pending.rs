//! What is in the journal and not yet in the table of rows: the newest state of each row.
//!
//! A commit journals its changes as one value, which touches a page or two of the store however
//! many channels it is about. A checkpoint moves them into the rows later, many at a time and in order,
//! so that one page is written for many of them. Until then readers look here first.

use std::{collections::BTreeMap, ops::Bound};

/// Changes that take place together or not at all; the newest of a row counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes(BTreeMap<Vec<u8>, Option<Vec<u8>>>);

impl Changes {
    /// Puts a row in the place of whatever there was.
    pub(crate) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.0.insert(key, Some(value));
    }

    /// Removes a row, if there is one.
    pub(crate) fn remove(&mut self, key: Vec<u8>) {
        self.0.insert(key, None);
    }

    /// Puts later changes on top.
    pub(crate) fn extend(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a row is put or removed.
    pub(crate) fn has(&self, key: &[u8]) -> bool {
        self.0.contains_key(key)
    }

    /// The changes in order; no value for a row that is removed.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.0.iter().map(|(key, value)| (key.as_slice(), value.as_deref()))
    }

    /// Whether a row is removed.
    pub(crate) fn removes(&self, key: &[u8]) -> bool {
        self.0.get(key).is_some_and(Option::is_none)
    }

    /// The changes as one value: of each its key's length, its value's length and both.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let bytes = self.0.iter().map(|(key, value)| weight(key, value.as_deref())).sum();
        let mut output = Vec::with_capacity(bytes);
        for (key, value) in &self.0 {
            let value_bytes = value.as_ref().map_or(u32::MAX, |value| length(value));
            output.extend(length(key).to_be_bytes());
            output.extend(value_bytes.to_be_bytes());
            output.extend(key);
            output.extend(value.iter().flatten());
        }
        output
    }

    /// The changes of which [`Changes::encode`] made `input`, if it did.
    pub(crate) fn decode(mut input: &[u8]) -> Option<Self> {
        let mut changes = BTreeMap::new();
        while !input.is_empty() {
            let key_bytes = take_length(&mut input)?;
            let value_bytes = take_length(&mut input)?;
            let key = input.split_off(..usize::try_from(key_bytes).ok()?)?.to_vec();
            let value = match value_bytes {
                u32::MAX => None,
                bytes => Some(input.split_off(..usize::try_from(bytes).ok()?)?.to_vec()),
            };
            changes.insert(key, value);
        }
        Some(Self(changes))
    }
}

/// The newest state of every row that has changed since the last checkpoint.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// No value: the row is removed.
    rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
}

impl Pending {
    pub(crate) fn apply(&mut self, changes: Changes) {
        for (key, value) in changes.0 {
            self.bytes += weight(&key, value.as_deref());
            self.rows.insert(key, value);
        }
    }

    /// Whether so much has come together that a checkpoint pays.
    pub(crate) fn is_ripe(&self) -> bool {
        self.bytes >= PENDING_BYTES || self.rows.len() >= PENDING_ROWS
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The new state of a row, if it has changed.
    pub(crate) fn find(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.rows.get(key).map(Option::as_deref)
    }

    /// The changed rows of a range, in order.
    pub(crate) fn range<'a>(
        &'a self,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
    ) -> impl DoubleEndedIterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        let rows = self.rows.range::<[u8], _>(bounds);
        rows.map(|(key, value)| (key.as_slice(), value.as_deref()))
    }
}

fn weight(key: &[u8], value: Option<&[u8]>) -> usize {
    CHANGE_OVERHEAD_BYTES + key.len() + value.map_or(0, <[u8]>::len)
}

/// No row comes near four gigabytes; one that did would not decode, and is not taken for another.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX - 1)
}

fn take_length(input: &mut &[u8]) -> Option<u32> {
    let (length, rest) = input.split_first_chunk()?;
    *input = rest;
    Some(u32::from_be_bytes(*length))
}

const CHANGE_OVERHEAD_BYTES: usize = 8;

/// What is read again at each opening, and held in memory: small, and yet many rows a page.
const PENDING_BYTES: usize = 8 << 20;

/// A checkpoint of this many rows takes some tens of milliseconds, for which publishers wait.
const PENDING_ROWS: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_spelled_with_both_lengths_before_both_texts() {
        let mut changes = Changes::default();
        changes.put(b"k".to_vec(), b"value".to_vec());
        changes.remove(b"gone".to_vec());
        let wire = b"\0\0\0\x04\xff\xff\xff\xffgone\0\0\0\x01\0\0\0\x05kvalue";
        assert_eq!(changes.encode(), wire);
        assert_eq!(Changes::decode(wire), Some(changes));
    }

    #[test]
    fn changes_cut_between_two_of_them_or_elsewhere_are_never_others() {
        let wire = b"\0\0\0\x04\xff\xff\xff\xffgone\0\0\0\x01\0\0\0\x05kvalue";
        for end in (1..wire.len()).filter(|end| *end != 12) {
            assert_eq!(Changes::decode(&wire[..end]), None, "{end}");
        }
    }

    #[test]
    fn the_newest_change_of_a_row_is_what_counts() {
        let mut pending = Pending::default();
        let mut changes = Changes::default();
        changes.put(b"a".to_vec(), b"1".to_vec());
        changes.remove(b"a".to_vec());
        pending.apply(changes);
        let rows: Vec<_> = pending.range((Bound::Unbounded, Bound::Unbounded)).collect();
        assert_eq!(rows, [(&b"a"[..], None)]);
    }
}
