//! The WebSocket: `GET /ws` with `tidewire.v1`, one subscription for each channel or pattern.

use super::{Failure, Item, send};
use crate::{
    Client,
    http::{ErrorResponse, describe},
    progress::Progress,
};
use reqwest::{Method, Response, StatusCode, Upgraded, header};
use std::{mem, time::Duration};
use tidewire_protocol::{ClientMessage, ServerEvent, Subscribe, close};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
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
        let response = send(request).await?;
        check(&response, &key)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(ErrorResponse::read(response).await.into());
        }
        let io = response.upgrade().await.map_err(|error| Failure::Cut(describe(&error)))?;
        let mut websocket = Self {
            io,
            decoder: Decoder::new(Role::Client),
            input: Vec::new(),
            consumed: 0,
            text: Vec::new(),
            output: subscribe_frames(progress),
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
            if let Some(item) = item? {
                return Ok(item);
            }
            flushed?;
            if has_read {
                return Ok(Item::Alive);
            }
            self.input.drain(..mem::take(&mut self.consumed));
            has_read = match self.io.read_buf(&mut self.input).await {
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
                Ok(Some(Event::Text(text))) => return interpret(text).map(Some),
                Ok(Some(Event::Piece(piece))) => {
                    if piece.kind == Kind::Text {
                        self.text.extend_from_slice(piece.payload);
                    }
                    if piece.part.ends() && piece.kind == Kind::Text {
                        return finish(&mut self.text).map(Some);
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

fn subscribe_frames(progress: &Progress) -> Vec<u8> {
    let mut frames = Vec::new();
    for (id, channel) in (1..).zip(progress.channels()) {
        let since = Some(progress.since_of(channel).to_string().into());
        let mut json = Vec::new();
        let channel = channel.into();
        ClientMessage::Subscribe(Subscribe { id, channel, since, ..Subscribe::default() })
            .write_json(&mut json);
        encode_text(&String::from_utf8_lossy(&json), Some(mask_key()), &mut frames);
    }
    frames
}

/// Reads a text whose last piece has come.
fn finish(text: &mut Vec<u8>) -> Result<Item, Failure> {
    let text = mem::take(text);
    interpret(str::from_utf8(&text).map_err(cut)?)
}

fn interpret(text: &str) -> Result<Item, Failure> {
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
        ServerEvent::Goodbye(goodbye) => match goodbye.retry_ms {
            Some(retry_ms) => Item::Retry(Duration::from_millis(retry_ms)),
            None => Item::Alive,
        },
        ServerEvent::Error(refusal) => return Err(Failure::of_error(refusal)),
        ServerEvent::Unsubscribed(ended) => return Err(Failure::of_unsubscribed(ended)),
        ServerEvent::Published(_)
        | ServerEvent::Granted(_)
        | ServerEvent::Expiring(_)
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
