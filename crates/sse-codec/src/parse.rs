//! The reader: bytes in, cut anywhere, and events out.
//!
//! A line or block that lies whole in the input is lent from it; only what is unfinished when the
//! input ends is copied. No byte is searched twice, however small the pieces.
//!
//! Bytes are decoded when an event is complete: [UTF-8 decode] has CR, LF, colon and space stand for
//! themselves after any broken sequence, so cutting at them first comes to the same.
//!
//! [UTF-8 decode]: https://encoding.spec.whatwg.org/#utf-8-decode

mod event;
mod field;
mod limits;
mod pending;

pub use event::{Event, Item};
pub use field::Field;
pub use limits::{LimitError, Limits};

use crate::line;
use alloc::{borrow::Cow, string::String, vec::Vec};
use core::mem;
use pending::Pending;

/// Reads one event stream from pieces of any size, by [the rules] browsers follow.
///
/// Call [`parse`](Self::parse) with what arrived until it returns `None`, then with what arrives
/// next. At the end of the stream just stop: an unfinished block is no event. A client that then
/// reconnects sends [`last_event_id`](Self::last_event_id) and calls
/// [`restart`](Self::restart).
///
/// # Example
///
/// ```
/// use sse_codec::{Item, Parser};
///
/// let mut parser = Parser::new();
/// let mut events = Vec::new();
/// for mut input in [&b"data: hel"[..], b"lo\n\nevent: bye\ndata: now\n\n"] {
///     while let Some(item) = parser.parse(&mut input)? {
///         if let Item::Event(event) = item {
///             events.push((event.event.into_owned(), event.data.into_owned()));
///         }
///     }
/// }
/// assert_eq!(events, [("message".into(), "hello".into()), ("bye".into(), "now".into())]);
/// # Ok::<(), sse_codec::LimitError>(())
/// ```
///
/// [the rules]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
#[derive(Debug)]
pub struct Parser {
    limits: Limits,
    /// Set once a value was over its limit: the stream cannot be followed any further.
    refused: Option<LimitError>,
    /// What of a byte order mark may still come. Empty from the stream's first other byte on.
    mark_left: &'static [u8],
    /// The last byte was a CR, so an LF right here belongs to the line it ended.
    after_cr: bool,
    /// The unfinished line is one to ignore; `line` is empty.
    skipping: bool,
    /// The unfinished line.
    line: Vec<u8>,
    /// The lines before it, up to the last blank one.
    pending: Pending<'static>,
    last_event_id: String,
}

impl Parser {
    /// A parser at the start of a stream, with the default [`Limits`].
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// A parser at the start of a stream.
    #[must_use]
    pub const fn with_limits(limits: Limits) -> Self {
        Self {
            limits,
            refused: None,
            mark_left: BYTE_ORDER_MARK,
            after_cr: false,
            skipping: false,
            line: Vec::new(),
            pending: Pending::EMPTY,
            last_event_id: String::new(),
        }
    }

    /// Takes bytes off the front of `input` until they complete an item.
    ///
    /// `None` says that all of `input` was taken and more is needed. An item borrows from `input`
    /// what lay there in one piece, and owns the rest.
    ///
    /// # Errors
    ///
    /// The peer sent a value over its limit. The same error is returned until
    /// [`restart`](Self::restart).
    pub fn parse<'p, 'i: 'p>(
        &'p mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'p>>, LimitError> {
        if let Some(error) = self.refused {
            return Err(error);
        }
        self.skip_byte_order_mark(input);
        let mut pending: Pending<'i> = mem::take(&mut self.pending);
        while let Some(line) = self.take_line(input) {
            if line.is_empty() {
                let Pending { id, event, data } = mem::take(&mut pending);
                if let Some(id) = id {
                    self.last_event_id.clear();
                    self.last_event_id.push_str(&pending::decode(id));
                }
                if let Some(data) = data {
                    let event = Event::new(event, data, &self.last_event_id);
                    return Ok(Some(Item::Event(event)));
                }
            } else if let Some((field, value)) = Field::take(line) {
                self.check(field, value.len(), &pending)?;
                if let Some(retry) = pending.handle(field, value) {
                    self.pending = pending.into_owned();
                    return Ok(Some(Item::Retry(retry)));
                }
            }
        }
        self.keep(mem::take(input), &pending)?;
        self.pending = pending.into_owned();
        Ok(None)
    }

    /// What a client sends as `Last-Event-ID` when it reconnects; empty before the first id.
    ///
    /// A blank line makes a new id count, also where it dispatches no event.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Gets ready for a new stream: forgets what was unfinished, keeps the last event id.
    pub fn restart(&mut self) {
        let last_event_id = mem::take(&mut self.last_event_id);
        *self = Self { last_event_id, ..Self::with_limits(self.limits) };
    }

    /// Drops the one byte order mark that may open the stream.
    fn skip_byte_order_mark(&mut self, input: &mut &[u8]) {
        while let Some((mark, mark_left)) = self.mark_left.split_first()
            && let Some((byte, rest)) = input.split_first()
        {
            if byte != mark {
                // Bytes already dropped opened the first line after all. No field begins so.
                self.skipping = self.mark_left != BYTE_ORDER_MARK;
                self.mark_left = &[];
                return;
            }
            self.mark_left = mark_left;
            *input = rest;
        }
    }

    /// Takes a line that ends in `input`, leaving out those that are skipped.
    fn take_line<'i>(&mut self, input: &mut &'i [u8]) -> Option<Cow<'i, [u8]>> {
        loop {
            if self.after_cr && !input.is_empty() {
                *input = input.strip_prefix(b"\n").unwrap_or(input);
                self.after_cr = false;
            }
            let (line_rest, end, rest) = line::split(input)?;
            *input = rest;
            self.after_cr = end == line::CR;
            if mem::take(&mut self.skipping) {
                continue;
            }
            if self.line.is_empty() {
                return Some(Cow::Borrowed(line_rest));
            }
            let mut line = mem::take(&mut self.line);
            line.extend_from_slice(line_rest);
            return Some(Cow::Owned(line));
        }
    }

    /// Keeps a piece of an unfinished line, unless the line is to be ignored.
    fn keep(&mut self, piece: &[u8], pending: &Pending<'_>) -> Result<(), LimitError> {
        if self.skipping {
            return Ok(());
        }
        let name_left = Field::NAME_BYTES_MAX.saturating_sub(self.line.len());
        let (name_rest, value_rest) = piece.split_at_checked(name_left).unwrap_or((piece, &[]));
        self.line.extend_from_slice(name_rest);
        if Field::may_begin_with(&self.line) {
            return Ok(());
        }
        let Some((field, value)) = Field::split(&self.line) else {
            self.line.clear();
            self.skipping = true;
            return Ok(());
        };
        self.check(field, value.len() + value_rest.len(), pending)?;
        self.line.extend_from_slice(value_rest);
        Ok(())
    }

    /// Refuses the stream if a value of that length, perhaps unfinished, is over its limit.
    fn check(
        &mut self,
        field: Field,
        value_len: usize,
        pending: &Pending<'_>,
    ) -> Result<(), LimitError> {
        let (len, bytes_max) = match field {
            Field::Data => (pending.data_len_with(value_len), self.limits.data_bytes_max),
            Field::Event | Field::Id | Field::Retry => (value_len, self.limits.field_bytes_max),
        };
        if len > bytes_max {
            self.refused = Some(LimitError { field, bytes_max });
        }
        self.refused.map_or(Ok(()), Err)
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
