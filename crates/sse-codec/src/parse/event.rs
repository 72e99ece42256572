//! What a stream says: events, and now and then how long to wait before reconnecting.

use alloc::{borrow::ToOwned, string::String};
use core::time::Duration;

/// One thing a stream said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// An event to dispatch.
    Event(Event<'a>),
    /// How long to wait before reconnecting from now on. A number past `u64` milliseconds is that.
    Retry(Duration),
}

/// An event as a browser would [dispatch] it. Broken UTF-8 has become U+FFFD.
///
/// [dispatch]: https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The event's name, `message` unless the stream gave another.
    pub event: &'a str,
    /// The event's `data` lines with LF between them.
    pub data: &'a str,
    /// The stream's last id, this event's or an earlier one's; empty before the first.
    pub last_event_id: &'a str,
}

/// An [`Item`] that outlives its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnedItem {
    /// An event to dispatch.
    Event(OwnedEvent),
    /// How long to wait before reconnecting from now on.
    Retry(Duration),
}

/// An [`Event`] that outlives its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedEvent {
    /// The event's name, `message` unless the stream gave another.
    pub event: String,
    /// The event's `data` lines with LF between them.
    pub data: String,
    /// The stream's last id, this event's or an earlier one's; empty before the first.
    pub last_event_id: String,
}

impl Item<'_> {
    /// Copies what the item borrows.
    #[must_use]
    pub fn into_owned(self) -> OwnedItem {
        match self {
            Self::Event(event) => OwnedItem::Event(event.into_owned()),
            Self::Retry(delay) => OwnedItem::Retry(delay),
        }
    }
}

impl Event<'_> {
    /// Copies what the event borrows.
    #[must_use]
    pub fn into_owned(self) -> OwnedEvent {
        let [event, data, last_event_id] =
            [self.event, self.data, self.last_event_id].map(ToOwned::to_owned);
        OwnedEvent { event, data, last_event_id }
    }
}
