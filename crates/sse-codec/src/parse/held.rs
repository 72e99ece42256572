//! What is kept between calls: the unfinished line, and the lines before it since the last blank one.
//!
//! The buffers are used again from block to block. An input that ends in the middle of every event
//! costs copies, but no allocations.

use super::{Field, Limits, Lines};
use crate::text::{Text, TextBuffer};
use alloc::string::String;
use core::mem;

/// The part of a block that is not in the input any more.
#[derive(Debug)]
pub(super) struct Held {
    /// The unfinished line: its name while that is undecided, then its value, unless it is data.
    pub(super) line: TextBuffer,
    pub(super) id: Value,
    pub(super) event: Value,
    pub(super) data: Value,
    /// The name and data of an event that were broken, with U+FFFD.
    pub(super) replaced_event: String,
    pub(super) replaced_data: String,
    /// How long an event was that was held: what the next one will take, if events are alike.
    last_len: usize,
}

impl Held {
    pub(super) const EMPTY: Self = Self {
        line: TextBuffer::EMPTY,
        id: Value::EMPTY,
        event: Value::EMPTY,
        data: Value::EMPTY,
        replaced_event: String::new(),
        replaced_data: String::new(),
        last_len: 0,
    };

    /// Keeps the lines of an input that ends before their block does.
    pub(super) fn keep(&mut self, lines: &Lines<'_>, limits: &Limits) {
        if let Some(id) = lines.id {
            self.id.set(id, limits.field_bytes_max);
        }
        if let Some(event) = lines.event {
            self.event.set(event, limits.field_bytes_max);
        }
        if let Some(data) = lines.data {
            self.push_line(data, limits);
        }
    }

    /// Adds a whole line of data.
    pub(super) fn push_line(&mut self, line: Text<'_>, limits: &Limits) {
        let data = self.begin_line(line.bytes().len(), limits);
        data.push(line);
    }

    /// The unfinished line is of `field`, and its value begins with `start`.
    pub(super) fn begin_value(&mut self, field: Field, start: Option<u8>, limits: &Limits) {
        self.line.clear();
        let value = match field {
            Field::Data => self.begin_line(1, limits),
            Field::Event | Field::Id | Field::Retry | Field::Comment => &mut self.line,
        };
        if let Some(byte) = start {
            value.push_byte(byte);
        }
    }

    /// The data, with room for a line of `bytes` where one may begin.
    fn begin_line(&mut self, bytes: usize, limits: &Limits) -> &mut TextBuffer {
        let is_first = !mem::replace(&mut self.data.is_given, true);
        if is_first {
            self.data.text.clear();
        }
        let bytes = bytes + usize::from(!is_first);
        if !self.data.text.has_room(bytes) {
            self.grow(Field::Data, bytes, limits);
        }
        if !is_first {
            self.data.text.push_byte(b'\n');
        }
        &mut self.data.text
    }

    /// Makes room for `bytes` more of the unfinished line's value, or of the data.
    #[cold]
    pub(super) fn grow(&mut self, field: Field, bytes: usize, limits: &Limits) {
        if field == Field::Data {
            // An earlier event's. Both together would be more than the limits promise.
            self.replaced_data = String::new();
            let like_the_last = self.last_len.saturating_sub(self.data.text.bytes().len());
            return self.data.text.grow(bytes.max(like_the_last), limits.of(field));
        }
        self.value(field).grow(bytes, limits.of(field));
    }

    /// Notes how long the held data is, and how much else its event has. The memory may be given
    /// away or back; its size is had at once by the next event.
    pub(super) fn remember_len(&mut self, others: usize) {
        self.last_len = self.data.text.bytes().len() + others;
    }

    /// What holds the unfinished line's value: with all of the data before it, if it is data.
    #[inline]
    pub(super) fn value(&mut self, field: Field) -> &mut TextBuffer {
        match field {
            Field::Data => &mut self.data.text,
            Field::Event | Field::Id | Field::Retry | Field::Comment => &mut self.line,
        }
    }

    /// Gives back what an event far longer than usual made the buffers grow to.
    pub(super) fn shrink(&mut self) {
        for value in [&mut self.id, &mut self.event, &mut self.data] {
            if !value.is_given {
                value.text.shrink(IDLE_BYTES_MAX);
            }
        }
        if self.replaced_data.capacity() > IDLE_BYTES_MAX {
            self.replaced_data = String::new();
        }
    }
}

