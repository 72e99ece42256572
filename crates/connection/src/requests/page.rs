//! Messages answered in one go: a page of history, or a long-poll's answer.

use crate::{Encoding, GapNotice, Transport, message_view::view, subscription::LostStart};
use std::sync::Arc;
use tidewire_broker::{Broker, Item, Message, Reader};
use tidewire_protocol::{Bookmark, GapView, PageView};

/// What stands for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The payload as published.
    Raw,
    /// The JSON object of a message.
    Json,
}

/// Some messages, and the position after them, where the next page or a live subscription begins.
#[derive(Clone, Debug)]
pub struct Page {
    items: Vec<Item>,
    after: u64,
    /// In the middle of which state that is.
    state: Option<u64>,
    lost: Vec<LostStart>,
    reach: Option<Reach>,
    retry_ms: Option<u64>,
}

/// What only a page of history has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    /// Nothing before this offset is on the page.
    pub(crate) before: u64,
    /// Whether there is more in the direction in which it was asked for.
    pub(crate) has_more: bool,
}

impl Page {
    pub(crate) fn new(items: Vec<Item>, after: u64, lost: Vec<LostStart>) -> Self {
        Self { items, after, state: None, lost, reach: None, retry_ms: None }
    }

    /// The same, from which one goes on as `reader` would.
    pub(crate) fn behind(self, reader: &Reader, broker: &Broker) -> Self {
        let after = reader.after().unwrap_or(self.after);
        Self { after, state: reader.state(broker), ..self }
    }

    /// The same, of history.
    pub(crate) fn reaching(self, reach: Reach) -> Self {
        Self { reach: Some(reach), ..self }
    }

    /// The same, of a server that shuts down: the client is to ask again after `retry_ms`.
    pub fn asking_back_after(self, retry_ms: u64) -> Self {
        Self { retry_ms: Some(retry_ms), ..self }
    }

    /// Whether there are no messages and no gaps.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.lost.is_empty()
    }

    /// Appends it as a JSON object: `messages`, `position`, and `gaps` and `retry_ms` where there are any; for a page
    /// of history also `before`, and `more` where there is.
    pub fn write_json(&self, format: Format, broker: &Broker, output: &mut Vec<u8>) {
        self.with_view(format, broker, |page| page.write_json(output));
    }

    /// Hands the page to `write` as the protocol shows it.
    pub(crate) fn with_view(
        &self,
        format: Format,
        broker: &Broker,
        write: impl FnOnce(PageView<'_>),
    ) {
        let encoding = match format {
            Format::Raw => &VALUE,
            Format::Json => &OBJECT,
        };
        let messages: Vec<&[u8]> =
            self.messages().map(|message| encoding.of(message, broker)).collect();
        self.with_gaps(broker, |gaps| {
            write(PageView {
                messages: &messages,
                position: self.bookmark(broker),
                before: self.reach.map(|reach| broker.position(reach.before)),
                more: self.has_more(),
                gaps,
                retry_ms: self.retry_ms,
            });
        });
    }

    /// Hands what is gone to `write` as the protocol shows it.
    pub(crate) fn with_gaps(&self, broker: &Broker, write: impl FnOnce(&[GapView<'_>])) {
        let gaps: Vec<(GapNotice<'_>, String)> =
            self.gaps(broker).map(|gap| (gap, gap.from.to_string())).collect();
        write(&gaps.iter().map(|(gap, from)| gap.view(from)).collect::<Vec<_>>());
    }

    /// Where to continue after it.
    pub(crate) fn bookmark(&self, broker: &Broker) -> Bookmark {
        Bookmark { after: broker.position(self.after), state: self.state }
    }

    /// Whether it is a page of history and there is more of what was asked for.
    pub(crate) fn has_more(&self) -> bool {
        self.reach.is_some_and(|reach| reach.has_more)
    }

    /// Its messages, in order.
    pub fn messages(&self) -> impl Iterator<Item = &Arc<Message>> {
        self.items.iter().filter_map(|item| match item {
            Item::Message(message) => Some(message),
            Item::Gap(_) => None,
        })
    }

    /// How many gap notices it has for messages that retention has removed.
    pub fn expired_gaps(&self) -> usize {
        self.items.len() - self.messages().count()
    }

    /// How many it has for positions that the log does not have.
    pub fn unknown_gaps(&self) -> usize {
        self.lost.len()
    }

    /// What would have been on it and is gone.
    pub fn gaps(&self, broker: &Broker) -> impl Iterator<Item = GapNotice<'_>> {
        let lost = self.lost.iter().map(|lost| GapNotice::of_start(lost, broker));
        let gaps = self.items.iter().filter_map(|item| match item {
            Item::Gap(gap) => Some(GapNotice::of(gap, broker)),
            Item::Message(_) => None,
        });
        lost.chain(gaps)
    }
}

/// The message object.
static OBJECT: Encoding = Encoding::new(Transport::Poll, |message, broker, output| {
    view(message, broker).write_json(output)
});

/// The payload as a JSON value.
static VALUE: Encoding = Encoding::new(Transport::Poll, |message, broker, output| {
    view(message, broker).data.write_json(output)
});
