//! A message as the protocol shows it.

use tidewire_broker::{Broker, Content, Message};
use tidewire_protocol::{Data, MessageView};

/// The message, borrowed, in the protocol's words.
pub(crate) fn view<'a>(message: &'a Message, broker: &Broker) -> MessageView<'a> {
    MessageView {
        channel: message.channel().as_str(),
        position: broker.position(message.offset()),
        time: message.time_ms(),
        event: message.event(),
        key: message.key(),
        data: match message.content() {
            Content::Json(json) => Data::Json(json),
            Content::Text(text) => Data::Text(text),
            Content::Binary(bytes) => Data::Binary(bytes),
            Content::Nothing => Data::Nothing,
        },
    }
}
