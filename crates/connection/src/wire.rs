//! The wires, and what each says besides messages: its opening, heartbeat, gap notice and ending.

use crate::{Limits, encoding::Encoding};
use sse_codec::Block;
use std::time::Duration;
use tidewire_protocol::{GapView, Position, PositionView, ServerMessage};

/// How bytes reach a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Server-Sent Events.
    Sse {
        /// What `data:` carries.
        format: Format,
        /// How the response is delimited.
        framing: Framing,
        /// What says that the connection is there.
        heartbeat: Heartbeat,
    },
    /// One message a line.
    Stream {
        /// What a line carries.
        format: Format,
        /// How the response is delimited.
        framing: Framing,
    },
    /// WebSocket.
    WebSocket(Dialect),
}

/// What stands for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The payload as published.
    Raw,
    /// The JSON object of a message.
    Json,
}

/// What a quiet stream of Server-Sent Events carries now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// A block of only an `id`, which moves a browser's `Last-Event-ID` and dispatches nothing.
    Block,
    /// The event `$position`, which a script can listen for; the first comes at the opening.
    Event,
}

/// How an HTTP/1 response that has no length is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By chunks.
    Chunked,
    /// By the end of the connection, as HTTP/1.0 has it.
    UntilClose,
}

/// What is spoken over a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Payloads out, and frames in are published.
    Raw,
    /// Message objects out, and frames in are published.
    Json,
    /// Requests and answers in JSON: the subprotocol `tidewire.v1`.
    Tidewire,
}

impl Wire {
    pub(crate) fn encoding(self) -> Encoding {
        match self {
            Self::Sse { format: Format::Raw, .. } => Encoding::EventRaw,
            Self::Sse { format: Format::Json, .. } => Encoding::EventJson,
            Self::Stream { format: Format::Raw, .. } => Encoding::LineRaw,
            Self::Stream { format: Format::Json, .. } => Encoding::LineJson,
            Self::WebSocket(Dialect::Raw) => Encoding::FrameRaw,
            Self::WebSocket(Dialect::Json) => Encoding::FrameJson,
            Self::WebSocket(Dialect::Tidewire) => Encoding::FrameMessage,
        }
    }

    pub(crate) fn framing(self) -> Option<Framing> {
        match self {
            Self::Sse { framing, .. } | Self::Stream { framing, .. } => Some(framing),
            Self::WebSocket(_) => None,
        }
    }

    pub(crate) fn is_websocket(self) -> bool {
        matches!(self, Self::WebSocket(_))
    }

    /// Whether it says something by itself when there is nothing else to say.
    pub(crate) fn has_heartbeat(self) -> bool {
        // Beside payloads a raw WebSocket has room for pings only.
        self != Self::WebSocket(Dialect::Raw)
    }

    /// What a subscriber hears first: the place at which it begins.
    pub(crate) fn write_opening(self, position: Position, limits: &Limits, output: &mut Vec<u8>) {
        match self {
            Self::Sse { .. } => self.write_place(position, Some(limits.retry_ms), limits, output),
            Self::Stream { format: Format::Json, .. } | Self::WebSocket(Dialect::Json) => {
                self.write_position(position, output);
            }
            Self::WebSocket(Dialect::Tidewire) => self.write_heartbeat(position, limits, output),
            // They cannot say it.
            Self::Stream { format: Format::Raw, .. } | Self::WebSocket(Dialect::Raw) => {}
        }
    }

    /// What a quiet subscriber hears now and then: the place up to which there was nothing.
    pub(crate) fn write_heartbeat(self, position: Position, limits: &Limits, output: &mut Vec<u8>) {
        match self {
            Self::Sse { .. } => self.write_place(position, None, limits, output),
            Self::Stream { format: Format::Json, .. } | Self::WebSocket(Dialect::Json) => {
                self.write_position(position, output);
            }
            Self::Stream { format: Format::Raw, .. } => {
                self.write_framed(output, |o| o.push(b'\n'))
            }
            Self::WebSocket(Dialect::Tidewire) => {
                let mut json = Vec::new();
                ServerMessage::Position { position, heartbeat_ms: None }.write_json(&mut json);
                self.write_text(&json, output);
            }
            // Pings are another matter: they ask for an answer, and no script sees them.
            Self::WebSocket(Dialect::Raw) => {}
        }
    }