/// A field's value, if the block has one so far. What is left of an earlier block does not count.
#[derive(Debug)]
pub(super) struct Value {
    is_given: bool,
    text: TextBuffer,
}

impl Value {
    const EMPTY: Self = Self { is_given: false, text: TextBuffer::EMPTY };

    pub(super) const fn is_given(&self) -> bool {
        self.is_given
    }

    pub(super) fn set(&mut self, text: Text<'_>, bytes_max: usize) {
        self.text.clear();
        if !self.text.has_room(text.bytes().len()) {
            self.text.grow(text.bytes().len(), bytes_max);
        }
        self.text.push(text);
        self.is_given = true;
    }

    /// Takes the text of `line`, which gets an old allocation in return.
    pub(super) fn swap(&mut self, line: &mut TextBuffer) {
        mem::swap(&mut self.text, line);
        self.is_given = true;
    }

    pub(super) fn len(&self) -> usize {
        if self.is_given { self.text.bytes().len() } else { 0 }
    }

    /// How many bytes there would be before one more line.
    pub(super) fn line_start(&self) -> usize {
        if self.is_given { self.text.bytes().len() + 1 } else { 0 }
    }

    /// The value, from now on an earlier block's.
    pub(super) fn take(&mut self) -> Option<Text<'_>> {
        mem::take(&mut self.is_given).then(|| self.text.as_text())
    }

    /// The value, from now on somebody else's; empty if there is none.
    pub(super) fn take_string(&mut self, others: usize, bytes_max: usize) -> Option<String> {
        match mem::take(&mut self.is_given) {
            true => self.text.take_string(others, bytes_max),
            false => Some(String::new()),
        }
    }
}

/// What a parser may hold while it holds nothing: enough for what is common, little for a client.
const IDLE_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use crate::{Field, Limits, Parser};
    use alloc::{format, vec::Vec};

    /// Bytes held by a parser that was fed `pieces` and asked each time until it wanted more.
    fn held_after(limits: Limits, pieces: &[&[u8]]) -> usize {
        let mut parser = Parser::with_limits(limits);
        for mut piece in pieces.iter().copied() {
            while let Ok(Some(_)) = parser.parse(&mut piece) {}
        }
        let held = parser.held();
        let values = [&held.id, &held.event, &held.data].map(|value| value.text.capacity());
        values.iter().sum::<usize>() + held.line.capacity() + held.replaced_data.capacity()
    }

    #[test]
    fn what_a_long_event_took_is_given_back_whatever_ends_it() {
        let long = format!("data: {}", "x".repeat(1 << 20)).into_bytes();
        let broken = [&long[..], b"\xFF"].concat();
        for (front, end) in [(&long, "\n\n"), (&long, "\r\r"), (&long, "\r\n\r"), (&broken, "\r\r")]
        {
            let pieces: [&[u8]; 2] = [front, end.as_bytes()];
            assert!(held_after(Limits::default(), &pieces) < 100, "{end:?}");
        }
    }

    #[test]
    fn what_is_common_is_kept_to_be_used_again() {
        let usual = format!("data: {}", "x".repeat(1 << 10)).into_bytes();
        assert!(held_after(Limits::default(), &[&usual, b"\n\n"]) >= 1 << 10);
    }

    #[test]
    fn half_an_event_is_kept_however_long_it_is() {
        let half = format!("data: {}", "x".repeat(1 << 20)).into_bytes();
        assert!(held_after(Limits::default(), &[&half, b"\n"]) >= 1 << 20);
    }

    #[test]
    fn long_names_are_given_back_too() {
        let limits = Limits::new().field_bytes_max(1 << 20);
        let name = format!("event: {}\ndata\n", "x".repeat(1 << 18)).into_bytes();
        let held = held_after(limits, &[&name[..1 << 17], &name[1 << 17..], b"\n", b":"]);
        assert!(held < 1 << 18, "{held}");
    }

    #[test]
    fn a_refused_stream_is_not_held() {
        let limits = Limits::new().data_bytes_max(1 << 20);
        let long = [b"data: ".as_slice(), &Vec::from([b'x'; 1 << 19])].concat();
        let pieces: [&[u8]; 3] = [&long, &long, &long];
        assert_eq!(held_after(limits, &pieces), 0);
        let mut parser = Parser::with_limits(limits);
        let refused = pieces.into_iter().find_map(|mut piece| parser.parse(&mut piece).err());
        assert_eq!(refused.map(|error| error.field), Some(Field::Data));
    }
}
