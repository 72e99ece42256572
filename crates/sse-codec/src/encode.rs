//! The writer: one block of an event stream, appended to a buffer of the caller's.
//!
//! A block is `name: value` lines up to a blank line. [The syntax] has no escapes: a value cannot
//! hold a line end, so `data` and comments are written as several lines and the rest is refused.
//!
//! [The syntax]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

use crate::{
    output::Output,
    text::{OutputSpace, Text, is_one_line},
};
use core::{fmt, iter, time::Duration};

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
/// Block::new().id("42").data("one\ntwo").encode(&mut output)?;
/// assert_eq!(output, b"id: 42\ndata: one\ndata: two\n\n");
/// # Ok::<(), sse_codec::EncodeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Block<'a> {
    /// Text that readers skip; one comment line for each of its lines.
    pub comment: Option<&'a str>,
    /// How long a reader shall wait before it reconnects, in whole milliseconds.
    pub retry: Option<Duration>,
    /// The reader's last event id from here on. `Some("")` resets it.
    pub id: Option<&'a str>,
    /// The event's name; readers take none and `Some("")` for `message`.
    pub name: Option<&'a str>,
    /// The event's data, with CR LF, CR or LF between its lines. Readers see LF.
    pub data: Option<&'a str>,
}

impl<'a> Block<'a> {
    /// A block of nothing but the blank line.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self { comment: None, retry: None, id: None, name: None, data: None }
    }

    /// The block with this comment.
    #[inline]
    #[must_use]
    pub const fn comment(self, comment: &'a str) -> Self {
        Self { comment: Some(comment), ..self }
    }

    /// The block with this time to wait before reconnecting.
    #[inline]
    #[must_use]
    pub const fn retry(self, retry: Duration) -> Self {
        Self { retry: Some(retry), ..self }
    }

    /// The block with this id.
    #[inline]
    #[must_use]
    pub const fn id(self, id: &'a str) -> Self {
        Self { id: Some(id), ..self }
    }

    /// The block with this name of the event.
    #[inline]
    #[must_use]
    pub const fn name(self, name: &'a str) -> Self {
        Self { name: Some(name), ..self }
    }

    /// The block with this data.
    #[inline]
    #[must_use]
    pub const fn data(self, data: &'a str) -> Self {
        Self { data: Some(data), ..self }
    }

    /// Appends the block to `output`, growing it at most once.
    ///
    /// # Errors
    ///
    /// The id or the event's name cannot be written as one line. Nothing was appended.
    pub fn encode(&self, output: &mut impl Output) -> Result<(), EncodeError> {
        // Mostly there is room, and then nothing is looked at twice.
        match output.fill(|room| self.put(room)) {
            Some(()) => Ok(()),
            None => self.grow_and_encode(output),
        }
    }

    #[inline(never)]
    fn grow_and_encode(&self, output: &mut impl Output) -> Result<(), EncodeError> {
        self.check()?;
        output.make_room(self.encoded_len());
        let written = output.fill(|room| self.put(room));
        debug_assert!(written.is_some(), "the length and the bytes agree");
        Ok(())
    }

    /// How many bytes [`encode`](Self::encode) appends.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let one_line = |start: &[u8], len: usize| start.len() + len + 1;
        let each_line =
            |start: &[u8], text| lines(text).map(|line| one_line(start, line.len())).sum();
        self.comment.map_or(0, |comment| each_line(COMMENT, comment))
            + self.retry.map_or(0, |retry| one_line(RETRY, Decimal::of(retry).as_bytes().len()))
            + self.id.map_or(0, |id| one_line(ID, id.len()))
            + self.name.map_or(0, |name| one_line(EVENT, name.len()))
            + self.data.map_or(0, |data| each_line(DATA, data))
            + 1
    }

    #[inline]
    fn check(&self) -> Result<(), EncodeError> {
        // Readers ignore an id that holds NUL, and would go on with an older one. In a name it
        // comes through, yet nobody means it.
        // https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
        if self.id.is_some_and(|id| !is_one_line(id.as_bytes())) {
            return Err(EncodeError::Id);
        }
        if self.name.is_some_and(|name| !is_one_line(name.as_bytes())) {
            return Err(EncodeError::Name);
        }
        Ok(())
    }

    /// Puts the block, or gives up half way if it does not fit or cannot be written.
    #[inline(always)] // In the one place where most blocks pass; their room stays in registers.
    fn put(&self, room: &mut OutputSpace<'_>) -> Option<()> {
        if self.comment.is_some() || self.retry.is_some() {
            self.put_rare(room)?;
        }
        if let Some(id) = self.id {
            room.put_plain_line(ID, id.as_bytes()).or_else(|| put_one_line(ID, id, room))?;
        }
        if let Some(name) = self.name {
            let event_line = room.put_plain_line(EVENT, name.as_bytes());
            event_line.or_else(|| put_one_line(EVENT, name, room))?;
        }
        if let Some(data) = self.data {
            room.put_plain_line(DATA, data.as_bytes()).or_else(|| put_lines(DATA, data, room))?;
        }
        room.put(b"\n")
    }

    /// Puts what hardly any block has.
    #[cold]
    fn put_rare(&self, room: &mut OutputSpace<'_>) -> Option<()> {
        if let Some(comment) = self.comment {
            put_lines(COMMENT, comment, room)?;
        }
        if let Some(retry) = self.retry {
            put_line(RETRY, Decimal::of(retry).as_bytes(), room)?;
        }
        Some(())
    }
}

