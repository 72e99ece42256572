//! The reader: bytes in, cut anywhere, and events out.
//!
//! A value that lies whole in the input is lent from it; what is unfinished when the input ends, and
//! data of several lines, is copied into buffers that are used again. No byte is searched twice.
//!
//! Bytes are decoded when an event is complete: [UTF-8 decode] has CR, LF, colon and space stand for
//! themselves after any broken sequence, so cutting at them first comes to the same.
//!
//! [UTF-8 decode]: https://encoding.spec.whatwg.org/#utf-8-decode

mod dispatch;
mod event;
mod field;
mod held;
mod limits;
mod owned;
mod stage;

pub use event::{Event, Item};
pub use field::Field;
pub use limits::{LimitError, Limits};
pub use owned::{OwnedEvent, OwnedItem};

use crate::text::Text;
use alloc::string::String;
use core::{mem, time::Duration};
use event::MESSAGE;
use held::Held;
use stage::{BYTE_ORDER_MARK, Stage, end_line};

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
///             events.push((event.name.to_owned(), event.data.to_owned()));
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
    stage: Stage,
    held: Held,
    last_event_id: String,
    /// Whether comments are items.
    comments: bool,
}

/// What the input has said of the block being read, still undecoded. It comes after what is held.
#[derive(Clone, Copy, Debug, Default)]
struct Lines<'i> {
    id: Option<Text<'i>>,
    event: Option<Text<'i>>,
    /// The first line of data. If another follows, both are held.
    data: Option<Text<'i>>,
}

