//! How much a peer may make the parser hold. The only way in which a stream can be refused.

use super::Field;
use core::fmt;

/// How long a stream's values may be, and so how much a [`Parser`](crate::Parser) holds.
///
/// A value may be as long as its limit both as it was received, however it was cut, and as text: a
/// broken byte becomes U+FFFD, which takes three. Comments and unknown fields are never held and may
/// have any length, unless a parser is to report comments: then one is a field.
///
/// A parser never has more than `2 * data_bytes_max + 8 * field_bytes_max + 1024` bytes allocated: an
/// unfinished event and the buffer it grows into, or broken data and the text made of it. Buffers of
/// more than 64 KiB are given back once the input has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// An event's data, with the LF between its lines. 16 MiB by default.
    pub data_bytes_max: usize,
    /// An `event`, `id` or `retry` value, or a comment. 4 KiB by default.
    pub field_bytes_max: usize,
}

impl Limits {
    /// 16 MiB of data, and 4 KiB of any other value.
    ///
    /// ```
    /// let limits = sse_codec::Limits::new().data_bytes_max(64 << 10);
    /// assert_eq!(limits.field_bytes_max, 4 << 10);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { data_bytes_max: DATA_BYTES_MAX, field_bytes_max: FIELD_BYTES_MAX }
    }

    /// The same limits with another one for data.
    #[must_use]
    pub const fn data_bytes_max(self, data_bytes_max: usize) -> Self {
        Self { data_bytes_max, ..self }
    }

    /// The same limits with another one for all other values.
    #[must_use]
    pub const fn field_bytes_max(self, field_bytes_max: usize) -> Self {
        Self { field_bytes_max, ..self }
    }

    #[inline]
    pub(super) const fn of(&self, field: Field) -> usize {
        match field {
            Field::Data => self.data_bytes_max,
            Field::Event | Field::Id | Field::Retry | Field::Comment => self.field_bytes_max,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

/// The peer sent a value over its limit, as received or as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitError {
    /// The field whose value is too long.
    pub field: Field,
    /// The limit it broke.
    pub bytes_max: usize,
}

impl fmt::Display for LimitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, bytes_max } = self;
        write!(formatter, "the event's `{field}` is over the limit of {bytes_max} bytes")
    }
}

impl core::error::Error for LimitError {}

/// Ten times what anybody should send as one event, and still little for a client to lose.
const DATA_BYTES_MAX: usize = 16 << 20;

/// An id comes back in a request's head, for which servers commonly allow 8 KiB in all.
const FIELD_BYTES_MAX: usize = 4 << 10;
