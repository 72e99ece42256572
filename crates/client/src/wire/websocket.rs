//! The WebSocket: `GET /ws` with `tidewire.v1`, one subscription for each channel or pattern.

use super::{
    Failure, Item, TokenRefusal,
    renewal::{Background, newer_token},
    send,
};
use crate::{
    Client,
    http::{ErrorResponse, describe},
    progress::Progress,
    token::Token,
};
use reqwest::{Method, Response, StatusCode, Upgraded, header};
use std::{mem, time::Duration};
use tidewire_protocol::{self as protocol, ClientMessage, ServerEvent, Subscribe, close};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    select,
};
use ws_frame::{
    Close, Decoder, Event, HandshakeKey, Kind, Limits, Role, VERSION, encode_close, encode_pong,
    encode_text,
};

#[derive(Debug)]
pub(crate) struct WebSocket {
    io: Upgraded,
    decoder: Decoder,
    input: Vec<u8>,
    /// How much of `input` has been decoded.
    consumed: usize,
    /// A text that comes in pieces.
    text: Vec<u8>,
    /// What is still to be sent.
    output: Vec<u8>,
    client: Client,
    renewal: Background<Option<Token>>,
    /// The numbers of requests from this one on are those of renewals.
    renewal_id: u64,
}

impl WebSocket {
    pub(super) async fn open(client: &Client, progress: &Progress) -> Result<Self, Failure> {
        let key = HandshakeKey::from_random(fastrand::u128(..).to_ne_bytes());
        let request = client
            .request(Method::GET, &["ws"], &[])
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, VERSION)
            .header(header::SEC_WEBSOCKET_KEY, key.as_str())
            .header(header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL);
        let response = send(client, request).await?;
        check(&response, &key)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(ErrorResponse::read(response).await.into());
        }
        let io = response.upgrade().await.map_err(|error| Failure::Cut(describe(&error)))?;
        let (output, renewal_id) = subscribe_frames(progress);
        let mut websocket = Self {
            io,
            decoder: Decoder::new(Role::Client),
            input: Vec::new(),
            consumed: 0,
            text: Vec::new(),
            output,
            client: client.clone(),
            renewal: Background::idle(),
            renewal_id,
        };
        websocket.flush().await?;
        Ok(websocket)
    }

    /// Waits for the next item, or for more of one that has begun: the server is sending it.
    pub(super) async fn next(&mut self) -> Result<Item, Failure> {
        let mut has_read = false;
        loop {
            let item = self.take_item();
            // Also on a failure: the answer to a close is among it.
            let flushed = self.flush().await;
            match item? {
                Some(Item::Expiring) => {
                    self.renewal.start(newer_token(self.client.clone()));
                    return Ok(Item::Alive);
                }
                Some(item) => return Ok(item),
                None => flushed?,
            }
            if has_read {
                return Ok(Item::Alive);
            }
            self.input.drain(..mem::take(&mut self.consumed));
            let read = select! {
                read = self.io.read_buf(&mut self.input) => read,
                token = self.renewal.done() => {
                    self.send_token(token.as_ref());
                    continue;
                }
            };
            has_read = match read {
                Ok(0) => return Err(Failure::Cut("the server ended the connection".into())),
                Ok(_) => true,
                Err(error) => return Err(Failure::Cut(describe(&error))),
            }
        }
    }

    /// Decodes up to the next item, or `None` if that takes more bytes.
    fn take_item(&mut self) -> Result<Option<Item>, Failure> {
        loop {
            let Some(mut input) = self.input.get_mut(self.consumed..) else { return Ok(None) };
            let available = input.len();
            let event = self.decoder.decode(&mut input, &LIMITS);
            self.consumed += available - input.len();
            match event {
                Ok(None) => return Ok(None),
                Ok(Some(Event::Text(text))) => return interpret(text, self.renewal_id).map(Some),
                Ok(Some(Event::Piece(piece))) => {
                    if piece.kind == Kind::Text {
                        self.text.extend_from_slice(piece.payload);
                    }
                    if piece.part.ends() && piece.kind == Kind::Text {
                        return finish(&mut self.text, self.renewal_id).map(Some);
                    }
                }
                Ok(Some(Event::Ping(payload))) => {
                    encode_pong(payload, Some(mask_key()), &mut self.output).map_err(cut)?;
                    return Ok(Some(Item::Alive));
                }
                // `tidewire.v1` is text; the rest is for a newer client.
                Ok(Some(Event::Binary(_) | Event::Pong(_))) => return Ok(Some(Item::Alive)),
                Ok(Some(Event::Close(close))) => {
                    encode_close(close, Some(mask_key()), &mut self.output).map_err(cut)?;
                    return Err(closed(close));
                }
                Err(error) => {
                    let close = Close { code: error.close_code(), reason: "" };
                    encode_close(Some(close), Some(mask_key()), &mut self.output).map_err(cut)?;
                    return Err(cut(error));
                }
            }
        }
    }

    /// Hands over a newer token, if there is one.
    fn send_token(&mut self, token: Option<&Token>) {
        let Some(token) = token else { return };
        let mut json = Vec::new();
        let request = protocol::Token { id: Some(self.renewal_id), token: token.text().into() };
        ClientMessage::Token(request).write_json(&mut json);
        encode_text(&String::from_utf8_lossy(&json), Some(mask_key()), &mut self.output);
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        if self.output.is_empty() {
            return Ok(());
        }
        let written = self.io.write_all(&self.output).await;
        self.output.clear();
        written.map_err(cut)
    }
}

