//! Items that outlive their input: an event in one allocation, whose data can be taken out of it.

use super::event::{Event, Item, MESSAGE};
use crate::encode::Block;
use alloc::string::String;
use core::{fmt, time::Duration};

/// An [`Item`](crate::Item) that outlives its input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnedItem {
    /// An event to dispatch.
    Event(OwnedEvent),
    /// How long to wait before reconnecting from now on.
    Retry(Duration),
    /// A comment's text, less one leading space. Only from a parser
    /// [`with_comments`](crate::Parser::with_comments).
    Comment(String),
}

/// An [`Event`] that outlives its input, in one allocation.
///
/// # Example
///
/// ```
/// let event = sse_codec::OwnedEvent::new("said", "hello", Some("7"));
/// assert_eq!((event.name(), event.data(), event.id()), ("said", "hello", Some("7")));
/// assert_eq!(event.into_data(), "hello");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct OwnedEvent {
    /// The data, then the last event id, then the name unless that is `message`.
    text: String,
    data_len: usize,
    /// `data_len + id_len` ≤ the length of the text.
    id_len: usize,
    /// Whether the last event id is this event's.
    has_id: bool,
}

impl Item<'_> {
    /// Copies what the item borrows.
    #[must_use]
    pub fn into_owned(self) -> OwnedItem {
        match self {
            Self::Event(event) => OwnedItem::Event(event.into_owned()),
            Self::Retry(delay) => OwnedItem::Retry(delay),
            Self::Comment(text) => OwnedItem::Comment(text.into()),
        }
    }
}

impl Event<'_> {
    /// Copies what the event borrows, into one allocation.
    #[must_use]
    pub fn into_owned(self) -> OwnedEvent {
        OwnedEvent::copy(self)
    }
}

impl OwnedEvent {
    /// An event of that name; `message` is the name of those that have none.
    #[must_use]
    pub fn new(name: &str, data: &str, id: Option<&str>) -> Self {
        let name = if name.is_empty() { MESSAGE } else { name };
        Self::copy(Event { name, data, id, last_event_id: id.unwrap_or_default() })
    }

    /// An event without a name and without an id of its own, as most are.
    #[inline(always)] // In the one place where they are made.
    pub(crate) fn message(data: &str, last_event_id: &str) -> Self {
        let (data_len, id_len, has_id) = (data.len(), last_event_id.len(), false);
        // A string that is never appended to stays in registers.
        let text = if id_len == 0 { String::from(data) } else { [data, last_event_id].concat() };
        Self { text, data_len, id_len, has_id }
    }

    /// Copies an event.
    #[inline]
    pub(crate) fn copy(event: Event<'_>) -> Self {
        let (name, id) = (own_name(event.name), event.last_event_id);
        let mut text = String::with_capacity(event.data.len() + id.len() + name.len());
        text.push_str(event.data);
        Self::complete(text, name, id, event.id.is_some())
    }

    /// An event that keeps the allocation of its data.
    #[inline]
    pub(crate) fn with_data(data: String, name: &str, last_event_id: &str, has_id: bool) -> Self {
        let (name, mut text) = (own_name(name), data);
        text.reserve_exact(last_event_id.len() + name.len());
        Self::complete(text, name, last_event_id, has_id)
    }

    /// Adds the rest behind the data, where there is room for it.
    #[inline]
    fn complete(mut text: String, name: &str, last_event_id: &str, has_id: bool) -> Self {
        let data_len = text.len();
        if !last_event_id.is_empty() {
            text.push_str(last_event_id);
        }
        if !name.is_empty() {
            text.push_str(name);
        }
        Self { text, data_len, id_len: last_event_id.len(), has_id }
    }

    /// The event's name, `message` unless the stream gave another.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.text.get(self.data_len + self.id_len..) {
            None | Some("") => MESSAGE,
            Some(name) => name,
        }
    }

    /// The event's `data` lines with LF between them.
    #[must_use]
    pub fn data(&self) -> &str {
        self.text.get(..self.data_len).unwrap_or_default()
    }

    /// The data, without copying it.
    #[must_use]
    pub fn into_data(mut self) -> String {
        self.text.truncate(self.data_len);
        self.text
    }

    /// The id that this event's block gave; empty if it reset the last one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.has_id.then(|| self.last_event_id())
    }

    /// The stream's last id, this event's or an earlier one's; empty before the first.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.text.get(self.data_len..self.data_len + self.id_len).unwrap_or_default()
    }

    /// The event, lent.
    #[must_use]
    pub fn as_event(&self) -> Event<'_> {
        let (name, data, id) = (self.name(), self.data(), self.id());
        Event { name, data, id, last_event_id: self.last_event_id() }
    }

    /// The event as it is written again: with its name and its own id, if it has them.
    #[must_use]
    pub fn as_block(&self) -> Block<'_> {
        let mut block = Block::new().data(self.data());
        block.id = self.id();
        block.name = (self.name() != MESSAGE).then(|| self.name());
        block
    }
}

impl fmt::Debug for OwnedEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Event { name, data, id, last_event_id } = self.as_event();
        let mut fields = formatter.debug_struct("OwnedEvent");
        fields.field("name", &name).field("data", &data).field("id", &id);
        fields.field("last_event_id", &last_event_id).finish()
    }
}

impl From<Event<'_>> for OwnedEvent {
    fn from(event: Event<'_>) -> Self {
        Self::copy(event)
    }
}

/// What has to be kept of a name: nothing of the usual one.
#[inline]
fn own_name(name: &str) -> &str {
    if name == MESSAGE { "" } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_what_it_was_made_of() {
        for (name, data, id) in
            [("said", "hi", Some("7")), ("", "", None), ("message", "é", Some("")), ("x", "", None)]
        {
            let event = OwnedEvent::new(name, data, id);
            assert_eq!(event.name(), if name.is_empty() { "message" } else { name });
            assert_eq!((event.data(), event.id()), (data, id));
            assert_eq!(event.last_event_id(), id.unwrap_or_default());
            assert_eq!(event.as_event().into_owned(), event);
            assert_eq!(event.into_data(), data);
        }
    }

    #[test]
    fn events_are_equal_if_all_of_them_is() {
        let event = OwnedEvent::new("a", "b", Some("c"));
        let others =
            [("a", "b", None), ("a", "bc", Some("")), ("ca", "b", Some("")), ("", "b", Some("ca"))];
        for (name, data, id) in others {
            assert_ne!(OwnedEvent::new(name, data, id), event);
        }
        assert_eq!(OwnedEvent::new("message", "b", None), OwnedEvent::new("", "b", None));
    }
}
