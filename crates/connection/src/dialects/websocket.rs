//! A WebSocket without a subprotocol: frames out are messages, and frames in are published to the one channel that is
//! followed.

use super::websocket_frames::{Frame, Frames, write_expiring, write_ping, write_revoked};
use crate::{
    Command, Dialect, Encoding, Ending, Format, GapNotice, Input, Limits, Opened, PendingPublish,
    Profile, Refusal, Reply, Subscription, Transport, message_view::view,
};
use tidewire_broker::{
    Broker, ChannelName, Content, Draft, Forbidden, Grant, Pattern, Permit, Position,
};
use tidewire_protocol::{PositionView, ServerMessage};
use ws_frame::CloseCode;

/// One client's raw WebSocket.
#[derive(Debug)]
pub(super) struct WebSocket {
    format: Format,
    frames: Frames,
    /// Where a client's frames go: the one channel it follows.
    publish_to: Option<ChannelName>,
}

impl WebSocket {
    pub(super) fn new(format: Format) -> Self {
        Self { format, frames: Frames::new(), publish_to: None }
    }

    fn publish(&mut self, content: Content, grant: &Grant) -> Command {
        match permit(self.publish_to.as_ref(), grant) {
            Ok(permit) => {
                let publish = PendingPublish { id: None, permit, draft: Draft::new(content) };
                Command::Publish { publish, wants_echo: true }
            }
            Err(reason) => self.frames.close(CloseCode::POLICY_VIOLATION, reason),
        }
    }
}

impl Dialect for WebSocket {
    fn profile(&self) -> Profile {
        let (encoding, has_heartbeat) = match self.format {
            // Beside payloads there is room for pings only.
            Format::Raw => (&RAW, false),
            Format::Json => (&JSON, true),
        };
        Profile { encoding, input: Input::Publishes, has_heartbeat }
    }

    fn open(&mut self, opened: &Opened<'_>, output: &mut Vec<u8>) {
        let Opened { subscriptions, broker, limits, renewal_id, .. } = opened;
        // A raw one has no room for it beside payloads.
        if let (Format::Json, Some(id)) = (self.format, renewal_id) {
            ws_frame::encode_text(&ServerMessage::Connection { id }.to_json(), None, output);
        }
        if let [Subscription { pattern, .. }] = subscriptions {
            self.publish_to = pattern.as_channel();
        }
        let channel_max =
            self.publish_to.as_ref().map(|channel| broker.options(channel).message_bytes_max);
        self.frames.message_bytes_max =
            channel_max.unwrap_or(usize::MAX).min(limits.message_bytes_max);
    }

    fn write_start(&mut self, opened: &Opened<'_>, output: &mut Vec<u8>) {
        self.write_heartbeat(opened.position, opened.limits, output);
    }

    /// A raw one has no room for it beside payloads, so there it is the one frame that nobody published: silence would be
    /// worse.
    fn write_gap(&self, gap: &GapNotice<'_>, output: &mut Vec<u8>) {
        let json = gap.with_view(|gap| ServerMessage::Gap(gap).to_json());
        ws_frame::encode_text(&json, None, output);
    }

    fn write_unsubscribed(&self, pattern: &Pattern, refusal: &Refusal, output: &mut Vec<u8>) {
        write_revoked(pattern, refusal, output);
    }

    /// A raw one is notified like of a gap: it has to come back before the end, or it is cut off.
    fn write_expiring(&self, in_ms: u64, output: &mut Vec<u8>) {
        write_expiring(in_ms, output);
    }

    fn write_heartbeat(&self, position: Position, _limits: &Limits, output: &mut Vec<u8>) {
        if self.format == Format::Json {
            let json = PositionView { position }.to_json();
            ws_frame::encode_text(&json, None, output);
        }
    }

    fn write_ping(&self, output: &mut Vec<u8>) {
        write_ping(output);
    }

    /// Only a refusal that may pass is said.
    fn write_reply(&self, reply: &Reply<'_>, _broker: &Broker, output: &mut Vec<u8>) {
        if let Reply::Refused { id, refusal } = reply {
            refusal.with_message(*id, |message| {
                ws_frame::encode_text(&message.to_json(), None, output);
            });
        }
    }

    fn write_ending(&mut self, ending: &Ending<'_>, retry_ms: u64, output: &mut Vec<u8>) {
        self.frames.write_ending(ending, retry_ms, output);
    }

    fn decode(
        &mut self,
        input: &mut &mut [u8],
        grant: &Grant,
        output: &mut Vec<u8>,
    ) -> Option<Command> {
        Some(match self.frames.next(input, output)? {
            Frame::Text(text) => self.publish(Content::Text((*text).into()), grant),
            Frame::Binary(bytes) => self.publish(Content::Binary((*bytes).into()), grant),
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

/// The permit for a frame, or why it is not allowed.
fn permit(channel: Option<&ChannelName>, grant: &Grant) -> Result<Permit, &'static str> {
    let channel = channel.ok_or("to publish, subscribe to one channel, or use tidewire.v1")?;
    grant.permit(channel).map_err(|forbidden| match forbidden {
        Forbidden::SystemChannel { .. } => "this channel belongs to the system",
        Forbidden::Publishing { .. } | Forbidden::Joining { .. } => "this connection may only read",
        Forbidden::Expired => "the grant has expired",
        // `History` is never why a publish is refused.
        Forbidden::NotCovered { .. } | Forbidden::History => {
            "the grant does not cover publishing to this channel"
        }
    })
}

static RAW: Encoding =
    Encoding::new(Transport::WebSocket, |message, _, output| match message.content() {
        Content::Binary(bytes) => ws_frame::encode_binary(bytes, None, output),
        Content::Json(text) | Content::Text(text) => ws_frame::encode_text(text, None, output),
        Content::Nothing => {}
    });

static JSON: Encoding = Encoding::new(Transport::WebSocket, |message, broker, output| {
    ws_frame::encode_text(&view(message, broker).to_json(), None, output);
});
