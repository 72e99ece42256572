//! A WebSocket through tungstenite, an implementation that is not ours: raw, or `tidewire.v1`.

use super::{Gap, Incoming, Message, Received, query, text};
use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::{collections::VecDeque, net::SocketAddr};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, client::IntoClientRequest as _, http::HeaderValue},
};

/// The referee's words for a frame's content.
pub use tokio_tungstenite::tungstenite::Message as Frame;

/// One connection.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    incoming: VecDeque<Incoming>,
    /// Requests that are not answered yet.
    awaited: usize,
    /// The subscriptions' positions as granted.
    granted: Option<String>,
}

impl Socket {
    /// Opens a raw WebSocket at a path such as `/ws?channel=a`.
    ///
    /// # Errors
    ///
    /// The server refused.
    pub async fn open(address: SocketAddr, path: &str) -> Result<Self> {
        Self::connect(address, path, None).await
    }

    /// Opens one that speaks `tidewire.v1`, and returns what it was welcomed with.
    ///
    /// # Errors
    ///
    /// The server refused, or did not say welcome.
    pub async fn speak(address: SocketAddr) -> Result<(Self, Value)> {
        let mut socket = Self::dial(address).await?;
        let welcome = socket.json().await?.context("no welcome")?;
        ensure!(text(&welcome, "type")? == "welcome", "instead of a welcome: {welcome}");
        Ok((socket, welcome))
    }

    /// Opens one that speaks `tidewire.v1`, whose welcome is its first frame.
    ///
    /// # Errors
    ///
    /// The server refused.
    pub async fn dial(address: SocketAddr) -> Result<Self> {
        Self::connect(address, "/ws", Some("tidewire.v1")).await
    }

    /// The same, with subscriptions; they are not answered yet.
    pub(super) async fn subscribe(
        address: SocketAddr,
        channels: &[&str],
        since: Option<&str>,
    ) -> Result<Self> {
        let (mut socket, _) = Self::speak(address).await?;
        for (id, channel) in channels.iter().enumerate() {
            let mut request = json!({"type": "subscribe", "id": id, "channel": channel});
            if let (Some(since), Some(request)) = (since, request.as_object_mut()) {
                request.insert("since".into(), since.into());
            }
            socket.send(Frame::text(request.to_string())).await?;
            socket.awaited += 1;
        }
        Ok(socket)
    }

    /// Sends a frame.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub async fn send(&mut self, frame: Frame) -> Result<()> {
        Ok(self.stream.send(frame).await?)
    }

    /// The next frame, pings aside, which are answered; `None` at the end of the connection.
    ///
    /// # Errors
    ///
    /// The connection broke, or a frame is against the rules.
    pub async fn frame(&mut self) -> Result<Option<Frame>> {
        loop {
            match self.stream.next().await {
                Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => {}
                Some(Ok(frame)) => return Ok(Some(frame)),
                None | Some(Err(tungstenite::Error::ConnectionClosed)) => return Ok(None),
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    /// The next frame's JSON; `None` when it closes instead.
    ///
    /// # Errors
    ///
    /// As for [`frame`](Self::frame), or it is not JSON.
    pub async fn json(&mut self) -> Result<Option<Value>> {
        match self.frame().await? {
            Some(Frame::Text(text)) => Ok(Some(serde_json::from_str(&text)?)),
            Some(Frame::Close(_)) | None => Ok(None),
            Some(other) => bail!("instead of text came {other:?}"),
        }
    }

    /// Waits for the connection's close, passing over what comes before, and returns its code.
    ///
    /// # Errors
    ///
    /// It ended without one.
    pub async fn close_code(&mut self) -> Result<u16> {
        Ok(self.close().await?.0)
    }

    /// Reads up to the server's close; returns its code and its reason.
    ///
    /// # Errors
    ///
    /// It ended without one, or said something else.
    pub async fn close(&mut self) -> Result<(u16, String)> {
        loop {
            match self.frame().await? {
                Some(Frame::Close(Some(close))) => {
                    return Ok((close.code.into(), close.reason.as_str().to_owned()));
                }
                Some(Frame::Close(None)) => bail!("a close without a code"),
                Some(_) => {}
                None => bail!("it ended without a close"),
            }
        }
    }

    pub(super) async fn incoming(&mut self) -> Result<Option<Incoming>> {
        loop {
            // What comes while the later subscriptions are still to be answered has to wait.
            if self.awaited == 0 {
                if let Some(position) = self.granted.take() {
                    return Ok(Some(Incoming::Position(position)));
                }
                if let Some(incoming) = self.incoming.pop_front() {
                    return Ok(Some(incoming));
                }
            }
            let Some(event) = self.json().await? else { return Ok(None) };
            match text(&event, "type")?.as_str() {
                "subscribed" => {
                    self.awaited = self.awaited.saturating_sub(1);
                    self.granted.get_or_insert(text(&event, "position")?);
                }
                "message" => {
                    let message = Message::from_json(&event)?;
                    self.incoming.push_back(Incoming::Received(Received::Message(message)));
                }
                "gap" => self
                    .incoming
                    .push_back(Incoming::Received(Received::Gap(Gap::from_json(&event)?))),
                // The heartbeat of a quiet connection.
                "position" => {
                    self.incoming.push_back(Incoming::Position(text(&event, "position")?))
                }
                "goodbye" => {}
                _ => bail!("unasked came {event}"),
            }
        }
    }

    async fn connect(address: SocketAddr, path: &str, protocol: Option<&str>) -> Result<Self> {
        let mut request = format!("ws://{address}{path}").into_client_request()?;
        if let Some(protocol) = protocol {
            let value = HeaderValue::from_str(protocol)?;
            request.headers_mut().insert("Sec-WebSocket-Protocol", value);
        }
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (stream, answer) = client_async(request, stream).await?;
        let agreed = answer.headers().get("Sec-WebSocket-Protocol");
        ensure!(agreed.and_then(|value| value.to_str().ok()) == protocol, "agreed on {agreed:?}");
        Ok(Self { stream, incoming: VecDeque::new(), awaited: 0, granted: None })
    }
}

/// The path of a raw WebSocket on `channels`.
pub fn raw_path(channels: &[&str], since: Option<&str>) -> String {
    format!("/ws?{}", query(channels, since))
}
