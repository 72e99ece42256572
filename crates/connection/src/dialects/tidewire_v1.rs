//! The subprotocol `tidewire.v1`: requests, answers and messages in JSON, one a text frame.

use super::websocket_frames::{
    Frame, Frames, close_code, write_expiring, write_ping, write_revoked,
};
use crate::{
    Command, Credential, Dialect, Encoding, Ending, Format, GapNotice, Identity, Input, Limits,
    Opened, PageRequest, PendingPublish, Profile, Refusal, Reply, RequestedStart, Span,
    Subscription, Transport, message_view::view, parse_page_limit, prepare_publish,
};
use tidewire_broker::{Broker, Grant, Pattern, Position};
use tidewire_protocol::{
    ClientMessage, History, Presence, Publish, RawValue, ServerMessage, Since, Subscribe, close,
};
use ws_frame::CloseCode;

/// One client's conversation.
#[derive(Debug)]
pub(super) struct TidewireV1 {
    frames: Frames,
}

impl TidewireV1 {
    pub(super) fn new() -> Self {
        Self { frames: Frames::new() }
    }
}

impl Dialect for TidewireV1 {
    fn profile(&self) -> Profile {
        Profile { encoding: &MESSAGE, input: Input::Commands, has_heartbeat: true }
    }

    fn open(&mut self, opened: &Opened<'_>, output: &mut Vec<u8>) {
        let Opened { connection, version, broker, limits, .. } = *opened;
        self.frames.message_bytes_max = limits.request_bytes_max();
        let heartbeat_ms = limits.heartbeat_ms;
        // How far the log goes, so that a client that resumes knows how far it is behind.
        let position = broker.position(broker.head());
        write(&ServerMessage::Welcome { connection, version, heartbeat_ms, position }, output);
    }

    fn write_start(&mut self, opened: &Opened<'_>, output: &mut Vec<u8>) {
        // Where a connection begins that follows nothing yet, its welcome says.
        if !opened.subscriptions.is_empty() {
            self.write_heartbeat(opened.position, opened.limits, output);
        }
    }

    fn write_gap(&self, gap: &GapNotice<'_>, output: &mut Vec<u8>) {
        gap.with_view(|gap| write(&ServerMessage::Gap(gap), output));
    }

    fn write_unsubscribed(&self, pattern: &Pattern, refusal: &Refusal, output: &mut Vec<u8>) {
        write_revoked(pattern, refusal, output);
    }

    fn write_expiring(&self, in_ms: u64, output: &mut Vec<u8>) {
        write_expiring(in_ms, output);
    }

    fn write_heartbeat(&self, position: Position, _limits: &Limits, output: &mut Vec<u8>) {
        write(&ServerMessage::Position { position, heartbeat_ms: None }, output);
    }

    fn write_ping(&self, output: &mut Vec<u8>) {
        write_ping(output);
    }

    fn write_reply(&self, reply: &Reply<'_>, broker: &Broker, output: &mut Vec<u8>) {
        match *reply {
            Reply::Subscribed { id, pattern, position } => {
                let channel = pattern.as_str();
                write(&ServerMessage::Subscribed { id, channel, position }, output);
            }
            Reply::Unsubscribed { id, pattern } => {
                write(&ServerMessage::Unsubscribed { id, channel: pattern.as_str() }, output);
            }
            Reply::Published { id, position } => {
                write(&ServerMessage::Published { id, position }, output);
            }
            Reply::Granted { id, expires_in_ms } => {
                write(&ServerMessage::Granted { id, expires_in_ms }, output);
            }
            Reply::History { id, page } => page.with_view(Format::Json, broker, |page| {
                write(&ServerMessage::History { id, page }, output);
            }),
            Reply::Presence { id, page } => page.with_view(broker, |page| {
                write(&ServerMessage::Presence { id, page }, output);
            }),
            Reply::Refused { id, refusal } => {
                refusal.with_message(id, |message| write(message, output));
            }
        }
    }

    fn write_ending(&mut self, ending: &Ending<'_>, retry_ms: u64, output: &mut Vec<u8>) {
        let code = close_code(ending).number();
        let retry = close::retryable(code).then_some(retry_ms);
        let other = || ServerMessage::Goodbye { code, position: None, retry_ms: retry };
        write(&ending.goodbye(retry_ms).unwrap_or_else(other), output);
        self.frames.write_ending(ending, retry_ms, output);
    }

