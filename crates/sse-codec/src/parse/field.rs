//! The four fields, told apart by the start of a line, also before the whole line is there.
//!
//! [A line] is `name: value`, `name:value` or a bare `name`; everything else is ignored, comments
//! included, which are lines with an empty name.
//!
//! [A line]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

use alloc::borrow::Cow;
use core::fmt;

/// A field of the event stream. A stream may hold others, which are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A line of the event's data.
    Data,
    /// The event's name.
    Event,
    /// The last event id.
    Id,
    /// The time to wait before reconnecting.
    Retry,
}

impl Field {
    /// Splits the value off a line's start, less one leading space.
    pub(super) fn split(line: &[u8]) -> Option<(Self, &[u8])> {
        NAMES.into_iter().find_map(|(name, field)| match line.strip_prefix(name.as_bytes())? {
            [] => Some((field, &[][..])),
            [b':', b' ', value @ ..] | [b':', value @ ..] => Some((field, value)),
            _ => None,
        })
    }

    /// Like [`split`](Self::split), keeping a value borrowed or in the allocation it has.
    pub(super) fn take(line: Cow<'_, [u8]>) -> Option<(Self, Cow<'_, [u8]>)> {
        match line {
            Cow::Borrowed(line) => {
                let (field, value) = Self::split(line)?;
                Some((field, Cow::Borrowed(value)))
            }
            Cow::Owned(mut line) => {
                let (field, value) = Self::split(&line)?;
                let name_len = line.len() - value.len();
                line.drain(..name_len);
                Some((field, Cow::Owned(line)))
            }
        }
    }

    /// Whether more of a line has to come before [`split`](Self::split) can tell. A name with no
    /// colon yet may still run on into another.
    pub(super) fn may_begin_with(start: &[u8]) -> bool {
        NAMES.iter().any(|(name, _)| name.as_bytes().starts_with(start))
    }

    /// The longest name, colon and space: with these [`split`](Self::split) has decided.
    pub(super) const NAME_BYTES_MAX: usize = "retry: ".len();
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find_map(|(name, field)| (field == self).then_some(*name));
        formatter.write_str(name.unwrap_or_default())
    }
}

/// None begins another, so at most one fits a line.
const NAMES: [(&str, Field); 4] =
    [("data", Field::Data), ("event", Field::Event), ("id", Field::Id), ("retry", Field::Retry)];
