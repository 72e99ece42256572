//! Server-Sent Events: a message is a block, and its position is the block's `id`.

use super::framing::{Framing, chunk_content, readable, write_chunk};
use crate::{
    Dialect, Encoding, Ending, Format, GapNotice, Limits, Opened, Profile, Refusal, Transport,
    message_view::view,
};
use sse_codec::Block;
use std::time::Duration;
use tidewire_broker::{Broker, Content, Message, Pattern, Position};
use tidewire_protocol::{ErrorCode, ServerMessage};

/// What a quiet stream of Server-Sent Events carries now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// A block of only an `id`, which moves a browser's `Last-Event-ID` and dispatches nothing.
    Block,
    /// The event `$position`, which a script can listen for; the first comes at the opening.
    Event,
}

/// One client's event stream.
#[derive(Debug)]
pub(super) struct Sse {
    pub(super) format: Format,
    pub(super) framing: Framing,
    pub(super) heartbeat: Heartbeat,
}

impl Dialect for Sse {
    fn profile(&self) -> Profile {
        match self.format {
            Format::Raw => self.framing.profile(&RAW, &RAW_UNTIL_CLOSE),
            Format::Json => self.framing.profile(&JSON, &JSON_UNTIL_CLOSE),
        }
    }

    /// An event of its own, which no `onmessage` gets: a script listens for it by its name.
    fn open(&mut self, opened: &Opened<'_>, output: &mut Vec<u8>) {
        if let Some(id) = opened.renewal_id {
            self.write_event(CONNECTION_EVENT, &ServerMessage::Connection { id }, output);
        }
    }

    fn write_start(&mut self, opened: &Opened<'_>, output: &mut Vec<u8>) {
        let retry = Some(Duration::from_millis(opened.limits.retry_ms));
        self.write_position(opened.position, retry, opened.limits, output);
    }

    fn write_gap(&self, gap: &GapNotice<'_>, output: &mut Vec<u8>) {
        gap.with_view(|gap| self.write_event(GAP_EVENT, &ServerMessage::Gap(gap), output));
    }

    fn write_unsubscribed(&self, pattern: &Pattern, refusal: &Refusal, output: &mut Vec<u8>) {
        refusal.with_revoked(pattern, |revoked| {
            self.write_event(UNSUBSCRIBED_EVENT, revoked, output);
        });
    }

    fn write_expiring(&self, in_ms: u64, output: &mut Vec<u8>) {
        self.write_event(EXPIRING_EVENT, &ServerMessage::Expiring { in_ms }, output);
    }

    fn write_heartbeat(&self, position: Position, limits: &Limits, output: &mut Vec<u8>) {
        self.write_position(position, None, limits, output);
    }

    fn write_ending(&mut self, ending: &Ending<'_>, retry_ms: u64, output: &mut Vec<u8>) {
        let retry = Some(Duration::from_millis(retry_ms));
        let (mut id, mut event, mut data) = (None, None, None);
        if let Some(refusal) = ending.refusal() {
            event = Some(ERROR_EVENT);
            data = Some(refusal.with_message(None, |error| error.to_json()));
        }
        if let (
            Ending::ShuttingDown { position } | Ending::Disconnected { position },
            Some(goodbye),
        ) = (ending, ending.goodbye(retry_ms))
        {
            (event, data) = (Some(GOODBYE_EVENT), Some(goodbye.to_json()));
            id = position.map(|position| position.to_string());
        }
        let (id, data) = (id.as_deref(), data.as_deref());
        let mut block = Block::new();
        (block.id, block.retry, block.name, block.data) = (id, retry, event, data);
        self.write_block(&block, output);
        self.framing.write_end(output);
    }
}

impl Sse {
    /// Writes a position, as the connection's heartbeat has it.
    fn write_position(
        &self,
        position: Position,
        retry: Option<Duration>,
        limits: &Limits,
        output: &mut Vec<u8>,
    ) {
        let id = position.to_string();
        let mut block = Block::new().id(&id);
        block.retry = retry;
        let data;
        if self.heartbeat == Heartbeat::Event {
            let heartbeat_ms = Some(limits.heartbeat_ms);
            data = ServerMessage::Position { position, heartbeat_ms }.to_json();
            (block.name, block.data) = (Some(POSITION_EVENT), Some(&*data));
        }
        self.write_block(&block, output);
    }

    /// Writes an event without a position of its own.
    fn write_event(&self, event: &str, message: &ServerMessage<'_>, output: &mut Vec<u8>) {
        let data = message.to_json();
        let block = Block::new().name(event).data(&data);
        self.write_block(&block, output);
    }

    fn write_block(&self, block: &Block<'_>, output: &mut Vec<u8>) {
        self.framing.write(output, |output| write_block(block, output));
    }
}

/// Appends a whole event stream that says why a request is refused and when to come back, and nothing
/// else.
///
/// Its one event is named `$error` and carries what `tidewire.v1` says of a refusal.
pub fn write_error_event(code: ErrorCode, message: &str, retry_ms: u64, output: &mut Vec<u8>) {
    let error = ServerMessage::Error { id: None, code, message, retry_ms: Some(retry_ms) };
    let (retry, data) = (Duration::from_millis(retry_ms), error.to_json());
    let block = Block::new().retry(retry).name(ERROR_EVENT).data(&data);
    write_block(&block, output);
}

static RAW: Encoding = Encoding::new(Transport::Sse, |message, broker, output| {
    write_chunk(output, |output| write_raw(message, broker, output));
});

static JSON: Encoding = Encoding::new(Transport::Sse, |message, broker, output| {
    let view = view(message, broker);
    let (id, data) = (view.position.to_string(), view.to_json());
    let block = Block::new().id(&id).data(&data);
    write_chunk(output, |output| write_block(&block, output));
});

static RAW_UNTIL_CLOSE: Encoding = Encoding::part_of(&RAW, chunk_content);
static JSON_UNTIL_CLOSE: Encoding = Encoding::part_of(&JSON, chunk_content);

fn write_raw(message: &Message, broker: &Broker, output: &mut Vec<u8>) {
    let id = broker.position(message.offset()).to_string();
    let mut block = Block::new().id(&id);
    match message.content() {
        // Nothing to dispatch; the place moves on all the same.
        Content::Nothing => write_block(&block, output),
        content => {
            let data = readable(content);
            (block.name, block.data) = (message.event(), Some(&*data));
            write_block(&block, output);
        }
    }
}

fn write_block(block: &Block<'_>, output: &mut Vec<u8>) {
    // Neither positions, JSON on one line nor our event names hold a line end, and labels refuse them: nothing is refused
    // here.
    block.encode(output).unwrap_or_default();
}

const CONNECTION_EVENT: &str = "$connection";
const ERROR_EVENT: &str = "$error";
const EXPIRING_EVENT: &str = "$expiring";
const GAP_EVENT: &str = "$gap";
const GOODBYE_EVENT: &str = "$goodbye";
const POSITION_EVENT: &str = "$position";
const UNSUBSCRIBED_EVENT: &str = "$unsubscribed";