/// Checks what a server that speaks WebSocket and `tidewire.v1` says when it agrees.
fn check(response: &Response, key: &HandshakeKey) -> Result<(), Failure> {
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS
            if header(header::SEC_WEBSOCKET_ACCEPT) != Some(key.accept().as_str()) =>
        {
            Err(Failure::unsuitable(
                "the peer accepted a WebSocket but does not follow its \
                protocol",
            ))
        }
        StatusCode::SWITCHING_PROTOCOLS
            if header(header::SEC_WEBSOCKET_PROTOCOL) != Some(SUBPROTOCOL) =>
        {
            Err(Failure::unsuitable("the WebSocket does not speak tidewire.v1"))
        }
        status if status.is_success() => Err(Failure::unsuitable(
            "there is no WebSocket at this \
            address",
        )),
        _ => Ok(()),
    }
}

/// A request for each channel, and the next number for a request.
fn subscribe_frames(progress: &Progress) -> (Vec<u8>, u64) {
    let (mut frames, mut next_id) = (Vec::new(), 1);
    for (id, channel) in (1..).zip(progress.channels()) {
        let since = Some(progress.since_of(channel).to_string().into());
        let mut json = Vec::new();
        let channel = channel.into();
        ClientMessage::Subscribe(Subscribe { id, channel, since, ..Subscribe::default() })
            .write_json(&mut json);
        encode_text(&String::from_utf8_lossy(&json), Some(mask_key()), &mut frames);
        next_id = id + 1;
    }
    (frames, next_id)
}

/// Reads a text whose last piece has come.
fn finish(text: &mut Vec<u8>, renewal_id: u64) -> Result<Item, Failure> {
    let text = mem::take(text);
    interpret(str::from_utf8(&text).map_err(cut)?, renewal_id)
}

fn interpret(text: &str, renewal_id: u64) -> Result<Item, Failure> {
    Ok(match ServerEvent::parse(text).map_err(cut)? {
        ServerEvent::Welcome(welcome) => {
            Item::Heartbeat(Duration::from_millis(welcome.heartbeat_ms))
        }
        ServerEvent::Subscribed(subscribed) => {
            Item::Subscribed(subscribed.channel, subscribed.position)
        }
        ServerEvent::Message(message) => Item::Message(message),
        ServerEvent::Gap(gap) => Item::Gap(gap),
        ServerEvent::Position(reached) => Item::Position(reached.position.into()),
        ServerEvent::Goodbye(goodbye) => goodbye.into(),
        ServerEvent::Expiring(_) => Item::Expiring,
        // The connection goes on until the older token expires.
        ServerEvent::Error(refusal) if refusal.id == Some(renewal_id) => Item::Alive,
        ServerEvent::Error(refusal) => return Err(Failure::of_error(refusal)),
        ServerEvent::Unsubscribed(ended) => return Err(Failure::of_unsubscribed(ended)),
        ServerEvent::Published(_)
        | ServerEvent::Granted(_)
        | ServerEvent::History(_)
        | ServerEvent::Presence(_)
        | ServerEvent::Other { .. } => Item::Alive,
    })
}

fn closed(close: Option<Close<'_>>) -> Failure {
    let Some(Close { code, reason }) = close else {
        return Failure::Cut("the server closed without a reason".into());
    };
    match code.number() {
        close::NORMAL => Failure::Finished,
        code @ (close::GRANT_EXPIRED | close::KEY_WITHDRAWN | close::UNAUTHENTICATED) => {
            Failure::TokenRefused(TokenRefusal::Closed { code, reason: reason.into() })
        }
        code if close::retryable(code) => {
            Failure::Cut(format!("the server closed: {code} {reason}"))
        }
        code => Failure::Closed { code, reason: reason.into() },
    }
}

fn cut(error: impl std::error::Error + 'static) -> Failure {
    Failure::Cut(describe(&error))
}

fn mask_key() -> [u8; 4] {
    fastrand::u32(..).to_ne_bytes()
}

const SUBPROTOCOL: &str = "tidewire.v1";

/// As for a line of the NDJSON stream; a server of ours does not fragment at all.
const LIMITS: Limits =
    Limits { message_bytes_max: 16 << 20, fragments_max: 1 << 16, whole_bytes_max: 0 };
