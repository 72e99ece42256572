//! What is published, and the patterns that read it.

use tidewire_broker::{
    Broker, ChannelName, Content, Draft, Gathered, Grant, Message, Reader, Start,
};

/// The payload of every message of the broker's and the connection's benches.
pub const MESSAGE_BYTES: usize = 128;

/// JSON-like ASCII of this many bytes, without a line end.
pub fn text(bytes: usize) -> String {
    r#"{"role":"assistant","text":"and so on"} "#.chars().cycle().take(bytes).collect()
}

/// The names `chat.0`, `chat.1` and so on.
pub fn channels(count: usize) -> Vec<ChannelName> {
    (0..count).map(|number| format!("chat.{number}").parse().unwrap()).collect()
}

/// Publishes one message as a request does: permit, draft, append.
pub fn publish(broker: &Broker, channel: &ChannelName, payload: &str) {
    let permit = Grant::open().permit(channel).unwrap();
    let draft = Draft::new(Content::Text(payload.into()));
    broker.append(permit, draft, 0).unwrap();
}

/// A reader of `pattern` that has had everything up to `offset`.
pub fn follow_from(broker: &Broker, pattern: &str, offset: u64) -> Reader {
    let mut reader = Reader::default();
    let start = Start::after(broker.position(offset));
    let permit = Grant::open().permit_subscribe(&pattern.parse().unwrap()).unwrap();
    reader.follow(broker, &[permit], start);
    reader
}

/// Copies the encodings of what was gathered side by side, as a connection fills its write.
///
/// The encoding is the payload itself: what a codec makes of it is the codecs' bench.
pub fn hand_out(broker: &Broker, gathered: &Gathered, output: &mut Vec<u8>) {
    output.clear();
    for message in gathered.messages() {
        let encode = |message: &Message| message.content().as_bytes().to_vec();
        output.extend_from_slice(broker.encoded(message, 0, encode));
    }
}
