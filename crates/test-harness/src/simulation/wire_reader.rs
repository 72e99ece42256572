//! Decodes the bytes that a client receives, with the codecs that real clients use.

use super::chunks::Chunks;
use sse_codec::Item;
use std::mem;
use tidewire_connection::{Format, Framing, Heartbeat, Wire};
use tidewire_protocol::{
    Gap, Goodbye, Message, PollAnswer, Position, Reached, ServerEvent, StreamLine,
};
use ws_frame::{Decoder, Event, Kind, Limits, Role};

/// How a client receives: its transport and format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Over a wire that stays.
    Live(Wire),
    /// By one request after the other.
    Poll,
}

impl Manner {
    /// Whether a script in a browser could receive like this: it sees whole events and frames, and no pings.
    pub(crate) fn is_script(self) -> bool {
        matches!(
            self,
            Self::Live(
                Wire::Sse { heartbeat: Heartbeat::Event, .. }
                    | Wire::WebSocket(Format::Json)
                    | Wire::Tidewire
            )
        )
    }
}

/// One received item.
#[derive(Debug)]
pub(crate) enum Received {
    /// Everything up to here was said.
    Place(Position),
    Message(Box<Message>),
    /// A payload as published, and where it stands if the wire says so.
    Raw {
        position: Option<Position>,
        event: Option<String>,
        body: Body,
    },
    Gap(Gap),
    Answer(Box<PollAnswer>),
    Said(Box<ServerEvent>),
    Ping(Vec<u8>),
    Close(Option<u16>),
    Nothing,
}

/// A payload on a raw wire.
#[derive(Debug)]
pub(crate) enum Body {
    Text(String),
    Binary(Vec<u8>),
}

/// The reading end of one response.
pub(crate) struct WireReader {
    chunks: Option<Chunks>,
    kind: Decoding,
}

enum Decoding {
    Sse {
        format: Format,
        parser: Box<sse_codec::Parser>,
        known_id: String,
    },
    Lines {
        format: Format,
        line: Vec<u8>,
    },
    /// By their format; by `tidewire.v1` if there is none.
    Frames {
        format: Option<Format>,
        decoder: Decoder,
        unread: Vec<u8>,
        message: Vec<u8>,
    },
    Answer(Vec<u8>),
}

impl WireReader {
    pub(crate) fn new(manner: Manner) -> Self {
        let kind = match manner {
            Manner::Live(Wire::Sse { format, .. }) => {
                Decoding::Sse { format, parser: Box::default(), known_id: String::new() }
            }
            Manner::Live(Wire::Stream { format, .. }) => {
                Decoding::Lines { format, line: Vec::new() }
            }
            Manner::Live(wire @ (Wire::WebSocket(_) | Wire::Tidewire)) => Decoding::Frames {
                format: match wire {
                    Wire::WebSocket(format) => Some(format),
                    _ => None,
                },
                decoder: Decoder::new(Role::Client),
                unread: Vec::new(),
                message: Vec::new(),
            },
            Manner::Poll => Decoding::Answer(Vec::new()),
        };
        let is_chunked = matches!(
            manner,
            Manner::Live(
                Wire::Sse { framing: Framing::Chunked, .. }
                    | Wire::Stream { framing: Framing::Chunked, .. }
            )
        );
        Self { chunks: is_chunked.then(Chunks::default), kind }
    }

    /// Appends to `received` what `input` completes.
    pub(crate) fn receive(
        &mut self,
        input: &[u8],
        received: &mut Vec<Received>,
    ) -> Result<(), String> {
        let mut content = Vec::new();
        match &mut self.chunks {
            Some(chunks) => chunks.read(input, &mut content)?,
            None => content.extend_from_slice(input),
        }
        match &mut self.kind {
            Decoding::Sse { format, parser, known_id } => {
                receive_events(&content, *format, parser, known_id, received)
            }
            Decoding::Lines { format, line } => receive_lines(&content, *format, line, received),
            Decoding::Frames { format, decoder, unread, message } => {
                unread.extend_from_slice(&content);
                receive_frames(*format, decoder, unread, message, received)
            }
            Decoding::Answer(json) => {
                json.extend_from_slice(&content);
                Ok(())
            }
        }
    }

