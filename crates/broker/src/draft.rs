//! What a publisher gives the log: content and labels, and later the place that an engine has given them.

#[cfg(feature = "traces")]
use crate::TraceParent;
use crate::{ChannelName, Label};
use std::num::NonZeroU64;

/// What a message carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// One valid JSON value, as text.
    Json(Box<str>),
    /// Text.
    Text(Box<str>),
    /// Bytes of no known meaning.
    Binary(Box<[u8]>),
    /// No payload: a tombstone, which removes its key.
    Nothing,
}

impl Content {
    /// The payload's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Json(text) | Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
            Self::Nothing => &[],
        }
    }

    /// Whether there is no payload.
    pub const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

/// A message that has no position yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The payload.
    pub content: Content,
    /// A name for the kind of message, `event:` in Server-Sent Events.
    pub event: Option<Label>,
    /// What the message is about, where newer supersedes older.
    pub key: Option<Label>,
    /// The message id, which distinguishes a repeat from a second message.
    pub id: Option<Label>,
    /// The reader that published it and passes it over; see [`crate::Reader::mute`].
    pub origin: Option<NonZeroU64>,
    /// The span that has published it, if its trace is recorded. It is in memory only.
    #[cfg(feature = "traces")]
    pub trace: Option<TraceParent>,
}

impl Draft {
    /// A message without labels.
    pub const fn new(content: Content) -> Self {
        Self {
            content,
            event: None,
            key: None,
            id: None,
            origin: None,
            #[cfg(feature = "traces")]
            trace: None,
        }
    }

    /// Bytes of payload, event and key.
    pub fn bytes(&self) -> usize {
        let bytes = |label: &Option<Label>| text_bytes(label.as_ref().map(Label::as_str));
        self.content.as_bytes().len() + bytes(&self.event) + bytes(&self.key)
    }

    pub(crate) fn has_labels(&self) -> bool {
        #[cfg(feature = "traces")]
        if self.trace.is_some() {
            return true;
        }
        self.event.is_some() || self.key.is_some() || self.origin.is_some()
    }
}

/// A message that an engine has given its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it was published.
    pub channel: ChannelName,
    /// Its place in the broker's sequence, above every earlier one's.
    pub offset: u64,
    /// When it was taken: milliseconds since the Unix epoch, never less than an earlier one's.
    pub time_ms: u64,
    /// What it carries.
    pub draft: Draft,
}

pub(crate) fn text_bytes(text: Option<&str>) -> usize {
    text.map_or(0, str::len)
}
