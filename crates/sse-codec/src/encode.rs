//! The writer: one block of an event stream, appended to a buffer of the caller's.
//!
//! A block is `name: value` lines up to a blank line. [The syntax] has no escapes: a value cannot
//! hold a line end, so `data` and comments are written as several lines and the rest is refused.
//!
//! [The syntax]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

use crate::text::Text;
use alloc::{string::ToString, vec::Vec};
use core::{fmt, time::Duration};

/// One block of an event stream: an event, or what changes a reader's state without being one.
///
/// Without `data` nothing is dispatched: a block of only an `id` moves the reader's last event id,
/// one of only a `comment` keeps the connection alive.
///
/// # Example
///
/// ```
/// use sse_codec::Block;
///
/// let mut output = Vec::new();
/// Block { id: Some("42"), data: Some("one\ntwo"), ..Block::default() }.encode(&mut output)?;
/// assert_eq!(output, b"id: 42\ndata: one\ndata: two\n\n");
/// # Ok::<(), sse_codec::EncodeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block<'a> {
    /// Text that readers skip; one comment line for each of its lines.
    pub comment: Option<&'a str>,
    /// How long a reader shall wait before it reconnects, in whole milliseconds.
    pub retry: Option<Duration>,
    /// The reader's last event id from here on. `Some("")` resets it.
    pub id: Option<&'a str>,
    /// The event's name; readers take none and `Some("")` for `message`.
    pub event: Option<&'a str>,
    /// The event's data, with CR LF, CR or LF between its lines. Readers see LF.
    pub data: Option<&'a str>,
}

impl Block<'_> {
    /// Appends the block to `output`, growing it at most once.
    ///
    /// # Errors
    ///
    /// A value cannot be written as one line. Nothing was appended.
    pub fn encode(&self, output: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.check()?;
        output.reserve(self.encoded_len());
        self.write(|bytes| output.extend_from_slice(bytes));
        Ok(())
    }

    /// How many bytes [`encode`](Self::encode) appends.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let mut len = 0;
        self.write(|bytes| len += bytes.len());
        len
    }

    fn check(&self) -> Result<(), EncodeError> {
        let id = self.id.unwrap_or_default().as_bytes();
        let event = self.event.unwrap_or_default().as_bytes();
        // Readers ignore an id that holds NUL, and would go on with an older one.
        // https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
        if id.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(EncodeError::Id);
        }
        if event.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(EncodeError::Event);
        }
        Ok(())
    }

    /// Says the block piece by piece. A space follows every colon, since readers drop one.
    fn write(&self, mut put: impl FnMut(&[u8])) {
        let mut put_line = |start: &[u8], value: &[u8]| {
            put(start);
            put(value);
            put(b"\n");
        };
        if let Some(comment) = self.comment {
            for_each_line(comment, |line| put_line(b": ", line));
        }
        if let Some(retry) = self.retry {
            put_line(b"retry: ", retry.as_millis().to_string().as_bytes());
        }
        if let Some(id) = self.id {
            put_line(b"id: ", id.as_bytes());
        }
        if let Some(event) = self.event {
            put_line(b"event: ", event.as_bytes());
        }
        if let Some(data) = self.data {
            for_each_line(data, |line| put_line(b"data: ", line));
        }
        put(b"\n");
    }
}

/// Why a block cannot be written: the caller's value would end its line early or be ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// The id holds CR, LF or NUL.
    Id,
    /// The event's name holds CR, LF or NUL.
    Event,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Id => "an event id cannot hold CR, LF or NUL",
            Self::Event => "an event name cannot hold CR, LF or NUL",
        })
    }
}

impl core::error::Error for EncodeError {}

/// Hands over the lines of `text`, always one more than it has line ends.
fn for_each_line(text: &str, mut each: impl FnMut(&[u8])) {
    let mut rest = text.as_bytes();
    loop {
        let (line, end) = Text::split(rest);
        each(line.bytes());
        rest = match end {
            [] => return,
            [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
        };
    }
}