    fn decode(
        &mut self,
        input: &mut &mut [u8],
        grant: &Grant,
        output: &mut Vec<u8>,
    ) -> Option<Command> {
        Some(match self.frames.next(input, output)? {
            Frame::Text(text) => command(&text, grant),
            Frame::Binary(_) => {
                let reason = "tidewire.v1 uses text frames";
                self.frames.close(CloseCode::UNSUPPORTED_DATA, reason)
            }
            Frame::Control(command) => command,
        })
    }

    fn held_bytes(&self) -> usize {
        self.frames.held_bytes()
    }

    fn drop_partial(&mut self) {
        self.frames.drop_partial();
    }
}

static MESSAGE: Encoding = Encoding::new(Transport::WebSocket, |message, broker, output| {
    write(&ServerMessage::Message(view(message, broker)), output);
});

fn write(message: &ServerMessage<'_>, output: &mut Vec<u8>) {
    ws_frame::encode_text(&message.to_json(), None, output);
}

/// What the text of a frame asks for.
fn command(text: &str, grant: &Grant) -> Command {
    let (id, command) = match ClientMessage::parse(text) {
        Ok(ClientMessage::Publish(ask)) => (ask.id, publish(&ask, grant)),
        Ok(ClientMessage::Subscribe(ask)) => (Some(ask.id), subscribe(&ask)),
        Ok(ClientMessage::Unsubscribe(ask)) => {
            let pattern = ask.channel.parse().map_err(Refusal::from);
            (Some(ask.id), pattern.map(|pattern| Command::Unsubscribe { id: ask.id, pattern }))
        }
        Ok(ClientMessage::History(ask)) => (Some(ask.id), history(&ask, grant)),
        Ok(ClientMessage::Presence(ask)) => (Some(ask.id), presence(&ask, grant)),
        Ok(ClientMessage::Token(ask)) => {
            let credential = Credential::new(&ask.token).map_err(Refusal::from);
            let authenticate = |credential| Command::Authenticate { id: ask.id, credential };
            (ask.id, credential.map(authenticate))
        }
        Err(error) => (error.id, Err(error.into())),
    };
    command.unwrap_or_else(|refusal| Command::Refuse { id, refusal })
}

fn publish(ask: &Publish<'_>, grant: &Grant) -> Result<Command, Refusal> {
    let (permit, draft) = prepare_publish(ask, grant)?;
    let publish = PendingPublish { id: ask.id, permit, draft };
    Ok(Command::Publish { publish, wants_echo: ask.wants_echo() })
}

fn subscribe(ask: &Subscribe<'_>) -> Result<Command, Refusal> {
    let pattern = ask.channel.parse()?;
    let since = ask.since.as_deref().map_or(Ok(Since::Now), str::parse)?;
    let identity = Identity::new(ask.user.as_deref(), ask.info.map(RawValue::get))?;
    let subscription = Subscription { pattern, start: RequestedStart::Since(since) };
    Ok(Command::Subscribe { id: ask.id, subscription, identity })
}

fn history(ask: &History<'_>, grant: &Grant) -> Result<Command, Refusal> {
    let permit = grant.permit_subscribe(&ask.channel.parse()?)?;
    let history = grant.permit_history()?;
    let (since, before) = (ask.since.as_deref(), ask.before.as_deref());
    let span = Span::parse(since, before, ask.until.as_deref())?;
    let limit = limit(ask.limit)?;
    Ok(Command::History { id: ask.id, request: PageRequest { permit, history, span, limit } })
}

fn presence(ask: &Presence<'_>, grant: &Grant) -> Result<Command, Refusal> {
    let permit = grant.permit_presence(&ask.channel.parse()?)?;
    let since = ask.since.as_deref().map(str::parse).transpose()?;
    Ok(Command::Presence { id: ask.id, permit, since, limit: limit(ask.limit)? })
}

fn limit(count: Option<u64>) -> Result<Option<usize>, Refusal> {
    Ok(count.map(|count| parse_page_limit(&count.to_string())).transpose()?)
}