    /// Whether the server has said that this is all.
    pub(crate) fn is_over(&self) -> bool {
        self.chunks.as_ref().is_some_and(Chunks::is_over)
    }

    /// Whether the input ended inside something.
    pub(crate) fn is_inside(&self) -> bool {
        self.chunks.as_ref().is_some_and(Chunks::is_inside)
            || match &self.kind {
                Decoding::Sse { .. } => false,
                Decoding::Lines { line, .. } => !line.is_empty(),
                Decoding::Frames { unread, message, .. } => {
                    !unread.is_empty() || !message.is_empty()
                }
                Decoding::Answer(json) => !json.is_empty(),
            }
    }

    /// The poll's answer, if all of it came before the end.
    pub(crate) fn into_answer(self) -> Option<Received> {
        let Decoding::Answer(json) = self.kind else { return None };
        serde_json::from_slice(&json).ok().map(|answer| Received::Answer(Box::new(answer)))
    }
}

fn receive_events(
    content: &[u8],
    format: Format,
    parser: &mut sse_codec::Parser,
    known_id: &mut String,
    received: &mut Vec<Received>,
) -> Result<(), String> {
    // Line by line, so that a block which only moves the id is seen before what follows it.
    for mut line in content.split_inclusive(|byte| *byte == b'\n') {
        while let Some(item) = parser.parse(&mut line).map_err(|error| error.to_string())? {
            let Item::Event(event) = item else { continue };
            if event.name == "$gap" {
                if event.last_event_id != known_id {
                    return Err(format!("a gap moves the id to {}", event.last_event_id));
                }
                received.push(receive_json(event.data)?);
                continue;
            }
            known_id.clear();
            known_id.push_str(event.last_event_id);
            received.push(match event.name {
                "$position" => receive_position(&event)?,
                "$error" | "$expiring" | "$goodbye" => receive_json(event.data)?,
                _ => receive_event(&event, format)?,
            });
        }
        if parser.last_event_id() != known_id {
            known_id.clear();
            known_id.push_str(parser.last_event_id());
            received.push(Received::Place(position(known_id)?));
        }
    }
    Ok(())
}

fn receive_position(event: &sse_codec::Event<'_>) -> Result<Received, String> {
    let reached = ServerEvent::parse(event.data).map_err(|error| error.to_string())?;
    match reached {
        ServerEvent::Position(Reached { position: place, heartbeat_ms: Some(_) })
            if place == position(event.last_event_id)? =>
        {
            Ok(Received::Place(place))
        }
        other => Err(format!("{other:?} under the id {}", event.last_event_id)),
    }
}

fn receive_event(event: &sse_codec::Event<'_>, format: Format) -> Result<Received, String> {
    let position = position(event.last_event_id)?;
    if format == Format::Raw {
        return Ok(Received::Raw {
            position: Some(position),
            event: (event.name != "message").then(|| event.name.to_owned()),
            body: Body::Text(event.data.to_owned()),
        });
    }
    match receive_json(event.data)? {
        Received::Message(message) if message.position != position => {
            Err(format!("id {position} beside {}", message.position))
        }
        received => Ok(received),
    }
}

fn receive_lines(
    content: &[u8],
    format: Format,
    line: &mut Vec<u8>,
    received: &mut Vec<Received>,
) -> Result<(), String> {
    for piece in content.split_inclusive(|byte| *byte == b'\n') {
        line.extend_from_slice(piece);
        if line.ends_with(b"\n") {
            let text = String::from_utf8(mem::take(line)).map_err(|error| error.to_string())?;
            let text = text.trim_end_matches('\n');
            received.push(if format == Format::Json {
                receive_json(text)?
            } else {
                receive_raw(text)?
            });
        }
    }
    Ok(())
}

