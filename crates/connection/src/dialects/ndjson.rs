//! A stream of lines: a message is a line, of JSON or of its payload alone.

use super::framing::{Framing, chunk_content, readable, write_chunk};
use crate::{
    Dialect, Encoding, Ending, Format, GapNotice, Limits, Opened, Profile, Refusal, Transport,
    message_view::view,
};
use tidewire_broker::{Pattern, Position};
use tidewire_protocol::{PositionView, ServerMessage};

/// One client's stream of lines.
#[derive(Debug)]
pub(super) struct Ndjson {
    pub(super) format: Format,
    pub(super) framing: Framing,
}

impl Dialect for Ndjson {
    fn profile(&self) -> Profile {
        match self.format {
            Format::Raw => self.framing.profile(&RAW, &RAW_UNTIL_CLOSE),
            Format::Json => self.framing.profile(&JSON, &JSON_UNTIL_CLOSE),
        }
    }

    fn open(&mut self, opened: &Opened<'_>, output: &mut Vec<u8>) {
        // A raw stream has no room for it beside payloads.
        if let (Format::Json, Some(id)) = (self.format, opened.renewal_id) {
            let connection = ServerMessage::Connection { id };
            self.write_line(output, |output| connection.write_json(output));
        }
    }

    fn write_start(&mut self, opened: &Opened<'_>, output: &mut Vec<u8>) {
        if self.format == Format::Json {
            self.write_heartbeat(opened.position, opened.limits, output);
        }
    }

    /// A raw stream has no room for it beside payloads, so there it is the one line that nobody published: silence would
    /// be worse.
    fn write_gap(&self, gap: &GapNotice<'_>, output: &mut Vec<u8>) {
        gap.with_view(|gap| self.write_line(output, |output| gap.write_json(output)));
    }

    fn write_unsubscribed(&self, pattern: &Pattern, refusal: &Refusal, output: &mut Vec<u8>) {
        self.write_line(output, |output| {
            refusal.with_revoked(pattern, |revoked| revoked.write_json(output));
        });
    }

    /// In a raw stream too, like a gap.
    fn write_expiring(&self, in_ms: u64, output: &mut Vec<u8>) {
        let expiring = ServerMessage::Expiring { in_ms };
        self.write_line(output, |output| expiring.write_json(output));
    }

    fn write_heartbeat(&self, position: Position, _limits: &Limits, output: &mut Vec<u8>) {
        let position = PositionView { position };
        self.write_line(output, |output| match self.format {
            Format::Json => position.write_json(output),
            Format::Raw => {}
        });
    }

    /// A goodbye is not for a raw stream: all that it has are payloads.
    fn write_ending(&mut self, ending: &Ending<'_>, retry_ms: u64, output: &mut Vec<u8>) {
        let goodbye = ending.goodbye(retry_ms).filter(|_| self.format == Format::Json);
        if let Some(goodbye) = goodbye {
            self.write_line(output, |output| goodbye.write_json(output));
        }
        if let Some(refusal) = ending.refusal() {
            self.write_line(output, |output| {
                refusal.with_message(None, |error| error.write_json(output));
            });
        }
        self.framing.write_end(output);
    }
}

impl Ndjson {
    fn write_line(&self, output: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        self.framing.write(output, |output| {
            write(output);
            output.push(b'\n');
        });
    }
}

static RAW: Encoding = Encoding::new(Transport::Stream, |message, _, output| {
    write_chunk(output, |output| {
        output.extend_from_slice(readable(message.content()).as_bytes());
        output.push(b'\n');
    });
});

static JSON: Encoding = Encoding::new(Transport::Stream, |message, broker, output| {
    write_chunk(output, |output| {
        view(message, broker).write_json(output);
        output.push(b'\n');
    });
});

static RAW_UNTIL_CLOSE: Encoding = Encoding::part_of(&RAW, chunk_content);
static JSON_UNTIL_CLOSE: Encoding = Encoding::part_of(&JSON, chunk_content);
