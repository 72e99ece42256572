//! A page of the members of a channel.
//!
//! It is read like any other page, from the channel of presence; see [`tidewire_broker::PresenceBuffer`].

use super::{
    history::{PageRequest, Span},
    page::Page,
};
use crate::{Limits, Time};
use tidewire_broker::{Broker, ChannelName, Content, PresencePermit};
use tidewire_protocol::{PresenceView, Since};

/// The channel has no presence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{channel} has no presence; set `presence = true` in the configuration, for the channel or a \
     pattern, such as [channels.\"{channel}\"]"
)]
pub struct NoPresence {
    /// Which one.
    pub channel: ChannelName,
}

/// Some of the members of a channel, and the position after them, where the next page or a subscription to the channel of
/// presence begins.
#[derive(Clone, Debug)]
pub struct PresencePage {
    channel: ChannelName,
    page: Page,
}

impl PresencePage {
    /// Reads the members of the permit's channel, or the joins and leaves `since` an earlier page: at most `limit` of
    /// them, and about as many bytes as one gather.
    ///
    /// # Errors
    ///
    /// The channel has no presence.
    pub fn read(
        permit: &PresencePermit,
        since: Option<Since>,
        limit: Option<usize>,
        broker: &Broker,
        limits: &Limits,
        time: Time,
    ) -> Result<Self, NoPresence> {
        let request = Self::request(permit, since, limit, broker)?;
        Ok(Self::new(permit.channel().clone(), Page::read(request, broker, limits, time)))
    }

    /// What to read for such a page, by a [`super::PageReading`].
    ///
    /// # Errors
    ///
    /// The channel has no presence.
    pub fn request(
        permit: &PresencePermit,
        since: Option<Since>,
        limit: Option<usize>,
        broker: &Broker,
    ) -> Result<PageRequest, NoPresence> {
        let list = broker.presence_list(permit);
        let (list, history) =
            list.ok_or_else(|| NoPresence { channel: permit.channel().clone() })?;
        let span = Span::Oldest { since: since.unwrap_or(Since::Earliest), until: None };
        Ok(PageRequest { permit: list, history, span, limit })
    }

    /// The page that came of [`PresencePage::request`].
    pub fn new(channel: ChannelName, page: Page) -> Self {
        Self { channel, page }
    }

    /// Appends it as a JSON object.
    pub fn write_json(&self, broker: &Broker, output: &mut Vec<u8>) {
        self.with_view(broker, |page| page.write_json(output));
    }

    /// Hands the page to `write` as the protocol shows it.
    pub(crate) fn with_view(&self, broker: &Broker, write: impl FnOnce(PresenceView<'_>)) {
        let (mut members, mut left) = (Vec::new(), Vec::new());
        for message in self.page.messages() {
            match message.content() {
                Content::Json(member) => members.push(&**member),
                _ => left.extend(message.key()),
            }
        }
        self.page.with_gaps(broker, |gaps| {
            write(PresenceView {
                channel: self.channel.as_str(),
                members: &members,
                left: &left,
                position: self.page.bookmark(broker),
                more: self.page.has_more(),
                gaps,
            });
        });
    }
}
