//! The channels of presence: which channel has one, and members that an earlier run has left in it.

use crate::{
    Broker, ChannelName, Content, Gathered, HistoryPermit, Message, PresenceBuffer, PresenceChange,
    PresencePermit, Reader, Start, SubscribePermit,
};
use tidewire_names::PRESENCE_PATTERN;

impl Broker {
    /// The channel of presence of `channel`, or `None` if its options have no presence.
    ///
    /// O(rules), or O(1) where no channel at all has one.
    pub fn presence_channel(&self, channel: &ChannelName) -> Option<ChannelName> {
        let is_listed = self.rules().has_presence() && self.options(channel).presence;
        if is_listed { channel.presence() } else { None }
    }

    /// The permits to read the list of a channel's members, or `None` where the channel has no presence. The list is made
    /// of what was published before, so it takes both.
    pub fn presence_list(
        &self,
        permit: &PresencePermit,
    ) -> Option<(SubscribePermit, HistoryPermit)> {
        let list = self.presence_channel(permit.channel())?;
        Some((SubscribePermit::new(list.into()), HistoryPermit::new()))
    }

    /// The joins and leaves that are not published yet.
    pub fn presence_buffer(&self) -> &PresenceBuffer {
        &self.shared.presence_buffer
    }

    /// Notes that every member that the log lists has left.
    ///
    /// For the start of a server whose log outlived it, before anybody joins: those members'
    /// connections ended with an earlier one. O(members).
    pub fn clear_presence(&self) {
        let Ok(pattern) = PRESENCE_PATTERN.parse() else { return };
        let permit = SubscribePermit::new(pattern);
        let (mut reader, _) = Reader::once(self, &permit, Start::Earliest(HistoryPermit::new()));
        let (mut gathered, head) = (Gathered::default(), self.head());
        while !gathered.is_caught_up() {
            reader.gather(self, head, CLEAR_BYTES_MAX, &mut gathered);
            let leftovers = gathered.messages().filter_map(|message| leftover(message));
            self.presence_buffer().note_left(leftovers);
            reader.advance(&gathered, gathered.items().len());
        }
    }
}

/// The leave of the member that a message lists.
fn leftover(message: &Message) -> Option<PresenceChange> {
    let connection = message.key()?.parse().ok()?;
    let is_listed = *message.content() != Content::Nothing;
    is_listed.then(|| PresenceChange::leave(message.channel().clone(), connection))
}

/// Bytes of leftovers looked at between two holds of the buffer's lock.
const CLEAR_BYTES_MAX: usize = 1 << 20;
