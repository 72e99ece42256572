//! The block being read: what its lines so far have said, still undecoded.
//!
//! Borrowed from the input while one call reads it, owned between calls.

use super::Field;
use alloc::borrow::Cow;
use alloc::string::String;
use core::time::Duration;

/// What the lines since the last blank one amount to.
#[derive(Debug, Default)]
pub(super) struct Pending<'i> {
    /// Only counts once a blank line follows; a cut stream must not move the last event id.
    pub(super) id: Option<Cow<'i, [u8]>>,
    /// The event's name. Empty stands for none.
    pub(super) event: Cow<'i, [u8]>,
    /// Without a single `data` line there is no event, with an empty one there is.
    pub(super) data: Option<Cow<'i, [u8]>>,
}

impl<'i> Pending<'i> {
    pub(super) const EMPTY: Self = Self { id: None, event: Cow::Borrowed(&[]), data: None };

    /// Takes one line's field. Returns what a `retry` asks for, since that does not wait for the
    /// blank line.
    pub(super) fn handle(&mut self, field: Field, value: Cow<'i, [u8]>) -> Option<Duration> {
        match field {
            Field::Data => self.push_data(value),
            Field::Event => self.event = value,
            Field::Id if value.contains(&0) => {}
            Field::Id => self.id = Some(value),
            Field::Retry => return milliseconds(&value),
        }
        None
    }

    /// How long the data would be with one more line.
    pub(super) fn data_len_with(&self, line_len: usize) -> usize {
        self.data.as_ref().map_or(0, |data| data.len() + 1) + line_len
    }

    pub(super) fn into_owned(self) -> Pending<'static> {
        Pending { id: self.id.map(owned), event: owned(self.event), data: self.data.map(owned) }
    }

    fn push_data(&mut self, line: Cow<'i, [u8]>) {
        if let Some(data) = &mut self.data {
            let data = data.to_mut();
            data.push(b'\n');
            data.extend_from_slice(&line);
        } else {
            self.data = Some(line);
        }
    }
}

/// Decodes as browsers do: each [maximal subpart] of a broken sequence becomes one U+FFFD.
///
/// [maximal subpart]: https://encoding.spec.whatwg.org/#utf-8-decoder
pub(super) fn decode(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        // Several times faster on sound text than going straight for the lossy way.
        Cow::Borrowed(bytes) => {
            str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
        }
        Cow::Owned(bytes) => Cow::Owned(
            String::from_utf8(bytes)
                .unwrap_or_else(|broken| String::from_utf8_lossy(broken.as_bytes()).into_owned()),
        ),
    }
}

/// Reads [a retry value]: ASCII digits and nothing else, so no sign and no space.
///
/// [a retry value]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
fn milliseconds(value: &[u8]) -> Option<Duration> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = value.iter().map(|digit| u64::from(digit - b'0'));
    let total = digits.fold(0_u64, |total, digit| total.saturating_mul(10).saturating_add(digit));
    Some(Duration::from_millis(total))
}

fn owned(bytes: Cow<'_, [u8]>) -> Cow<'static, [u8]> {
    Cow::Owned(bytes.into_owned())
}
