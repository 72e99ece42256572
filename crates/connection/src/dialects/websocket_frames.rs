//! The frames of a WebSocket, below what is said in them: messages put together, pings answered, the closing handshake.

use crate::{
    Command, Ending, Refusal,
    refusal::{REVOKED, WITHDRAWN},
};
use std::{borrow::Cow, mem};
use tidewire_broker::Pattern;
use tidewire_protocol::{ServerMessage, close};
use ws_frame::{Close, CloseCode, Decoder, Event, Kind, Limits, Piece, Role};

/// One client's frames.
#[derive(Debug)]
pub(super) struct Frames {
    decoder: Decoder,
    /// Payload bytes of one message in.
    pub(super) message_bytes_max: usize,
    /// A message of which only so much has arrived.
    message: Vec<u8>,
    /// A close has been written, or is about to be: of what the client says only its own close counts.
    is_closing: bool,
}

/// What a client's frames come to.
pub(super) enum Frame<'a> {
    /// A text message.
    Text(Cow<'a, str>),
    /// A binary message.
    Binary(Cow<'a, [u8]>),
    /// What concerns the connection alone.
    Control(Command),
}

impl Frames {
    pub(super) fn new() -> Self {
        let (decoder, message) = (Decoder::new(Role::Server), Vec::new());
        Self { decoder, message_bytes_max: 0, message, is_closing: false }
    }

    /// Takes the next frame off the front of `input`, and answers it in `output` if the transport has to.
    pub(super) fn next<'a>(
        &mut self,
        input: &mut &'a mut [u8],
        output: &mut Vec<u8>,
    ) -> Option<Frame<'a>> {
        let limits = Limits::new()
            .message_bytes_max(u64::try_from(self.message_bytes_max).unwrap_or(u64::MAX));
        let event = match self.decoder.decode(input, &limits) {
            Ok(event) => event?,
            Err(error) => {
                *input = &mut [];
                self.message = Vec::new();
                if self.is_closing {
                    // Whatever follows a close is of no interest.
                    return None;
                }
                return Some(Frame::Control(self.close(error.close_code(), &error.to_string())));
            }
        };
        Some(match event {
            Event::Close(close) => {
                if !mem::replace(&mut self.is_closing, true) {
                    let echo = close.map(|Close { code, .. }| Close { code, reason: "" });
                    ws_frame::encode_close(echo, None, output).unwrap_or_default();
                }
                Frame::Control(Command::Leave)
            }
            _ if self.is_closing => Frame::Control(Command::Continue),
            Event::Text(text) => Frame::Text(text.into()),
            Event::Binary(bytes) => Frame::Binary(bytes.into()),
            Event::Piece(piece) => self.keep(piece),
            Event::Ping(payload) => {
                // A ping's payload always fits a pong.
                ws_frame::encode_pong(payload, None, output).unwrap_or_default();
                Frame::Control(Command::Continue)
            }
            Event::Pong(_) => Frame::Control(Command::Continue),
        })
    }

    /// Keeps a piece of a message until it is whole. Its room at most doubles, and never passes what a message may have.
    fn keep<'a>(&mut self, Piece { kind, part, payload, .. }: Piece<'_>) -> Frame<'a> {
        let bytes = self.message.len() + payload.len();
        if bytes > self.message.capacity() {
            let room = (self.message.capacity() * 2).min(self.message_bytes_max).max(bytes);
            self.message.reserve_exact(room - self.message.len());
        }
        self.message.extend_from_slice(payload);
        if !part.ends() {
            return Frame::Control(Command::Continue);
        }
        let message = mem::take(&mut self.message);
        match kind {
            Kind::Binary => Frame::Binary(message.into()),
            Kind::Text => match String::from_utf8(message) {
                Ok(text) => Frame::Text(text.into()),
                Err(_) => {
                    Frame::Control(self.close(CloseCode::INVALID_PAYLOAD, "text is not UTF-8"))
                }
            },
        }
    }

    /// The command that ends a connection whose client does what its dialect does not allow.
    pub(super) fn close(&mut self, code: CloseCode, reason: &str) -> Command {
        let mut last_words = Vec::new();
        self.write_close(code, reason, &mut last_words);
        Command::Close(last_words)
    }

    /// Writes the close that ends a connection for the server's reasons.
    pub(super) fn write_ending(
        &mut self,
        ending: &Ending<'_>,
        retry_ms: u64,
        output: &mut Vec<u8>,
    ) {
        let goodbye;
        let reason = match ending {
            // Scripts of pages see no frame of a raw WebSocket that is no message, but they see this.
            Ending::ShuttingDown { .. } | Ending::Disconnected { .. } => {
                goodbye = ending.goodbye(retry_ms).map(|goodbye| goodbye.to_json());
                goodbye.as_deref().unwrap_or_default()
            }
            Ending::TooSlow => "the client reads too slowly; reconnect and resume",
            Ending::NoRoom(reason) | Ending::Rejected(reason) => reason,
            Ending::Expired => "the grant has expired; get a new one, reconnect and resume",
            Ending::Revoked => REVOKED,
            Ending::Unauthenticated => "no valid token came, which has to be the first request",
            Ending::Withdrawn => WITHDRAWN,
        };
        self.write_close(close_code(ending), reason, output);
    }

    fn write_close(&mut self, code: CloseCode, reason: &str, output: &mut Vec<u8>) {
        // Every reason we give is short enough; without one the code still says most.
        debug_assert!(reason.len() <= CLOSE_REASON_BYTES_MAX, "{reason}");
        let reason = reason.get(..CLOSE_REASON_BYTES_MAX).unwrap_or(reason);
        ws_frame::encode_close(Some(Close { code, reason }), None, output).unwrap_or_default();
        self.is_closing = true;
    }

    /// Bytes of the message that has not arrived whole.
    pub(super) fn held_bytes(&self) -> usize {
        self.message.capacity()
    }

    /// Drops that message.
    pub(super) fn drop_partial(&mut self) {
        self.message = Vec::new();
    }
}

