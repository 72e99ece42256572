//! What a stream says: events, and now and then how long to wait before reconnecting.

use core::time::Duration;

/// One thing a stream said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// An event to dispatch.
    Event(Event<'a>),
    /// How long to wait before reconnecting from now on. A number past `u64` milliseconds is that.
    Retry(Duration),
}

/// An event as a browser would dispatch it.
///
/// Broken UTF-8 has become U+FFFD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The event's name, `message` unless the stream gave another.
    pub event: &'a str,
    /// The event's `data` lines with LF between them.
    pub data: &'a str,
    /// The stream's last id, this event's or an earlier one's; empty before the first.
    pub last_event_id: &'a str,
}