/// Puts a value that hardly ever is one line if it is not plain.
#[cold]
fn put_one_line<const N: usize>(
    start: &[u8; N],
    value: &str,
    room: &mut OutputSpace<'_>,
) -> Option<()> {
    if is_one_line(value.as_bytes()) { put_line(start, value.as_bytes(), room) } else { None }
}

#[inline(never)]
fn put_lines<const N: usize>(
    start: &[u8; N],
    text: &str,
    room: &mut OutputSpace<'_>,
) -> Option<()> {
    lines(text).try_for_each(|line| put_line(start, line, room))
}

#[inline]
fn put_line<const N: usize>(
    start: &[u8; N],
    line: &[u8],
    room: &mut OutputSpace<'_>,
) -> Option<()> {
    room.put(start)?;
    room.put(line)?;
    room.put(b"\n")
}

/// Why a block cannot be written: the caller's value would end its line early or be ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The id holds CR, LF or NUL.
    Id,
    /// The event's name holds CR, LF or NUL.
    Name,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Id => "an event id cannot hold CR, LF or NUL",
            Self::Name => "an event name cannot hold CR, LF or NUL",
        })
    }
}

impl core::error::Error for EncodeError {}

/// A text's lines, always one more than it has line ends.
fn lines(text: &str) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text.as_bytes());
    iter::from_fn(move || {
        let (line, end) = Text::split(rest?);
        rest = match end {
            [] => None,
            [b'\r', b'\n', after @ ..] | [_, after @ ..] => Some(after),
        };
        Some(line.bytes())
    })
}

/// A time in whole milliseconds, as decimal digits.
struct Decimal {
    digits: [u8; DIGITS_MAX],
    start: usize,
}

impl Decimal {
    fn of(time: Duration) -> Self {
        let mut number = time.as_millis();
        let mut digits = [b'0'; DIGITS_MAX];
        let mut start = DIGITS_MAX;
        for digit in digits.iter_mut().rev() {
            *digit += u8::try_from(number % 10).unwrap_or_default();
            start -= 1;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        Self { digits, start }
    }

    fn as_bytes(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or_default()
    }
}

/// What [`Duration::MAX`] has.
const DIGITS_MAX: usize = 23;

// A space follows every colon, since readers drop one.
const COMMENT: &[u8; 2] = b": ";
const RETRY: &[u8; 7] = b"retry: ";
const ID: &[u8; 4] = b"id: ";
const EVENT: &[u8; 7] = b"event: ";
const DATA: &[u8; 6] = b"data: ";