/// The close code for one of the server's reasons.
pub(super) fn close_code(ending: &Ending<'_>) -> CloseCode {
    match ending {
        Ending::ShuttingDown { .. } => CloseCode::SERVICE_RESTART,
        Ending::TooSlow | Ending::NoRoom(_) => CloseCode::TRY_AGAIN_LATER,
        Ending::Rejected(_) | Ending::Revoked => CloseCode::POLICY_VIOLATION,
        Ending::Expired => GRANT_EXPIRED,
        Ending::Unauthenticated => UNAUTHENTICATED,
        Ending::Disconnected { .. } => DISCONNECTED,
        Ending::Withdrawn => KEY_WITHDRAWN,
    }
}

/// Writes that the server has ended a subscription.
pub(super) fn write_revoked(pattern: &Pattern, refusal: &Refusal, output: &mut Vec<u8>) {
    let json = refusal.with_revoked(pattern, |revoked| revoked.to_json());
    ws_frame::encode_text(&json, None, output);
}

/// Writes that the client's grant expires soon.
pub(super) fn write_expiring(in_ms: u64, output: &mut Vec<u8>) {
    ws_frame::encode_text(&ServerMessage::Expiring { in_ms }.to_json(), None, output);
}

/// Writes a ping. One without payload always fits.
pub(super) fn write_ping(output: &mut Vec<u8>) {
    ws_frame::encode_ping(b"", None, output).unwrap_or_default();
}

/// What a close frame holds beside its code ([RFC 6455 §5.5]).
///
/// [RFC 6455 §5.5]: https://www.rfc-editor.org/rfc/rfc6455#section-5.5
const CLOSE_REASON_BYTES_MAX: usize = 123;

/// The code of a client that has not authenticated.
const UNAUTHENTICATED: CloseCode = match CloseCode::new(close::UNAUTHENTICATED) {
    Some(code) => code,
    None => CloseCode::POLICY_VIOLATION,
};

/// The code of a connection that an operator ends.
const DISCONNECTED: CloseCode = match CloseCode::new(close::DISCONNECTED) {
    Some(code) => code,
    None => CloseCode::GOING_AWAY,
};

/// The code of a client whose key is in force no more.
const KEY_WITHDRAWN: CloseCode = match CloseCode::new(close::KEY_WITHDRAWN) {
    Some(code) => code,
    None => CloseCode::POLICY_VIOLATION,
};

/// The code of a grant that has expired.
const GRANT_EXPIRED: CloseCode = match CloseCode::new(close::GRANT_EXPIRED) {
    Some(code) => code,
    None => CloseCode::POLICY_VIOLATION,
};