    /// Word of messages that are gone.
    ///
    /// A raw wire has no room for it beside payloads, so there it is the one thing that nobody
    /// published: silence would be worse.
    pub(crate) fn write_gap(self, gap: &GapView<'_>, output: &mut Vec<u8>) {
        let mut json = Vec::new();
        gap.write_json(&mut json);
        match self {
            Self::Sse { .. } => {
                let data = String::from_utf8_lossy(&json);
                let block = Block { event: Some(GAP_EVENT), data: Some(&data), ..Block::default() };
                self.write_block(&block, output);
            }
            Self::Stream { .. } | Self::WebSocket(_) => self.write_object(&json, output),
        }
    }

    /// What is said before the server ends the response: when to come back, and the end itself.
    pub(crate) fn write_ending(self, retry_ms: u64, output: &mut Vec<u8>) {
        if let Self::Sse { .. } = self {
            let retry = Some(Duration::from_millis(retry_ms));
            self.write_block(&Block { retry, ..Block::default() }, output);
        }
        if self.framing() == Some(Framing::Chunked) {
            output.extend_from_slice(LAST_CHUNK);
        }
    }

    /// Writes a place on an event stream, as the connection's heartbeat has it.
    fn write_place(
        self,
        position: Position,
        retry_ms: Option<u64>,
        limits: &Limits,
        output: &mut Vec<u8>,
    ) {
        let (id, retry) = (position.to_string(), retry_ms.map(Duration::from_millis));
        let mut block = Block { id: Some(&id), retry, ..Block::default() };
        let mut json = Vec::new();
        let data;
        if let Self::Sse { heartbeat: Heartbeat::Event, .. } = self {
            let heartbeat_ms = Some(limits.heartbeat_ms);
            ServerMessage::Position { position, heartbeat_ms }.write_json(&mut json);
            data = String::from_utf8_lossy(&json);
            (block.event, block.data) = (Some(POSITION_EVENT), Some(&*data));
        }
        self.write_block(&block, output);
    }

    /// Writes JSON as one text frame.
    pub(crate) fn write_text(self, json: &[u8], output: &mut Vec<u8>) {
        ws_frame::encode_text(&String::from_utf8_lossy(json), None, output);
    }

    fn write_position(self, position: Position, output: &mut Vec<u8>) {
        let mut json = Vec::new();
        PositionView { position }.write_json(&mut json);
        self.write_object(&json, output);
    }

    /// Writes JSON as a frame or as a line, whichever the wire has.
    fn write_object(self, json: &[u8], output: &mut Vec<u8>) {
        match self {
            Self::WebSocket(_) => self.write_text(json, output),
            Self::Sse { .. } | Self::Stream { .. } => self.write_framed(output, |output| {
                output.extend_from_slice(json);
                output.push(b'\n');
            }),
        }
    }

    fn write_block(self, block: &Block<'_>, output: &mut Vec<u8>) {
        // Positions and our own event names hold no line end, so nothing is refused here.
        self.write_framed(output, |output| block.encode(output).unwrap_or_default());
    }

    fn write_framed(self, output: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        match self.framing() {
            Some(Framing::Chunked) => write_chunk(output, write),
            Some(Framing::UntilClose) | None => write(output),
        }
    }
}

/// Appends what `write` writes as one chunk ([RFC 9112 §7.1]).
///
/// [RFC 9112 §7.1]: https://www.rfc-editor.org/rfc/rfc9112#section-7.1
pub(crate) fn write_chunk(output: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    write(&mut body);
    output.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
    output.extend_from_slice(&body);
    output.extend_from_slice(b"\r\n");
}

const GAP_EVENT: &str = "$gap";
const POSITION_EVENT: &str = "$position";
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
