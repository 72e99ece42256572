//! A message's bytes for each wire, its position included; made once and shared by every reader.

use crate::{start::in_words, wire::write_chunk};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sse_codec::Block;
use std::{borrow::Cow, ops::Range};
use tidewire_broker::{Broker, Content, Message};
use tidewire_protocol::{Data, MessageView, ServerMessage};

/// The different ways in which a message is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// A chunk with an event whose data is the payload.
    EventRaw,
    /// A chunk with an event whose data is the message object.
    EventJson,
    /// A chunk with the payload and a line end.
    LineRaw,
    /// A chunk with the message object and a line end.
    LineJson,
    /// A frame with the payload.
    FrameRaw,
    /// A frame with the message object.
    FrameJson,
    /// A frame with the message object, which says that it is one.
    FrameMessage,
    /// The message object.
    Object,
    /// The payload as a JSON value.
    Value,
}

impl Encoding {
    const fn number(self) -> usize {
        match self {
            Self::EventRaw => 0,
            Self::EventJson => 1,
            Self::LineRaw => 2,
            Self::LineJson => 3,
            Self::FrameRaw => 4,
            Self::FrameJson => 5,
            Self::FrameMessage => 6,
            Self::Object => 7,
            Self::Value => 8,
        }
    }

    /// The message's bytes, from whoever made them first.
    pub(crate) fn of<'a>(self, message: &'a Message, broker: &Broker) -> &'a [u8] {
        broker.encoded(message, self.number(), |message| {
            let mut output = Vec::new();
            self.write(message, broker, &mut output);
            output
        })
    }

    fn write(self, message: &Message, broker: &Broker, output: &mut Vec<u8>) {
        let view = view(message, broker);
        match self {
            Self::EventRaw => write_chunk(output, |output| write_event(message, &view, output)),
            Self::EventJson => write_chunk(output, |output| {
                let data = object(&view);
                write_block(
                    &Block { data: Some(&data), ..block(&view.position.to_string()) },
                    output,
                );
            }),
            Self::LineRaw => write_chunk(output, |output| {
                output.extend_from_slice(readable(message.content()).as_bytes());
                output.push(b'\n');
            }),
            Self::LineJson => write_chunk(output, |output| {
                view.write_json(output);
                output.push(b'\n');
            }),
            Self::FrameRaw => match message.content() {
                Content::Binary(bytes) => ws_frame::encode_binary(bytes, None, output),
                Content::Json(text) | Content::Text(text) => {
                    ws_frame::encode_text(text, None, output);
                }
                Content::Nothing => {}
            },
            Self::FrameJson => ws_frame::encode_text(&object(&view), None, output),
            Self::FrameMessage => {
                ws_frame::encode_text(&text(&ServerMessage::Message(view)), None, output);
            }
            Self::Object => view.write_json(output),
            Self::Value => view.data.write_json(output),
        }
    }
}

/// A message as the protocol shows it.
pub(crate) fn view<'a>(message: &'a Message, broker: &Broker) -> MessageView<'a> {
    MessageView {
        channel: message.channel().as_str(),
        position: in_words(broker.position(message.offset())),
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

/// Where in an encoded chunk its content lies, for responses that are not chunked.
pub(crate) fn chunk_content(chunk: &[u8]) -> Range<usize> {
    let head = chunk.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    head..chunk.len().saturating_sub(b"\r\n".len()).max(head)
}

fn write_event(message: &Message, view: &MessageView<'_>, output: &mut Vec<u8>) {
    let id = view.position.to_string();
    match message.content() {
        // Nothing to dispatch; the place moves on all the same.
        Content::Nothing => write_block(&block(&id), output),
        content => {
            let data = readable(content);
            write_block(&Block { event: view.event, data: Some(&data), ..block(&id) }, output);
        }
    }
}

fn block(id: &str) -> Block<'_> {
    Block { id: Some(id), ..Block::default() }
}

fn write_block(block: &Block<'_>, output: &mut Vec<u8>) {
    // Positions hold no line end and labels refuse them, so nothing is refused here.
    block.encode(output).unwrap_or_default();
}

/// A payload as text: bytes of no known meaning become a `data:` URL, which says that it is
/// base64 and which a browser can fetch.
fn readable(content: &Content) -> Cow<'_, str> {
    match content {
        Content::Json(text) | Content::Text(text) => Cow::Borrowed(text),
        Content::Binary(bytes) => {
            let mut url = String::from("data:application/octet-stream;base64,");
            BASE64_STANDARD.encode_string(bytes, &mut url);
            Cow::Owned(url)
        }
        Content::Nothing => Cow::Borrowed(""),
    }
}

fn object(view: &MessageView<'_>) -> String {
    let mut json = Vec::new();
    view.write_json(&mut json);
    String::from_utf8_lossy(&json).into_owned()
}

fn text(message: &ServerMessage<'_>) -> String {
    let mut json = Vec::new();
    message.write_json(&mut json);
    String::from_utf8_lossy(&json).into_owned()
}