fn receive_frames(
    format: Option<Format>,
    decoder: &mut Decoder,
    unread: &mut Vec<u8>,
    message: &mut Vec<u8>,
    received: &mut Vec<Received>,
) -> Result<(), String> {
    let mut input = &mut unread[..];
    let limits = Limits::default();
    while let Some(event) =
        decoder.decode(&mut input, &limits).map_err(|error| error.to_string())?
    {
        received.push(match event {
            Event::Text(text) => receive_text(format, text)?,
            Event::Binary(bytes) => receive_binary(bytes.to_vec()),
            Event::Piece(piece) => {
                message.extend_from_slice(piece.payload);
                if !piece.part.ends() {
                    continue;
                }
                let whole = mem::take(message);
                match piece.kind {
                    Kind::Binary => receive_binary(whole),
                    Kind::Text => {
                        let text = String::from_utf8(whole).map_err(|error| error.to_string())?;
                        receive_text(format, &text)?
                    }
                }
            }
            Event::Ping(payload) => Received::Ping(payload.to_vec()),
            Event::Pong(_) => Received::Nothing,
            Event::Close(close) => Received::Close(close.map(|close| close.code.number())),
        });
    }
    let left = input.len();
    unread.drain(..unread.len() - left);
    Ok(())
}

fn receive_text(format: Option<Format>, text: &str) -> Result<Received, String> {
    match format {
        Some(Format::Raw) => receive_raw(text),
        Some(Format::Json) => receive_json(text),
        None => match ServerEvent::parse(text).map_err(|error| error.to_string())? {
            ServerEvent::Message(message) => Ok(Received::Message(Box::new(message))),
            ServerEvent::Gap(gap) => Ok(Received::Gap(gap)),
            ServerEvent::Position(reached) => Ok(Received::Place(reached.position)),
            ServerEvent::Goodbye(goodbye) => Ok(receive_goodbye(&goodbye)),
            said => Ok(Received::Said(Box::new(said))),
        },
    }
}

fn receive_binary(bytes: Vec<u8>) -> Received {
    Received::Raw { position: None, event: None, body: Body::Binary(bytes) }
}

fn receive_raw(text: &str) -> Result<Received, String> {
    match text {
        "" => Ok(Received::Nothing),
        error if error.starts_with(r#"{"type":"error""#) => receive_json(error),
        gap if gap.starts_with(r#"{"type":"gap""#) => receive_json(gap),
        notice if notice.starts_with(r#"{"type":"expiring""#) => receive_json(notice),
        _ => Ok(Received::Raw { position: None, event: None, body: Body::Text(text.to_owned()) }),
    }
}

fn receive_json(json: &str) -> Result<Received, String> {
    match StreamLine::parse(json).map_err(|error| format!("{error} in {json}"))? {
        StreamLine::Message(message) => Ok(Received::Message(Box::new(message))),
        StreamLine::Gap(gap) => Ok(Received::Gap(gap)),
        StreamLine::Position(position) => Ok(Received::Place(position)),
        StreamLine::Goodbye(goodbye) => Ok(receive_goodbye(&goodbye)),
        // A publish was refused, or the grant has expired.
        StreamLine::Error(_) => Ok(Received::Nothing),
        StreamLine::Unsubscribed(ended) => Err(format!("unexpected: {ended:?}")),
        // Such a client does not renew: its connection ends in time, or is granted more from outside.
        StreamLine::Expiring(_) => Ok(Received::Nothing),
        StreamLine::Connection(named) => Err(format!("unexpected: {named:?}")),
        StreamLine::Other { kind } => Err(format!("{kind} is no line of ours")),
    }
}

/// A goodbye with a position is as good a place to resume from as any.
fn receive_goodbye(goodbye: &Goodbye) -> Received {
    goodbye.position.map_or(Received::Nothing, Received::Place)
}

fn position(text: &str) -> Result<Position, String> {
    text.parse().map_err(|_| format!("{text:?} is no position"))
}
