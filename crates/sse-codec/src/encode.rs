//! The writer: one block of an event stream, appended to a buffer of the caller's.
//!
//! A block is `name: value` lines up to a blank line. [The syntax] has no escapes: a value cannot
//! hold a line end, so `data` and comments are written as several lines and the rest is refused.
//!
//! [The syntax]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

use crate::{
    output::Output,
    text::{Text, is_one_line},
};
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
    /// The id or the event's name cannot be written as one line. Nothing was appended.
    pub fn encode(&self, output: &mut impl Output) -> Result<(), EncodeError> {
        self.check()?;
        let data = self.data.map(Lines::new);
        output.make_room(self.len(data));
        self.write(data, |bytes| output.append(bytes));
        Ok(())
    }

    /// How many bytes [`encode`](Self::encode) appends.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.len(self.data.map(Lines::new))
    }

    #[inline]
    fn check(&self) -> Result<(), EncodeError> {
        // Readers ignore an id that holds NUL, and would go on with an older one. In a name it
        // comes through, yet nobody means it.
        // https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
        if self.id.is_some_and(|id| !is_one_line(id.as_bytes())) {
            return Err(EncodeError::Id);
        }
        if self.event.is_some_and(|event| !is_one_line(event.as_bytes())) {
            return Err(EncodeError::Event);
        }
        Ok(())
    }

    #[inline]
    fn len(&self, data: Option<Lines<'_>>) -> usize {
        let one_line = |start: &[u8], value: &str| start.len() + value.len() + 1;
        let mut len = self.id.map_or(0, |id| one_line(ID, id))
            + self.event.map_or(0, |event| one_line(EVENT, event))
            + data.map_or(0, |lines| lines.len(DATA))
            + 1;
        self.write_rare(&mut |bytes| len += bytes.len());
        len
    }

    /// Says the block piece by piece.
    #[inline]
    fn write(&self, data: Option<Lines<'_>>, mut put: impl FnMut(&[u8])) {
        self.write_rare(&mut put);
        let mut put_line = |start: &[u8], value: &[u8]| {
            put(start);
            put(value);
            put(b"\n");
        };
        if let Some(id) = self.id {
            put_line(ID, id.as_bytes());
        }
        if let Some(event) = self.event {
            put_line(EVENT, event.as_bytes());
        }
        if let Some(lines) = data {
            lines.for_each(|line| put_line(DATA, line));
        }
        put(b"\n");
    }

    /// Says what hardly any event has.
    #[inline]
    fn write_rare(&self, put: &mut dyn FnMut(&[u8])) {
        if let Some(comment) = self.comment {
            write_comment(comment, put);
        }
        if let Some(retry) = self.retry {
            write_retry(retry, put);
        }
    }
}

#[cold]
fn write_comment(comment: &str, put: &mut dyn FnMut(&[u8])) {
    Lines::new(comment).for_each(|line| {
        put(b": ");
        put(line);
        put(b"\n");
    });
}

#[cold]
fn write_retry(retry: Duration, put: &mut dyn FnMut(&[u8])) {
    put(b"retry: ");
    put(Decimal::of(retry).as_bytes());
    put(b"\n");
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

/// A text's lines, always one more than it has line ends. The first is found already: mostly it is
/// the only one, and then nothing is searched twice.
#[derive(Clone, Copy)]
struct Lines<'a> {
    first: &'a [u8],
    /// Begins with the first line's end.
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    #[inline]
    fn new(text: &'a str) -> Self {
        let (first, rest) = Text::split(text.as_bytes());
        Self { first: first.bytes(), rest }
    }

    /// How many bytes they take if each begins with `start` and ends with LF.
    #[inline]
    fn len(self, start: &[u8]) -> usize {
        let mut len = 0;
        self.for_each(|line| len += start.len() + line.len() + 1);
        len
    }

    #[inline]
    fn for_each(self, mut each: impl FnMut(&'a [u8])) {
        each(self.first);
        let mut rest = self.rest;
        while let [b'\r', b'\n', after @ ..] | [_, after @ ..] = rest {
            let (line, end) = Text::split(after);
            each(line.bytes());
            rest = end;
        }
    }
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
const ID: &[u8] = b"id: ";
const EVENT: &[u8] = b"event: ";
const DATA: &[u8] = b"data: ";
