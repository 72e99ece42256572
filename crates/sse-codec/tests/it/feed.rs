//! Feeds a stream to the parser whole, cut at every byte, and byte by byte: always the same items.

use sse_codec::{Item, LimitError, Limits, Parser};

/// An item that outlives the parser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Event { event: String, data: String, last_event_id: String },
    Retry { milliseconds: u128 },
}

/// A nameless event before any id.
pub(crate) fn message(data: &str) -> Seen {
    event("message", data, "")
}

pub(crate) fn event(event: &str, data: &str, last_event_id: &str) -> Seen {
    let [event, data, last_event_id] = [event, data, last_event_id].map(String::from);
    Seen::Event { event, data, last_event_id }
}

pub(crate) fn retry(milliseconds: u128) -> Seen {
    Seen::Retry { milliseconds }
}

/// What was seen, the last event id after it all, and whether the stream was refused.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) seen: Vec<Seen>,
    pub(crate) last_event_id: String,
    pub(crate) refused: Option<LimitError>,
}

/// Feeds a parser, and another one whose items are owned: both see the same.
pub(crate) fn feed<'a>(limits: Limits, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut parser = Parser::with_limits(limits);
    let mut owning = Parser::with_limits(limits);
    let mut seen = Vec::new();
    let mut refused = None;
    for mut piece in pieces {
        let mut same = piece;
        loop {
            let owned = owning.parse_owned(&mut same);
            let item = parser.parse(&mut piece);
            assert_eq!(same, piece);
            assert_eq!(item.map(|item| item.map(Item::into_owned)), owned);
            match item {
                Ok(Some(Item::Event(event))) => seen.push(Seen::Event {
                    event: event.name.into(),
                    data: event.data.into(),
                    last_event_id: event.last_event_id.into(),
                }),
                Ok(Some(Item::Retry(wait))) => seen.push(retry(wait.as_millis())),
                Ok(Some(other)) => panic!("{other:?}"),
                Ok(None) => break assert_eq!(piece, b"", "input left behind"),
                Err(error) => break refused = Some(error),
            }
        }
    }
    Outcome { seen, last_event_id: parser.last_event_id().into(), refused }
}

/// Feeds `wire` in every way and returns what all of them came to.
pub(crate) fn feed_every_way(limits: Limits, wire: &[u8]) -> Outcome {
    let whole = feed(limits, [wire]);
    for at in 0..=wire.len() {
        let (head, tail) = wire.split_at(at);
        assert_eq!(feed(limits, [head, tail]), whole, "cut at {at} of {}", wire.escape_ascii());
    }
    let byte_by_byte = wire.chunks(1).flat_map(|byte| [byte, &[]]);
    assert_eq!(feed(limits, byte_by_byte), whole, "byte by byte {}", wire.escape_ascii());
    whole
}

#[track_caller]
pub(crate) fn assert_seen(wire: &[u8], expected: &[Seen]) {
    let outcome = feed_every_way(Limits::default(), wire);
    assert_eq!(outcome.seen, expected, "{}", wire.escape_ascii());
    assert_eq!(outcome.refused, None);
}
