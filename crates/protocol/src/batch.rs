//! Reads a batch message by message, so that a large one can be read in several turns.
//!
//! Apart because serde reads a text in one go. Here the end of each message is found first, by brackets and quotes alone,
//! and serde reads what lies between. To its end, this accepts what serde would for a [`PublishBatch`](crate::PublishBatch).
//!
//! ```text
//!          {            "messages":[            ]
//!  Start ─────▶ Fields ─────────────▶ Messages ─────▶ Fields ──▶ … ── } ──▶ End
//! ```

use crate::{BATCH_MESSAGES_MAX, Publish};
use serde::{Deserialize, de::IgnoredAny};
use std::ops::Range;

/// Where in a batch the reading is. A clone reads on from the same place.
#[derive(Clone, Debug)]
pub struct BatchReader<'a> {
    text: &'a [u8],
    /// `at <= text.len()`
    at: usize,
    place: Place,
    /// The value or name whose end has not been found yet.
    scan: Option<Scan>,
    has_messages: bool,
    /// `count <= BATCH_MESSAGES_MAX`
    count: usize,
    message_bytes_max: usize,
}

/// What came of reading on.
#[derive(Debug)]
pub enum BatchStep<'a> {
    /// The next message.
    Message(Publish<'a>),
    /// The next message, of which only the length is known: it has more bytes than one may have.
    TooLong {
        /// Its bytes.
        bytes: usize,
    },
    /// The budget is spent.
    Unfinished,
    /// There are no more messages, and the text is whole.
    End,
}

/// The text is not a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {line} column {column}")]
pub struct BatchError {
    message: String,
    line: usize,
    column: usize,
}

/// What may come next, after white space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The `{`.
    Start,
    /// The name of a field; where `may_end` also the `}`.
    Name { may_end: bool },
    /// The `:` before the value of a field.
    Colon { is_messages: bool },
    /// The `[`.
    List,
    /// The value of an unknown field.
    Other,
    /// A message; where `may_end` also the `]`.
    Message { may_end: bool },
    /// The `,` or `]` after a message.
    AfterMessage,
    /// The `,` or `}` after a field.
    AfterField,
    /// Nothing.
    End,
}

/// A value whose end is being looked for.
#[derive(Clone, Copy, Debug)]
struct Scan {
    start: usize,
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
    /// Its last bracket or quote has passed.
    is_closed: bool,
}

impl<'a> BatchReader<'a> {
    /// Before the first byte of a batch. What a message is in JSON may be `message_bytes_max` long.
    pub fn new(text: &'a [u8], message_bytes_max: usize) -> Self {
        Self {
            text,
            at: 0,
            place: Place::Start,
            scan: None,
            has_messages: false,
            count: 0,
            message_bytes_max,
        }
    }

