//! The WebSocket: `GET /ws` with `tidewire.v1`, with all channels and patterns in its query.

use super::{
    renewal::{Background, newer_token},
    send, subscribe_request,
};
use crate::{
    Client,
    http::{ErrorResponse, describe},
    machine::{Failure, Item, Opening, TokenRefusal},
    token::Token,
};
use reqwest::{Response, StatusCode, Upgraded, header};
use std::{collections::VecDeque, mem, time::Duration};
use tidewire_protocol::{self as protocol, ClientMessage, Problem, ServerEvent, close};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split},
    select,
    sync::mpsc,
};
use ws_frame::{
    Close, Decoder, Event, HandshakeKey, Kind, Limits, Role, VERSION, encode_close, encode_pong,
    encode_text,
};

#[derive(Debug)]
pub(crate) struct WebSocket {
    reading: ReadHalf<Upgraded>,
    writing: WriteHalf<Upgraded>,
    decoder: Decoder,
    input: Vec<u8>,
    /// How much of `input` has been decoded.
    consumed: usize,
    /// A text that comes in pieces.
    text: Vec<u8>,
    /// What is still to be sent.
    output: Vec<u8>,
    /// What somebody wants to send.
    texts: mpsc::UnboundedReceiver<String>,
    items: VecDeque<Item>,
    client: Client,
    renewal: Background<Option<Token>>,
}

impl WebSocket {
    pub(super) async fn open(
        client: &Client,
        opening: &Opening,
        texts: mpsc::UnboundedReceiver<String>,
    ) -> Result<Self, Failure> {
        let key = HandshakeKey::from_random(fastrand::u128(..).to_ne_bytes());
        let since = opening.since.to_string();
        let mut parameters = vec![("since", since.as_str())];
        parameters.extend(client.member());
        let request = subscribe_request(client, "ws", &opening.channels, &parameters)
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
        let (reading, writing) = split(io);
        Ok(Self {
            reading,
            writing,
            decoder: Decoder::new(Role::Client),
            input: Vec::new(),
            consumed: 0,
            text: Vec::new(),
            output: Vec::new(),
            texts,
            items: VecDeque::new(),
            client: client.clone(),
            renewal: Background::idle(),
        })
    }

    /// Waits for the next item, or for more of one that has begun: the server is sending it.
    pub(super) async fn next(&mut self) -> Result<Item, Failure> {
        let mut has_read = false;
        loop {
            if let Some(item) = self.items.pop_front() {
                return Ok(item);
            }
            match self.take_item() {
                Ok(Some(Decoded::Expiring)) => {
                    self.renewal.start(newer_token(self.client.clone()));
                    return Ok(Item::Alive);
                }
                Ok(Some(Decoded::Items(items))) => {
                    self.items.extend(items);
                    continue;
                }
                Ok(None) if has_read => return Ok(Item::Alive),
                Ok(None) => {}
                Err(failure) => {
                    // The answer to a close, if it can be sent at once.
                    let _ = self.writing.write_all(&self.output).await;
                    return Err(failure);
                }
            }
            self.input.drain(..mem::take(&mut self.consumed));
            has_read = self.exchange().await?;
        }
    }

    /// Reads, writes, or takes something to write, whichever can be done first. Returns whether it has read.
    async fn exchange(&mut self) -> Result<bool, Failure> {
        let is_writing = !self.output.is_empty();
        select! {
            read = self.reading.read_buf(&mut self.input) => match read {
                Ok(0) => Err(Failure::Cut("the server ended the connection".into())),
                Ok(_) => Ok(true),
                Err(error) => Err(Failure::Cut(describe(&error))),
            },
            written = self.writing.write(&self.output), if is_writing => {
                let written = written.map_err(cut)?;
                self.output.drain(..written);
                if self.output.is_empty() {
                    self.writing.flush().await.map_err(cut)?;
                }
                Ok(false)
            }
            Some(text) = self.texts.recv(), if self.output.len() < OUTPUT_BYTES => {
                encode_text(&text, Some(mask_key()), &mut self.output);
                // What waits goes with it, in one write.
                while self.output.len() < OUTPUT_BYTES && let Ok(text) = self.texts.try_recv() {
                    encode_text(&text, Some(mask_key()), &mut self.output);
                }
                Ok(false)
            }
            token = self.renewal.done() => {
                self.send_token(token.as_ref());
                Ok(false)
            }
        }
    }

