//! What is kept between calls: the unfinished line, and the lines before it since the last blank one.
//!
//! The buffers are used again from block to block. An input that ends in the middle of every event
//! costs copies, but no allocations.

use super::{Field, Lines};
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
}

impl Held {
    pub(super) const EMPTY: Self = Self {
        line: TextBuffer::EMPTY,
        id: Value::EMPTY,
        event: Value::EMPTY,
        data: Value::EMPTY,
        replaced_event: String::new(),
        replaced_data: String::new(),
    };

    /// Keeps the lines of an input that ends before their block does.
    pub(super) fn keep(&mut self, lines: &Lines<'_>) {
        if let Some(id) = lines.id {
            self.id.set(id);
        }
        if let Some(event) = lines.event {
            self.event.set(event);
        }
        if let Some(data) = lines.data {
            self.data.push_line(data);
        }
    }

    /// The unfinished line is of `field`, and its value begins with `start`.
    pub(super) fn begin_value(&mut self, field: Field, start: Option<u8>) {
        self.line.clear();
        let value = match field {
            Field::Data => self.data.begin_line(),
            Field::Event | Field::Id | Field::Retry => &mut self.line,
        };
        if let Some(byte) = start {
            value.push_byte(byte);
        }
    }

    /// What holds the unfinished line's value: with all of the data before it, if it is data.
    #[inline]
    pub(super) fn value(&mut self, field: Field) -> &mut TextBuffer {
        match field {
            Field::Data => &mut self.data.text,
            Field::Event | Field::Id | Field::Retry => &mut self.line,
        }
    }

    /// Gives back what an event far longer than usual made the buffers grow to.
    pub(super) fn shrink(&mut self) {
        if !self.data.is_given {
            self.data.text.shrink(IDLE_BYTES_MAX);
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

    pub(super) fn set(&mut self, text: Text<'_>) {
        self.text.clear();
        self.text.push(text);
        self.is_given = true;
    }

    /// Takes the text of `line`, which gets an old allocation in return.
    pub(super) fn swap(&mut self, line: &mut TextBuffer) {
        mem::swap(&mut self.text, line);
        self.is_given = true;
    }

    pub(super) fn push_line(&mut self, line: Text<'_>) {
        self.begin_line().push(line);
    }

    /// How many bytes there would be before one more line.
    pub(super) fn line_start(&self) -> usize {
        if self.is_given { self.text.bytes().len() + 1 } else { 0 }
    }

    /// The value, from now on an earlier block's.
    pub(super) fn take(&mut self) -> Option<Text<'_>> {
        mem::take(&mut self.is_given).then(|| self.text.as_text())
    }

    fn begin_line(&mut self) -> &mut TextBuffer {
        if mem::replace(&mut self.is_given, true) {
            self.text.push_byte(b'\n');
        } else {
            self.text.clear();
        }
        &mut self.text
    }
}

/// What a parser may hold while it holds nothing: enough for what is common, little for a client.
const IDLE_BYTES_MAX: usize = 64 << 10;
