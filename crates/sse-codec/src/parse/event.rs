//! What a stream says: events, now and then how long to wait before reconnecting, and comments.

use core::time::Duration;

/// One thing a stream said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// An event to dispatch.
    Event(Event<'a>),
    /// How long to wait before reconnecting from now on. A number past `u64` milliseconds is that.
    Retry(Duration),
    /// A comment's text, less one leading space. Only from a parser
    /// [`with_comments`](crate::Parser::with_comments).
    Comment(&'a str),
}

/// An event as a browser would [dispatch] it. Broken UTF-8 has become U+FFFD.
///
/// [dispatch]: https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The event's name, `message` unless the stream gave another.
    pub name: &'a str,
    /// The event's `data` lines with LF between them.
    pub data: &'a str,
    /// The id that this event's block gave; empty if it reset the last one.
    pub id: Option<&'a str>,
    /// The stream's last id, this event's or an earlier one's; empty before the first.
    pub last_event_id: &'a str,
}

/// The name of an event that has none.
pub(super) const MESSAGE: &str = "message";