    /// Decodes up to the next item, or `None` if that takes more bytes.
    fn take_item(&mut self) -> Result<Option<Decoded>, Failure> {
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
                    return Ok(Some(Decoded::Items(vec![Item::Alive])));
                }
                // `tidewire.v1` is text; the rest is for a newer client.
                Ok(Some(Event::Binary(_) | Event::Pong(_))) => {
                    return Ok(Some(Decoded::Items(vec![Item::Alive])));
                }
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
        let request = protocol::Token { id: Some(RENEWAL), token: token.text().into() };
        ClientMessage::Token(request).write_json(&mut json);
        encode_text(&String::from_utf8_lossy(&json), Some(mask_key()), &mut self.output);
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

/// What a frame says.
enum Decoded {
    Items(Vec<Item>),
    /// The token of this connection expires soon.
    Expiring,
}

/// Reads a text whose last piece has come.
fn finish(text: &mut Vec<u8>) -> Result<Decoded, Failure> {
    let text = mem::take(text);
    interpret(str::from_utf8(&text).map_err(cut)?)
}

fn interpret(text: &str) -> Result<Decoded, Failure> {
    let item = match ServerEvent::parse(text).map_err(cut)? {
        ServerEvent::Welcome(welcome) => {
            let heartbeat = Duration::from_millis(welcome.heartbeat_ms);
            return Ok(Decoded::Items(vec![
                Item::Heartbeat(heartbeat),
                Item::Head(welcome.position),
            ]));
        }
        ServerEvent::Subscribed(protocol::Subscribed { id, channel, position }) => {
            Item::Subscribed { id, channel, position }
        }
        ServerEvent::Message(message) => Item::Message(message),
        ServerEvent::Gap(gap) => Item::Gap(gap),
        ServerEvent::Position(reached) => Item::Position(reached.position.into()),
        ServerEvent::Goodbye(goodbye) => goodbye.into(),
        ServerEvent::Expiring(_) => return Ok(Decoded::Expiring),
        // The connection goes on until the older token expires.
        ServerEvent::Error(refusal) if refusal.id == Some(RENEWAL) => Item::Alive,
        ServerEvent::Error(protocol::ErrorEvent { id: Some(id), code, message, retry_ms }) => {
            let problem = Box::new(Problem::from_text(&code, message));
            Item::RequestRefused { id, problem, retry: retry_ms.map(Duration::from_millis) }
        }
        ServerEvent::Error(refusal) => return Err(Failure::of_error(refusal)),
        ServerEvent::Unsubscribed(ended) => Item::Unsubscribed(ended),
        ServerEvent::Published(protocol::Published { id, position }) => {
            Item::Published(id, position)
        }
        ServerEvent::Granted(_)
        | ServerEvent::History(_)
        | ServerEvent::Presence(_)
        | ServerEvent::Other { .. } => Item::Alive,
    };
    Ok(Decoded::Items(vec![item]))
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

/// The number of a renewal. Other requests begin with 1.
const RENEWAL: u64 = 0;

/// What is encoded ahead of what the socket takes.
const OUTPUT_BYTES: usize = 64 << 10;

const SUBPROTOCOL: &str = "tidewire.v1";

/// As for a line of the NDJSON stream; a server of ours does not fragment at all.
const LIMITS: Limits =
    Limits::new().message_bytes_max(16 << 20).fragments_max(1 << 16).whole_bytes_max(0);
