//! The truth that checkers hold a client's words against: what was published, and is retained.

use super::{
    engine_under_test::EngineUnderTest,
    history::{Entry, History, serial_in},
    settings::Settings,
    wire_reader::{Body, Manner},
};
use std::{cmp::Reverse, num::NonZeroU64};
use tidewire_broker::{Broker, Content, Label};
use tidewire_connection::{Format, Wire};
use tidewire_protocol::{Message, Position, PublishedData, Since};

/// The truth, and what of it one client could have seen.
#[derive(Clone, Copy)]
pub(crate) struct Oracle<'a> {
    pub(crate) history: &'a History,
    pub(crate) broker: &'a Broker,
    pub(crate) engine: &'a EngineUnderTest,
    pub(crate) manner: Manner,
    /// The connection's number: it does not receive what it published with `echo` off.
    pub(crate) number: Option<NonZeroU64>,
    /// The broker forgets dead channels, and may then report a gap although nothing is lost.
    pub(crate) may_forget: bool,
}

/// What the log held at some moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Holdings {
    /// The offsets of what was retained, the newest first.
    held: Vec<u64>,
    head: u64,
}

impl Holdings {
    /// Whether a message had been removed by then.
    pub(super) fn lack(&self, offset: u64) -> bool {
        offset <= self.head
            && self.held.binary_search_by_key(&Reverse(offset), |held| Reverse(*held)).is_err()
    }
}

impl<'a> Oracle<'a> {
    /// The oracle, as a client with this transport and format can check it.
    pub(crate) fn new(
        history: &'a History,
        engine: &'a EngineUnderTest,
        settings: &Settings,
        (manner, session): (Manner, Option<u64>),
    ) -> Self {
        let (broker, number) = (&engine.broker, session.and_then(NonZeroU64::new));
        Self { history, broker, engine, manner, number, may_forget: settings.may_forget }
    }
}

impl Oracle<'_> {
    /// What is retained now.
    pub(crate) fn holdings(&self) -> Holdings {
        let head = self.history.head(self.broker.epoch());
        Holdings { held: self.engine.held(self.history), head }
    }

    pub(super) fn entry(&self, position: Position) -> Result<&Entry, String> {
        let entry = self.history.entry(position.epoch, position.offset);
        entry.ok_or_else(|| format!("nothing was ever published at {position}"))
    }

    /// The offset after which everything was published at a time of the past or later.
    pub(super) fn before(&self, past: Since, wall_ms: u64) -> Option<u64> {
        let epoch = self.broker.epoch();
        match past {
            Since::Earliest => Some(0),
            Since::Time(time_ms) => Some(self.history.before(epoch, time_ms)),
            Since::Ago(ago) => {
                let ago_ms = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
                Some(self.history.before(epoch, wall_ms.saturating_sub(ago_ms)))
            }
            Since::Now | Since::After(_) => None,
        }
    }

    /// Whether the receiving connection has published it with `echo` off.
    pub(super) fn is_muted(&self, entry: &Entry) -> bool {
        self.number.is_some() && entry.draft.origin == self.number
    }

    /// Whether the transport shows tombstones.
    pub(super) fn shows_tombstones(&self) -> bool {
        !matches!(
            self.manner,
            Manner::Live(
                Wire::Sse { format: Format::Raw, .. }
                    | Wire::Stream { format: Format::Raw, .. }
                    | Wire::WebSocket(Format::Raw)
            )
        )
    }

    /// Whether the wire says anything of a message by which it could be recognised.
    pub(super) fn shows(&self, entry: &Entry) -> bool {
        let content = &entry.draft.content;
        match self.manner {
            Manner::Live(Wire::Sse { format: Format::Raw, .. }) => *content != Content::Nothing,
            Manner::Live(
                Wire::Stream { format: Format::Raw, .. } | Wire::WebSocket(Format::Raw),
            ) => !content.as_bytes().is_empty(),
            _ => true,
        }
    }
}

/// Holds a message object against what was published.
pub(crate) fn check_message(message: &Message, oracle: &Oracle<'_>) -> Result<(), String> {
    let entry = oracle.entry(message.position)?;
    let draft = &entry.draft;
    let payload = message.payload().map_err(|error| error.to_string())?;
    let is_same = match (&payload, &draft.content) {
        (PublishedData::Json(received), Content::Json(said)) => **received == **said,
        (PublishedData::Text(received), Content::Text(said)) => **received == **said,
        (PublishedData::Binary(received), Content::Binary(said)) => **received == **said,
        (PublishedData::Nothing, Content::Nothing) => true,
        _ => false,
    };
    let label = |label: &Option<Label>| label.as_ref().map(|label| label.as_str().to_owned());
    if is_same
        && message.channel == entry.channel
        && message.event == label(&draft.event)
        && message.key == label(&draft.key)
    {
        return Ok(());
    }
    Err(format!("the message at {} is not what was published", message.position))
}

/// Holds a payload on a raw wire against what was published.
pub(crate) fn check_raw(
    position: Position,
    body: &Body,
    oracle: &Oracle<'_>,
) -> Result<(), String> {
    let entry = oracle.entry(position)?;
    let is_same = match (body, &entry.draft.content) {
        (Body::Text(received), Content::Json(said) | Content::Text(said)) => **received == **said,
        (Body::Text(received), Content::Binary(said)) => {
            bytes_of_url(received).is_some_and(|received| *received == **said)
        }
        (Body::Binary(received), Content::Binary(said)) => **received == **said,
        _ => false,
    };
    if is_same {
        Ok(())
    } else {
        Err(format!("the payload at {position} is not what was published"))
    }
}

/// Where a payload stands, by the number it carries.
pub(crate) fn place_in(body: &Body, oracle: &Oracle<'_>) -> Result<Position, String> {
    let serial = match body {
        Body::Text(text) => serial_in(text.as_bytes())
            .or_else(|| bytes_of_url(text).and_then(|bytes| serial_in(&bytes))),
        Body::Binary(bytes) => serial_in(bytes),
    };
    let place = serial.and_then(|serial| oracle.history.of_serial(serial));
    place.ok_or_else(|| format!("{body:?} was never published"))
}

/// Compares an event's name with what was published, on a transport that shows it.
pub(crate) fn check_event(
    position: Position,
    event: Option<&str>,
    oracle: &Oracle<'_>,
) -> Result<(), String> {
    let shows_events = matches!(oracle.manner, Manner::Live(Wire::Sse { .. }));
    let entry = oracle.history.entry(position.epoch, position.offset);
    let said = entry.and_then(|entry| entry.draft.event.as_ref()).map(|label| label.as_str());
    if shows_events && said != event {
        return Err(format!("event {event:?} at {position}, where {said:?} was published"));
    }
    Ok(())
}

/// What a `data:` URL on a raw wire holds.
fn bytes_of_url(url: &str) -> Option<Vec<u8>> {
    let base64 = url.strip_prefix("data:application/octet-stream;base64,")?;
    let json = serde_json::value::to_raw_value(base64).ok()?;
    match PublishedData::resolve(Some(&json), Some("base64")) {
        Ok(PublishedData::Binary(bytes)) => Some(bytes),
        _ => None,
    }
}

/// Whether a pattern selects a channel: written again, and plainly.
pub(crate) fn matches(pattern: &str, channel: &str) -> bool {
    let mut tokens = channel.split('.');
    for wanted in pattern.split('.') {
        match (wanted, tokens.next()) {
            (">", Some(token)) => return !token.starts_with('$'),
            ("*", Some(token)) if !token.starts_with('$') => {}
            (wanted, Some(token)) if wanted == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}
