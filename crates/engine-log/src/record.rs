//! A message as the value of a row: a version, what there is of it, and each part by its length.
//!
//! | bytes | |
//! |---|---|
//! | 1 | version, 1 |
//! | 1 | kind of content: JSON 0, text 1, binary 2, nothing 3 |
//! | 8 | time in milliseconds since the Unix epoch |
//! | 8 | offset of the message before it in its channel, 0 for none |
//! | 8 | the publisher that wants no echo, 0 for none |
//! | 1 + n | event name; empty for none |
//! | 1 + n | key; empty for none |
//! | the rest | payload |

use std::num::NonZeroU64;
use tidewire_broker::{Content, Draft, Label};

/// A message as it is kept. Its channel and offset are its row's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) time_ms: u64,
    /// The offset of the message before it in its channel: how a missing row is noticed.
    pub(crate) previous: u64,
    pub(crate) draft: Draft,
}

impl Record {
    pub(crate) fn encode(time_ms: u64, previous: u64, draft: &Draft) -> Vec<u8> {
        let kind = match draft.content {
            Content::Json(_) => JSON,
            Content::Text(_) => TEXT,
            Content::Binary(_) => BINARY,
            Content::Nothing => NOTHING,
        };
        let mut output = Vec::with_capacity(HEAD_BYTES + draft.bytes());
        output.extend([VERSION, kind]);
        output.extend(time_ms.to_be_bytes());
        output.extend(previous.to_be_bytes());
        output.extend(draft.origin.map_or(0, NonZeroU64::get).to_be_bytes());
        for label in [&draft.event, &draft.key] {
            let text = label.as_ref().map_or("", Label::as_str);
            // A label has 255 bytes at most.
            output.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
            output.extend(text.bytes());
        }
        output.extend(draft.content.as_bytes());
        output
    }

    /// The record of which [`Record::encode`] made `input`, if it did.
    pub(crate) fn decode(mut input: &[u8]) -> Option<Self> {
        let [version, kind] = *take(&mut input)?;
        if version != VERSION {
            return None;
        }
        let time_ms = u64::from_be_bytes(*take(&mut input)?);
        let previous = u64::from_be_bytes(*take(&mut input)?);
        let origin = NonZeroU64::new(u64::from_be_bytes(*take(&mut input)?));
        let event = take_label(&mut input)?;
        let key = take_label(&mut input)?;
        let text = || std::str::from_utf8(input).ok().map(Box::from);
        let content = match kind {
            JSON => Content::Json(text()?),
            TEXT => Content::Text(text()?),
            BINARY => Content::Binary(input.into()),
            NOTHING if input.is_empty() => Content::Nothing,
            _ => return None,
        };
        Some(Self { time_ms, previous, draft: Draft { event, key, origin, ..Draft::new(content) } })
    }
}

/// The time of a record, without a look at the rest of it.
pub(crate) fn time_of(record: &[u8]) -> Option<u64> {
    let (_, rest) = record.split_first_chunk::<2>()?;
    rest.first_chunk().map(|time_ms| u64::from_be_bytes(*time_ms))
}

fn take<'a, const N: usize>(input: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = input.split_first_chunk()?;
    *input = rest;
    Some(taken)
}

/// The outer option: whether the bytes make sense.
fn take_label(input: &mut &[u8]) -> Option<Option<Label>> {
    let [bytes] = *take(input)?;
    let text = input.split_off(..usize::from(bytes))?;
    match bytes {
        0 => Some(None),
        _ => std::str::from_utf8(text).ok()?.parse().ok().map(Some),
    }
}

const VERSION: u8 = 1;
const JSON: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const NOTHING: u8 = 3;

/// What a record has beside payload, event and key.
const HEAD_BYTES: usize = 28;

#[cfg(test)]
mod tests {
    use super::*;

    const WIRE: &[u8] =
        b"\x01\x01\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x07\x02on\x01khi";

    fn record() -> Record {
        let label = |text: &str| text.parse().ok();
        let (event, key) = (label("on"), label("k"));
        let content = Content::Text("hi".into());
        let draft = Draft { event, key, origin: NonZeroU64::new(7), ..Draft::new(content) };
        Record { time_ms: 9, previous: 4, draft }
    }

    #[test]
    fn a_record_is_spelled_as_the_table_says() {
        let Record { time_ms, previous, draft } = record();
        assert_eq!(Record::encode(time_ms, previous, &draft), WIRE);
        assert_eq!(Record::decode(WIRE), Some(record()));
    }

    #[test]
    fn a_record_cut_within_its_labels_or_before_is_none() {
        for end in 0..WIRE.len() - 2 {
            assert_eq!(Record::decode(&WIRE[..end]), None, "{end}");
        }
    }

    #[test]
    fn every_kind_of_content_comes_back() {
        let contents = [
            Content::Json("{}".into()),
            Content::Text("".into()),
            Content::Binary(Box::new([0, 255])),
            Content::Nothing,
        ];
        for content in contents {
            let draft = Draft::new(content);
            let read = Record::decode(&Record::encode(1, 0, &draft));
            assert_eq!(read, Some(Record { time_ms: 1, previous: 0, draft }));
        }
    }

    #[test]
    fn what_is_no_record_is_not_taken_for_one() {
        let of = |kind: u8, rest: &[u8]| Record::decode(&[&[1, kind], &[0; 26][..], rest].concat());
        assert_eq!(of(TEXT, b"\xff"), None);
        assert_eq!(of(NOTHING, b"x"), None);
        assert_eq!(of(4, b""), None);
        assert_eq!(Record::decode(&[&[2, TEXT], &[0; 26][..]].concat()), None);
    }
}
