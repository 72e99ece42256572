//! Chromium's `WebSocket` at one end, `ws-frame` as a server at the other.

use crate::{
    browser::Page,
    origin::{Origin, Request},
};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use ws_frame::{Decoder, Event, HandshakeKey, Kind, Limits, Role, check_version};

/// A page that sends back what it receives, and the server at which it opens its sockets.
pub(crate) struct Browser {
    page: Page,
    origin: Origin,
}

impl Browser {
    pub(crate) async fn start() -> Result<Self> {
        let (origin, mut page) = (Origin::start().await?, Page::start(&[]).await?);
        page.show(&origin.url(), PAGE).await?;
        Ok(Self { page, origin })
    }

    /// Has the page open a socket, and accepts it.
    pub(crate) async fn connect(&mut self) -> Result<Server> {
        self.run("connect()").await?;
        let server = Server::accept(self.origin.request().await?).await?;
        self.page.until("socket.readyState === WebSocket.OPEN").await?;
        Ok(server)
    }

    /// Runs a line of script that has no value.
    pub(crate) async fn run(&mut self, script: &str) -> Result<()> {
        self.page.call("evaluate", json!([format!("{{ {script}; }}")])).await?;
        Ok(())
    }

    /// How the page's socket was closed, once it is: code, reason and whether in order.
    pub(crate) async fn closed(&mut self) -> Result<Value> {
        self.page.until("closed !== null").await?;
        self.page.call("evaluate", json!(["closed"])).await
    }
}

/// The server's end of a connection.
pub(crate) struct Server {
    stream: TcpStream,
    decoder: Decoder,
    /// What has arrived and is not decoded yet.
    buffer: Vec<u8>,
    /// The message that is still arriving.
    message: Vec<u8>,
}

/// What a client said, its messages put together.
#[derive(Debug, PartialEq)]
pub(crate) enum Received {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl Server {
    async fn accept(mut request: Request) -> Result<Self> {
        check_version(request.header("sec-websocket-version"))?;
        let key = HandshakeKey::parse(request.header("sec-websocket-key"))?;
        let response = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            key.accept()
        );
        request.stream.write_all(response.as_bytes()).await?;
        Ok(Self {
            stream: request.stream,
            decoder: Decoder::new(Role::Server),
            buffer: Vec::new(),
            message: Vec::new(),
        })
    }

    pub(crate) async fn send(&mut self, frames: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(frames).await?)
    }

    /// What the page says next, or its browser.
    pub(crate) async fn receive(&mut self) -> Result<Received> {
        loop {
            let arrived = self.buffer.len();
            let mut input = &mut self.buffer[..];
            let event = self.decoder.decode(&mut input, &Limits::default())?;
            let wants_more = event.is_none();
            let received = event.map(|event| assemble(&mut self.message, event)).transpose()?;
            let left = input.len();
            self.buffer.drain(..arrived - left);
            if let Some(received) = received.flatten() {
                return Ok(received);
            }
            if wants_more {
                ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "it hung up");
            }
        }
    }
}

/// Adds to the message what is a piece of one; returns what is whole.
fn assemble(message: &mut Vec<u8>, event: Event<'_>) -> Result<Option<Received>> {
    Ok(Some(match event {
        Event::Text(text) => Received::Text(text.to_owned()),
        Event::Binary(payload) => Received::Binary(payload.to_vec()),
        Event::Ping(payload) => Received::Ping(payload.to_vec()),
        Event::Pong(payload) => Received::Pong(payload.to_vec()),
        Event::Close(close) => {
            Received::Close(close.map(|close| (close.code.number(), close.reason.to_owned())))
        }
        Event::Piece(piece) => {
            message.extend_from_slice(piece.payload);
            if !piece.part.ends() {
                return Ok(None);
            }
            let message = std::mem::take(message);
            match piece.kind {
                Kind::Text => Received::Text(String::from_utf8(message).context("as text")?),
                Kind::Binary => Received::Binary(message),
            }
        }
    }))
}

const PAGE: &str = "<!doctype html><title>a</title><script>
let socket;
let closed;
const connect = () => {
  closed = null;
  socket = new WebSocket(`ws://${location.host}/socket`);
  socket.binaryType = 'arraybuffer';
  socket.onmessage = ({ data }) => socket.send(data);
  socket.onclose = ({ code, reason, wasClean }) => (closed = [code, reason, wasClean]);
};
</script>";