/// What an input begins with.
enum Begun<'i> {
    /// Nothing that completes an item, and nothing is left of it.
    Nothing,
    /// What an earlier input had begun.
    Short(Short<'i>),
    /// An event of one line of data, whole.
    Plain(Text<'i>),
    /// A line, perhaps unfinished, and what follows it.
    Lines(Text<'i>, &'i [u8]),
}

/// What lines of the input came to.
enum Taken<'i> {
    /// No item, and nothing is left of the input.
    All,
    Short(Short<'i>),
    /// The end of a block with data, and whether the block has an id.
    Block(Lines<'i>, bool),
}

/// An item of one line, which does not wait for the blank one.
enum Short<'i> {
    Retry(Duration),
    Comment(Text<'i>),
    /// A comment that was gathered in the unfinished line.
    HeldComment,
}

impl Parser {
    /// A parser at the start of a stream, with the default [`Limits`].
    #[must_use]
    pub const fn new() -> Self {
        Self::with_limits(Limits::new())
    }

    /// A parser at the start of a stream.
    #[must_use]
    pub const fn with_limits(limits: Limits) -> Self {
        Self {
            limits,
            stage: Stage::Mark(BYTE_ORDER_MARK),
            held: Held::EMPTY,
            last_event_id: String::new(),
            comments: false,
        }
    }

    /// The same parser for a stream that goes on after the event of that id: one that was stored.
    ///
    /// ```
    /// use sse_codec::{Item, Parser};
    ///
    /// let mut parser = Parser::new().with_last_event_id("42");
    /// let Ok(Some(Item::Event(event))) = parser.parse(&mut &b"data: x\n\n"[..]) else { panic!() };
    /// assert_eq!((event.id, event.last_event_id), (None, "42"));
    /// ```
    #[must_use]
    pub fn with_last_event_id(mut self, id: impl Into<String>) -> Self {
        self.last_event_id = id.into();
        self
    }

    /// The same parser, which reports comments as [`Item::Comment`]: what a server sends to keep a
    /// connection alive, for a watchdog or a proxy.
    ///
    /// A comment is then held while it is unfinished, as a field of `field_bytes_max`.
    #[must_use]
    pub const fn with_comments(mut self) -> Self {
        self.comments = true;
        self
    }

    /// Takes bytes off the front of `input` until they complete an item.
    ///
    /// `None` says that all of `input` was taken and more is needed. An item borrows from `input`
    /// what lay there in one piece, and the rest from the parser.
    ///
    /// # Errors
    ///
    /// The peer sent a value over its limit. The same error is returned until
    /// [`restart`](Self::restart).
    #[inline(always)] // Small events pass here only: a call takes a sixth of one.
    pub fn parse<'p, 'i: 'p>(
        &'p mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'p>>, LimitError> {
        match self.begin(input)? {
            Begun::Nothing => Ok(None),
            Begun::Plain(data) => {
                let bytes_max = self.limits.data_bytes_max;
                let Some(data) = data.decode(&mut self.held.replaced_data, bytes_max) else {
                    return Err(refuse(&mut self.stage, &self.limits, Field::Data));
                };
                let last_event_id = &self.last_event_id;
                Ok(Some(Item::Event(Event { name: MESSAGE, data, id: None, last_event_id })))
            }
            Begun::Lines(line, rest) => self.parse_lines(line, rest, input),
            Begun::Short(short) => self.short_item(short).map(Some),
        }
    }

    /// As [`parse`](Self::parse), with items that outlive the input and the parser.
    ///
    /// Each event is one allocation. What the parser had to gather is not copied again.
    ///
    /// # Errors
    ///
    /// Those of [`parse`](Self::parse).
    #[inline]
    pub fn parse_owned(&mut self, input: &mut &[u8]) -> Result<Option<OwnedItem>, LimitError> {
        match self.begin(input)? {
            Begun::Nothing => Ok(None),
            Begun::Plain(data) => {
                let Some(data) = data.as_str() else { return self.own_replaced(data) };
                let event = OwnedEvent::message(data, &self.last_event_id);
                Ok(Some(OwnedItem::Event(event)))
            }
            Begun::Lines(line, rest) => self.parse_lines_owned(line, rest, input),
            Begun::Short(short) => Ok(Some(self.short_item(short)?.into_owned())),
        }
    }

    /// Takes an event of one line of data off the front of `input`, or nothing if anything else is
    /// there. Apart from [`parse_owned`](Self::parse_owned), whose result is copied where it is
    /// returned from different places.
    #[cfg(feature = "stream")]
    #[inline(always)]
    pub(crate) fn take_message(&mut self, input: &mut &[u8]) -> Option<OwnedEvent> {
        if self.stage != Stage::BlockStart {
            return None;
        }
        let (line, rest) = Text::split(input);
        let data = line.strip_prefix(b"data: ")?;
        let [b'\n', b'\n', rest @ ..] = rest else { return None };
        if data.bytes().len() > self.limits.data_bytes_max {
            return None;
        }
        let event = OwnedEvent::message(data.as_str()?, &self.last_event_id);
        *input = rest;
        Some(event)
    }

    /// Takes what an earlier input left unfinished, and an event of one line of data, as most are.
    #[inline(always)] // In both of those that small events pass through.
    fn begin<'i>(&mut self, input: &mut &'i [u8]) -> Result<Begun<'i>, LimitError> {
        if self.stage != Stage::BlockStart {
            // What is fed byte by byte is mostly this.
            if self.stage == Stage::Value(Field::Data)
                && let [byte] = *input
                && self.hold_byte_of_data(*byte)
            {
                *input = &[];
                return Ok(Begun::Nothing);
            }
            if let Some(short) = self.resume(input)? {
                return Ok(Begun::Short(short));
            }
            if input.is_empty() {
                return Ok(Begun::Nothing);
            }
        }
        let (line, rest) = Text::split(input);
        if self.stage == Stage::BlockStart
            && let Some(data) = line.strip_prefix(b"data: ")
            && let [b'\n', b'\n', rest @ ..] | [b'\r', b'\n', b'\r', b'\n', rest @ ..] = rest
            && data.bytes().len() <= self.limits.data_bytes_max
        {
            *input = rest;
            return Ok(Begun::Plain(data));
        }
        Ok(Begun::Lines(line, rest))
    }

    /// Takes lines, the first of which is already found, until they complete an item.
    fn parse_lines<'p, 'i: 'p>(
        &'p mut self,
        line: Text<'i>,
        rest: &'i [u8],
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'p>>, LimitError> {
        match self.take_lines(line, rest, input)? {
            Taken::All => Ok(None),
            Taken::Short(short) => self.short_item(short).map(Some),
            Taken::Block(lines, has_id) => self.dispatch(&lines, has_id),
        }
    }

    /// The same for an item that is owned.
    fn parse_lines_owned<'i>(
        &mut self,
        line: Text<'i>,
        rest: &'i [u8],
        input: &mut &'i [u8],
    ) -> Result<Option<OwnedItem>, LimitError> {
        match self.take_lines(line, rest, input)? {
            Taken::All => Ok(None),
            Taken::Short(short) => Ok(Some(self.short_item(short)?.into_owned())),
            Taken::Block(lines, has_id) => self.dispatch_owned(&lines, has_id),
        }
    }

    /// Takes lines up to the end of a block with data, a line that does not wait for that, or the
    /// end of the input.
    #[inline(always)] // In two places, each with what it does with a block.
    fn take_lines<'i>(
        &mut self,
        mut line: Text<'i>,
        mut rest: &'i [u8],
        input: &mut &'i [u8],
    ) -> Result<Taken<'i>, LimitError> {
        let mut lines = Lines::default();
        while let Some((stage, after)) = end_line(rest) {
            (self.stage, *input) = (stage, after);
            if line.bytes().is_empty() {
                let has_id = self.finish_id(lines.id)?;
                if stage == Stage::LineStart {
                    self.stage = Stage::BlockStart;
                }
                if lines.data.is_some() || self.held.data.is_given() {
                    return Ok(Taken::Block(lines, has_id));
                }
                self.held.event.take();
                lines = Lines::default();
            } else if let Some((field, value)) = Field::split(line, self.comments)
                && let Some(short) = self.take_field(field, value, &mut lines)?
            {
                self.held.keep(&lines, &self.limits);
                return Ok(Taken::Short(short));
            }
            (line, rest) = Text::split(after);
        }
        *input = rest;
        self.held.keep(&lines, &self.limits);
        self.hold(line)?;
        self.held.shrink();
        Ok(Taken::All)
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
        *self = Self { last_event_id, comments: self.comments, ..Self::with_limits(self.limits) };
    }

    /// Takes what an earlier input left off in the middle of.
    #[inline(never)]
    fn resume(&mut self, input: &mut &[u8]) -> Result<Option<Short<'static>>, LimitError> {
        match self.stage {
            Stage::Name | Stage::Value(_) | Stage::Skipped => return self.resume_line(input),
            Stage::Mark(mark) => {
                self.skip_byte_order_mark(mark, input);
                if self.stage == Stage::Skipped {
                    return self.resume_line(input);
                }
            }
            Stage::AfterCr if !input.is_empty() => {
                *input = input.strip_prefix(b"\n").unwrap_or(input);
                self.stage = Stage::LineStart;
            }
            // An event may have ended here.
            Stage::AfterCr => self.held.shrink(),
            Stage::BlockStart | Stage::LineStart => {}
            Stage::Refused(error) => {
                self.held = Held::EMPTY;
                return Err(error);
            }
        }
        Ok(None)
    }

    /// Takes the rest of a line, or one more piece of it.
    fn resume_line(&mut self, input: &mut &[u8]) -> Result<Option<Short<'static>>, LimitError> {
        let (piece, rest) = Text::split(input);
        *input = rest;
        match self.stage {
            Stage::Value(field) => self.hold_value(field, piece)?,
            _ => self.hold(piece)?,
        }
        let Some((stage, rest)) = end_line(rest) else { return Ok(None) };
        *input = rest;
        let short = self.finish_line()?;
        self.stage = stage;
        Ok(short)
    }

    /// Drops the one byte order mark that may open the stream.
    fn skip_byte_order_mark(&mut self, mut mark: &'static [u8], input: &mut &[u8]) {
        self.stage = loop {
            let Some((expected, mark_left)) = mark.split_first() else { break Stage::BlockStart };
            let Some((byte, rest)) = input.split_first() else { break Stage::Mark(mark) };
            if byte != expected {
                // Bytes already dropped opened the first line after all. No field begins so.
                let is_cut = mark.len() < BYTE_ORDER_MARK.len();
                break if is_cut { Stage::Skipped } else { Stage::BlockStart };
            }
            (mark, *input) = (mark_left, rest);
        };
    }

    /// Holds a piece of an unfinished line, unless the line is to be ignored.
    fn hold(&mut self, mut piece: Text<'_>) -> Result<(), LimitError> {
        if matches!(self.stage, Stage::BlockStart | Stage::LineStart) && !piece.bytes().is_empty() {
            self.held.line.clear();
            self.stage = Stage::Name;
        }
        while self.stage == Stage::Name
            && let Some((byte, rest)) = piece.split_first()
        {
            piece = rest;
            self.held.line.push_byte(byte);
            if !Field::may_begin_with(self.held.line.bytes()) {
                self.stage = self.decide();
            }
        }
        if let Stage::Value(field) = self.stage {
            self.hold_value(field, piece)?;
        }
        Ok(())
    }

    /// Refuses the stream if the value, unfinished as it may be, is over its limit.
    #[inline]
    fn hold_value(&mut self, field: Field, piece: Text<'_>) -> Result<(), LimitError> {
        let bytes_max = self.limits.of(field);
        let value = self.held.value(field);
        if value.bytes().len() + piece.bytes().len() > bytes_max {
            return Err(refuse(&mut self.stage, &self.limits, field));
        }
        if !value.has_room(piece.bytes().len()) {
            self.held.grow(field, piece.bytes().len(), &self.limits);
        }
        self.held.value(field).push(piece);
        Ok(())
    }

    /// Holds a byte of an unfinished line of data, unless it ends the line, is over the limit or has
    /// no room yet.
    #[inline]
    fn hold_byte_of_data(&mut self, byte: u8) -> bool {
        let value = self.held.value(Field::Data);
        let is_held = !matches!(byte, b'\r' | b'\n')
            && value.bytes().len() < self.limits.data_bytes_max
            && value.has_room(1);
        if is_held {
            value.push_byte(byte);
        }
        is_held
    }

    /// Finds out what line it is that was held so far.
    fn decide(&mut self) -> Stage {
        let Some((field, value)) = Field::split(self.held.line.as_text(), self.comments) else {
            return Stage::Skipped;
        };
        let start = value.bytes().first().copied();
        self.held.begin_value(field, start, &self.limits);
        Stage::Value(field)
    }

    /// Does what the held line says, now that its end is there.
    fn finish_line(&mut self) -> Result<Option<Short<'static>>, LimitError> {
        if self.stage == Stage::Name {
            self.stage = self.decide();
            self.hold(Text::EMPTY)?;
        }
        let Stage::Value(field) = self.stage else { return Ok(None) };
        let Held { line, id, event, .. } = &mut self.held;
        match field {
            Field::Data => {}
            Field::Event => event.swap(line),
            Field::Id if line.bytes().contains(&0) => {}
            Field::Id => id.swap(line),
            Field::Retry => return Ok(field::milliseconds(line.bytes()).map(Short::Retry)),
            Field::Comment => return Ok(Some(Short::HeldComment)),
        }
        Ok(None)
    }

    /// Does what a line of the input says. Returns what does not wait for the blank line.
    #[inline(always)] // As `Field::split`.
    fn take_field<'i>(
        &mut self,
        field: Field,
        value: Text<'i>,
        lines: &mut Lines<'i>,
    ) -> Result<Option<Short<'i>>, LimitError> {
        let first_len = lines.data.map_or(0, |first| first.bytes().len() + 1);
        let start = if field == Field::Data { self.held.data.line_start() + first_len } else { 0 };
        if start + value.bytes().len() > self.limits.of(field) {
            return Err(refuse(&mut self.stage, &self.limits, field));
        }
        match field {
            Field::Data if start == 0 => lines.data = Some(value),
            Field::Data => {
                if let Some(first) = lines.data.take() {
                    self.held.push_line(first, &self.limits);
                }
                self.held.push_line(value, &self.limits);
            }
            Field::Event => lines.event = Some(value),
            Field::Id if value.bytes().contains(&0) => {}
            Field::Id => lines.id = Some(value),
            Field::Retry => return Ok(field::milliseconds(value.bytes()).map(Short::Retry)),
            Field::Comment => return Ok(Some(Short::Comment(value))),
        }
        Ok(None)
    }

    /// A blank line makes the block's id the last one. Returns whether the block has one.
    fn finish_id(&mut self, id: Option<Text<'_>>) -> Result<bool, LimitError> {
        let held = self.held.id.take();
        let id = id.or(held);
        if let Some(id) = id {
            let bytes_max = self.limits.field_bytes_max;
            let Some(id) = id.decode(&mut self.held.replaced_event, bytes_max) else {
                return Err(refuse(&mut self.stage, &self.limits, Field::Id));
            };
            self.last_event_id.clear();
            if self.last_event_id.capacity() < id.len() {
                self.last_event_id.reserve_exact(id.len());
            }
            self.last_event_id.push_str(id);
        }
        Ok(id.is_some())
    }

    #[cfg(test)]
    const fn held(&self) -> &Held {
        &self.held
    }
}

/// Ends the stream here, for a value that is over its limit.
#[cold]
fn refuse(stage: &mut Stage, limits: &Limits, field: Field) -> LimitError {
    let error = LimitError { field, bytes_max: limits.of(field) };
    *stage = Stage::Refused(error);
    error
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}