    /// Messages so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Reads on to the next message, at most `budget` bytes, from which it takes what it has read. A message whose end is
    /// found is given, even if the budget is spent with it.
    ///
    /// # Errors
    ///
    /// This is no batch.
    pub fn read(&mut self, budget: &mut usize) -> Result<BatchStep<'a>, BatchError> {
        loop {
            if self.scan.is_none() && !self.skip_space(budget) {
                return Ok(BatchStep::Unfinished);
            }
            match self.place {
                Place::Message { may_end: true }
                    if self.scan.is_none() && self.next() == Some(b']') =>
                {
                    self.step(Place::AfterField, budget);
                }
                Place::Message { .. } => {
                    let Some(value) = self.value(budget)? else {
                        return Ok(BatchStep::Unfinished);
                    };
                    self.place = Place::AfterMessage;
                    return self.message(value);
                }
                Place::Name { may_end: true }
                    if self.scan.is_none() && self.next() == Some(b'}') =>
                {
                    self.end(budget)?;
                }
                Place::Name { .. } => {
                    if !matches!((self.scan, self.next()), (Some(_), _) | (_, Some(b'"'))) {
                        return Err(self.unexpected("key must be a string"));
                    }
                    let Some(name) = self.value(budget)? else {
                        return Ok(BatchStep::Unfinished);
                    };
                    self.name(name)?;
                }
                Place::Other => {
                    let Some(value) = self.value(budget)? else {
                        return Ok(BatchStep::Unfinished);
                    };
                    self.check_length(&value)?;
                    self.parse::<IgnoredAny>(value)?;
                    self.place = Place::AfterField;
                }
                Place::End => match self.next() {
                    None => return Ok(BatchStep::End),
                    Some(_) => return Err(self.unexpected("trailing characters")),
                },
                _ => self.punctuation(budget)?,
            }
        }
    }

    /// Passes one of the characters between values.
    fn punctuation(&mut self, budget: &mut usize) -> Result<(), BatchError> {
        let next = match (self.place, self.next()) {
            (Place::Start, Some(b'{')) => Place::Name { may_end: true },
            (Place::Colon { is_messages: true }, Some(b':')) => Place::List,
            (Place::Colon { is_messages: false }, Some(b':')) => Place::Other,
            (Place::List, Some(b'[')) => Place::Message { may_end: true },
            (Place::AfterMessage, Some(b',')) => Place::Message { may_end: false },
            (Place::AfterMessage, Some(b']')) => Place::AfterField,
            (Place::AfterField, Some(b',')) => Place::Name { may_end: false },
            (Place::AfterField, Some(b'}')) => return self.end(budget),
            (Place::Start, _) => return Err(self.unexpected("expected an object")),
            (Place::Colon { .. }, _) => return Err(self.unexpected("expected `:`")),
            (Place::List, _) => return Err(self.unexpected("expected a list of messages")),
            (Place::AfterMessage, _) => return Err(self.unexpected("expected `,` or `]`")),
            _ => return Err(self.unexpected("expected `,` or `}`")),
        };
        self.step(next, budget);
        Ok(())
    }

    /// Passes the `}` of the batch.
    fn end(&mut self, budget: &mut usize) -> Result<(), BatchError> {
        if !self.has_messages {
            return Err(self.unexpected("missing field `messages`"));
        }
        self.step(Place::End, budget);
        Ok(())
    }

    fn name(&mut self, name: Range<usize>) -> Result<(), BatchError> {
        let start = name.start;
        self.check_length(&name)?;
        let is_messages = self.parse::<String>(name)? == "messages";
        if is_messages && self.has_messages {
            return Err(self.error(start, "duplicate field `messages`"));
        }
        self.has_messages |= is_messages;
        self.place = Place::Colon { is_messages };
        Ok(())
    }

    fn message(&mut self, value: Range<usize>) -> Result<BatchStep<'a>, BatchError> {
        if self.count == BATCH_MESSAGES_MAX {
            let message = format!("more than the {BATCH_MESSAGES_MAX} messages that are allowed");
            return Err(self.error(value.start, &message));
        }
        self.count += 1;
        match value.len() {
            bytes if bytes > self.message_bytes_max => Ok(BatchStep::TooLong { bytes }),
            _ => Ok(BatchStep::Message(self.parse(value)?)),
        }
    }

    fn check_length(&self, value: &Range<usize>) -> Result<(), BatchError> {
        if value.len() <= OTHER_BYTES_MAX {
            return Ok(());
        }
        let message = format!("a field beside `messages` is longer than {OTHER_BYTES_MAX} bytes");
        Err(self.error(value.start, &message))
    }

    /// Looks for the end of the value that begins here. `None` if the budget ends before it.
    fn value(&mut self, budget: &mut usize) -> Result<Option<Range<usize>>, BatchError> {
        let mut scan = self.scan.take().unwrap_or(Scan::from(self.at));
        let rest = self.text.get(self.at..).unwrap_or_default();
        let allowed = rest.get(..*budget).unwrap_or(rest);
        let end = allowed.iter().position(|byte| scan.ends_before(*byte));
        self.at += end.unwrap_or(allowed.len());
        *budget -= end.unwrap_or(allowed.len());
        match end {
            Some(0) if scan.start == self.at => Err(self.unexpected("expected a value")),
            Some(_) => Ok(Some(scan.start..self.at)),
            None if self.at < self.text.len() => {
                self.scan = Some(scan);
                Ok(None)
            }
            None if scan.is_closed && scan.start < self.at => Ok(Some(scan.start..self.at)),
            None => Err(self.unexpected("expected the end of a value")),
        }
    }

    fn parse<T: Deserialize<'a>>(&self, value: Range<usize>) -> Result<T, BatchError> {
        let start = value.start;
        serde_json::from_slice(self.text.get(value).unwrap_or_default()).map_err(|error| {
            let place = format!(" at line {} column {}", error.line(), error.column());
            let message = error.to_string();
            let message = message.strip_suffix(&place).unwrap_or(&message).to_owned();
            let before = self.error(start, "");
            let (line, column) = match error.line() {
                0 | 1 => (before.line, before.column + error.column().saturating_sub(1)),
                later => (before.line + later - 1, error.column()),
            };
            BatchError { message, line, column }
        })
    }

    /// Passes white space; says whether the budget has lasted.
    fn skip_space(&mut self, budget: &mut usize) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let is_space = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        let spaces = rest.iter().take(*budget).take_while(is_space).count();
        self.at += spaces;
        *budget -= spaces;
        *budget > 0 || self.at == self.text.len()
    }

    fn next(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn step(&mut self, place: Place, budget: &mut usize) {
        self.at += 1;
        *budget = budget.saturating_sub(1);
        self.place = place;
    }

    /// An error about what comes next, or about the end of the text.
    fn unexpected(&self, message: &str) -> BatchError {
        match self.next() {
            Some(_) => self.error(self.at, message),
            None => self.error(self.at, &format!("the text ends; {message}")),
        }
    }

    fn error(&self, at: usize, message: &str) -> BatchError {
        let before = self.text.get(..at).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
        BatchError { message: message.to_owned(), line, column }
    }
}

