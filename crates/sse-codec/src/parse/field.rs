//! The four fields, recognised by the start of a line, also before the whole line has arrived.
//!
//! [A line] is `name: value`, `name:value` or a bare `name`; everything else is ignored, comments
//! included, which are lines with an empty name.
//!
//! [A line]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

use crate::text::Text;
use core::{fmt, time::Duration};

/// A field of the event stream. A stream may hold others, which are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// A line of the event's data.
    Data,
    /// The event's name.
    Event,
    /// The last event id.
    Id,
    /// The time to wait before reconnecting.
    Retry,
    /// A comment, for a parser [`with_comments`](crate::Parser::with_comments).
    Comment,
}

impl Field {
    /// Splits the value off a whole line, less one leading space. Comments count if they are asked for.
    #[inline(always)] // What it returns is not read back from memory then, which takes longest here.
    pub(super) fn split(line: Text<'_>, comments: bool) -> Option<(Self, Text<'_>)> {
        // Spelled out, since comparing with a literal takes one instruction.
        let (field, after) = if let Some(after) = line.strip_prefix(b"data") {
            (Self::Data, after)
        } else if let Some(after) = line.strip_prefix(b"id") {
            (Self::Id, after)
        } else if let Some(after) = line.strip_prefix(b"event") {
            (Self::Event, after)
        } else if let Some(after) = line.strip_prefix(b"retry") {
            (Self::Retry, after)
        } else if comments && line.bytes().first() == Some(&b':') {
            (Self::Comment, line)
        } else {
            return None;
        };
        match after.strip_prefix(b":") {
            Some(value) => Some((field, value.strip_prefix(b" ").unwrap_or(value))),
            None => after.bytes().is_empty().then_some((field, after)),
        }
    }

    /// Whether the start of a line may still become that of a field: `name`, `name:` or less.
    pub(super) fn may_begin_with(start: &[u8]) -> bool {
        let name = start.strip_suffix(b":");
        NAMES.iter().any(|field| match name {
            Some(name) => field.as_bytes() == name,
            None => field.as_bytes().starts_with(start),
        })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Comment => "comment",
            Self::Data => "data",
            Self::Event => "event",
            Self::Id => "id",
            Self::Retry => "retry",
        })
    }
}

/// Reads [a retry value]: ASCII digits and nothing else, so no sign and no space.
///
/// [a retry value]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
pub(super) fn milliseconds(value: &[u8]) -> Option<Duration> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = value.iter().map(|digit| u64::from(digit - b'0'));
    let total = digits.fold(0_u64, |total, digit| total.saturating_mul(10).saturating_add(digit));
    Some(Duration::from_millis(total))
}

/// None begins another, so at most one fits a line. That of a comment is empty.
const NAMES: [&str; 5] = ["data", "event", "id", "retry", ""];