impl Scan {
    fn from(start: usize) -> Self {
        Self { start, depth: 0, is_in_string: false, is_escaped: false, is_closed: false }
    }

    /// Takes the next byte; says whether the value has ended before it.
    fn ends_before(&mut self, byte: u8) -> bool {
        if self.is_in_string {
            self.is_in_string = self.is_escaped || byte != b'"';
            self.is_escaped = !self.is_escaped && byte == b'\\';
            self.is_closed = !self.is_in_string && self.depth == 0;
            return false;
        }
        match byte {
            _ if self.is_closed => return true,
            b'"' => self.is_in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if self.depth > 0 => {
                self.depth -= 1;
                self.is_closed = self.depth == 0;
            }
            b'}' | b']' | b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if self.depth == 0 => {
                return true;
            }
            _ => {}
        }
        false
    }
}

/// What a field beside `messages` may be long. It is read in one go.
const OTHER_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublishBatch;

    const BATCH: &str = r#" {"more":[{"]\"}":"\\"}],"messages" : [
        {"channel":"a","data":{"b":["]}",1]}}, {"channel":"b\"]}","key":"k"},{"channel":"c","data":null}
    ],"x":1 } "#;

    /// Reads a whole batch in turns of `turn` bytes; returns the channels, and the most bytes that one turn has read.
    fn channels(text: &[u8], turn: usize) -> Result<(Vec<String>, usize), BatchError> {
        let mut reader = BatchReader::new(text, 1 << 20);
        let (mut channels, mut most) = (Vec::new(), 0);
        loop {
            let (mut budget, before) = (turn, reader.at);
            let step = loop {
                match reader.read(&mut budget)? {
                    BatchStep::Message(message) => channels.push(message.channel.into_owned()),
                    other => break other,
                }
            };
            most = most.max(reader.at - before);
            match step {
                BatchStep::Unfinished => assert_eq!(budget, 0, "it ends early"),
                BatchStep::End => return Ok((channels, most)),
                other => panic!("{other:?}"),
            }
        }
    }

    /// The same by serde in one go.
    fn at_once(text: &[u8]) -> Result<Vec<String>, serde_json::Error> {
        let batch: PublishBatch<'_> = serde_json::from_slice(text)?;
        Ok(batch.messages.into_iter().map(|message| message.channel.into_owned()).collect())
    }

    #[test]
    fn a_batch_reads_the_same_in_turns_of_any_length() {
        for turn in 1..BATCH.len() + 2 {
            let (channels, most) = channels(BATCH.as_bytes(), turn).unwrap();
            assert_eq!(channels, ["a", "b\"]}", "c"]);
            assert!(most <= turn, "{most} bytes in a turn of {turn}");
        }
    }

    #[test]
    fn what_serde_accepts_and_refuses_in_one_go_is_accepted_and_refused_in_turns() {
        let bytes = BATCH.as_bytes();
        let mut state = 7_u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(state >> 33).unwrap() % below
        };
        let (mut accepted, mut refused) = (0, 0);
        for round in 0..20_000 {
            let mut text = bytes.to_vec();
            for _ in 0..round % 4 {
                if text.is_empty() {
                    break;
                }
                let at = random(text.len());
                match random(3) {
                    0 => drop(text.remove(at)),
                    1 => text[at] = br#"{}[]",:\ 1a"#[random(11)],
                    _ => text.truncate(at.max(1)),
                }
            }
            let stepwise = channels(&text, 1 + random(90)).map(|(channels, _)| channels);
            match at_once(&text) {
                Ok(channels) => {
                    assert_eq!(stepwise, Ok(channels), "{:?}", String::from_utf8_lossy(&text));
                    accepted += 1;
                }
                Err(error) => {
                    let found = stepwise.is_err();
                    assert!(found, "{error} in {:?}", String::from_utf8_lossy(&text));
                    refused += 1;
                }
            }
        }
        assert!(accepted > 5_000 && refused > 5_000, "{accepted} accepted, {refused} refused");
    }

    #[test]
    fn an_error_names_its_place_in_the_whole_text() {
        for (text, error) in [
            ("", "the text ends; expected an object at line 1 column 1"),
            ("[]", "expected an object at line 1 column 1"),
            ("{}", "missing field `messages` at line 1 column 2"),
            ("{\"messages\":1}", "expected a list of messages at line 1 column 13"),
            ("{\"messages\":[],\"messages\":[]}", "duplicate field `messages` at line 1 column 16"),
            (
                "{\"messages\":\n[{\"channel\":\"a\"},\n {\"channel\":5}]}",
                "invalid type: integer `5`, expected a string at line 3 column 13",
            ),
            (
                "{\"messages\":\n[{\"channel\":\"a\",\n\"key\":5}]}",
                "invalid type: integer `5`, expected a string at line 3 column 7",
            ),
            ("{\"messages\":[{\"channel\":\"a\"} 1", "expected `,` or `]` at line 1 column 30"),
            ("{\"messages\":[]} x", "trailing characters at line 1 column 17"),
        ] {
            let found = channels(text.as_bytes(), 1_000).unwrap_err().to_string();
            assert_eq!(found, error, "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let long = "9".repeat(2_000);
        let text = format!(r#"{{"messages":[{{"channel":"a","data":[{long}]}}]}}"#);
        let mut reader = BatchReader::new(text.as_bytes(), 1_000);
        let step = reader.read(&mut 10_000).unwrap();
        assert!(matches!(step, BatchStep::TooLong { bytes: 2_025 }), "{step:?}");
        let other = format!(r#"{{"other":"{}","messages":[]}}"#, "x".repeat(70_000));
        let error = channels(other.as_bytes(), 1 << 20).unwrap_err().to_string();
        assert!(error.starts_with("a field beside `messages` is longer"), "{error}");
    }

    #[test]
    fn more_messages_than_allowed_are_refused() {
        let text = |count: usize| {
            format!(r#"{{"messages":[{}]}}"#, vec![r#"{"channel":"a"}"#; count].join(","))
        };
        assert_eq!(channels(text(10_000).as_bytes(), 500).unwrap().0.len(), 10_000);
        let error = channels(text(10_001).as_bytes(), 500).unwrap_err().to_string();
        assert!(error.starts_with("more than the 10000 messages"), "{error}");
    }
}
