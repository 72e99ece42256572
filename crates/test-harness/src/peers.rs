//! Minimal subscribers for every wire, on plain sockets and with none of the server's own client.
//!
//! They do what a browser does and no more: remember a position, and open again where they were.
//! Frames go through tungstenite, events through `sse-codec`, JSON through `serde_json`.

pub mod echo;
mod follower;
pub mod http;
mod lines;
mod poll;
mod sse;
pub mod websocket;

pub use follower::Follower;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::{collections::VecDeque, net::SocketAddr, time::Duration};
use tokio::time::timeout;

/// How to subscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Server-Sent Events, raw.
    Sse,
    /// WebSocket that speaks `tidewire.v1`.
    WebSocket,
    /// An NDJSON stream.
    Stream,
    /// Long polls, one after another.
    Poll,
}

/// One subscription over one connection, or over one poll after another.
#[derive(Debug)]
pub struct Subscriber {
    inner: Inner,
    /// The newest the server has said, from its opening words on.
    position: Option<String>,
    /// Came before those: a gap does, lest it be missed by who is cut off in between.
    early: VecDeque<Received>,
}

#[derive(Debug)]
enum Inner {
    Sse(Box<sse::Events>),
    WebSocket(Box<websocket::Socket>),
    Stream(lines::Lines),
    Poll(poll::Polls),
}

/// What a subscriber receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A message.
    Message(Message),
    /// Messages are gone.
    Gap(Gap),
}

/// The parts of a message that its transport shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its place in the log.
    pub position: String,
    /// Raw events do not say it.
    pub channel: Option<String>,
    /// The payload: text as it is, JSON as its text.
    pub data: String,
}

/// Notice that messages are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The subscription that lost them.
    pub channel: String,
    /// What the reader gave.
    pub from: String,
    /// From where on there is no loss.
    pub to: String,
}

/// What one connection brought, on its way to the caller.
#[derive(Clone, Debug)]
enum Incoming {
    Received(Received),
    /// Everything up to here has come.
    Position(String),
}

impl Wire {
    /// Every wire there is.
    pub const ALL: [Self; 4] = [Self::Sse, Self::WebSocket, Self::Stream, Self::Poll];
}

impl Subscriber {
    /// Subscribes to `channels` from `since` on, and waits until the subscription stands.
    ///
    /// # Errors
    ///
    /// The server refused, or said something that is not of this wire.
    pub async fn open(
        wire: Wire,
        address: SocketAddr,
        channels: &[&str],
        since: Option<&str>,
    ) -> Result<Self> {
        let opening = async {
            let inner = match wire {
                Wire::Sse => {
                    Inner::Sse(Box::new(sse::Events::open(address, channels, since).await?))
                }
                Wire::WebSocket => {
                    let socket = websocket::Socket::subscribe(address, channels, since).await?;
                    Inner::WebSocket(Box::new(socket))
                }
                Wire::Stream => Inner::Stream(lines::Lines::open(address, channels, since).await?),
                Wire::Poll => Inner::Poll(poll::Polls::open(address, channels, since).await?),
            };
            let mut subscriber = Self { inner, position: None, early: VecDeque::new() };
            while subscriber.position.is_none() {
                match subscriber.incoming().await?.context("it ended at once")? {
                    Incoming::Received(received @ Received::Gap(_)) => {
                        subscriber.early.push_back(received)
                    }
                    Incoming::Received(received) => bail!("before any position came {received:?}"),
                    Incoming::Position(_) => {}
                }
            }
            Ok(subscriber)
        };
        timeout(OPEN_WAIT, opening).await.with_context(|| format!("opening {wire:?}"))?
    }

    /// What comes next; `None` at the end of the connection.
    ///
    /// # Errors
    ///
    /// The connection broke, or something came that is not of this wire.
    pub async fn next(&mut self) -> Result<Option<Received>> {
        if let Some(received) = self.early.pop_front() {
            return Ok(Some(received));
        }
        loop {
            match self.incoming().await? {
                Some(Incoming::Received(received)) => return Ok(Some(received)),
                Some(Incoming::Position(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// The next message.
    ///
    /// # Errors
    ///
    /// Something else came, or nothing for a long time.
    pub async fn message(&mut self) -> Result<Message> {
        match timeout(MESSAGE_WAIT, self.next()).await.context("no message came")?? {
            Some(Received::Message(message)) => Ok(message),
            other => bail!("instead of a message came {other:?}"),
        }
    }

    /// The next `count` messages.
    ///
    /// # Errors
    ///
    /// As for [`message`](Self::message).
    pub async fn messages(&mut self, count: usize) -> Result<Vec<Message>> {
        let mut messages = Vec::with_capacity(count);
        while messages.len() < count {
            let message = self.message().await;
            messages.push(message.with_context(|| format!("after {} messages", messages.len()))?);
        }
        Ok(messages)
    }

    /// The next notice of a gap.
    ///
    /// # Errors
    ///
    /// Something else came, or nothing for a long time.
    pub async fn gap(&mut self) -> Result<Gap> {
        match timeout(MESSAGE_WAIT, self.next()).await.context("no gap came")?? {
            Some(Received::Gap(gap)) => Ok(gap),
            other => bail!("instead of a gap came {other:?}"),
        }
    }

    /// From where to go on, on any wire.
    pub fn position(&self) -> &str {
        self.position.as_deref().unwrap_or_default()
    }

    async fn incoming(&mut self) -> Result<Option<Incoming>> {
        let incoming = match &mut self.inner {
            Inner::Sse(events) => events.next().await?,
            Inner::WebSocket(socket) => socket.incoming().await?,
            Inner::Stream(lines) => lines.next().await?,
            Inner::Poll(polls) => polls.next().await?,
        };
        match &incoming {
            Some(
                Incoming::Received(Received::Message(Message { position, .. }))
                | Incoming::Position(position),
            ) => {
                self.position = Some(position.clone());
            }
            Some(Incoming::Received(Received::Gap(_))) | None => {}
        }
        Ok(incoming)
    }
}

impl Message {
    /// Reads the message object that is the same on every JSON-speaking wire.
    ///
    /// # Errors
    ///
    /// A field is missing.
    pub fn from_json(value: &Value) -> Result<Self> {
        Ok(Self {
            position: text(value, "position")?,
            channel: Some(text(value, "channel")?),
            data: match value.get("data") {
                Some(Value::String(text)) => text.clone(),
                Some(json) => json.to_string(),
                None => String::new(),
            },
        })
    }
}

impl Gap {
    fn from_json(value: &Value) -> Result<Self> {
        Ok(Self {
            channel: text(value, "channel")?,
            from: text(value, "from")?,
            to: text(value, "to")?,
        })
    }
}

/// The text of a member.
///
/// # Errors
///
/// There is no such member, or it is not a text.
pub fn text(value: &Value, member: &str) -> Result<String> {
    let text = value.get(member).and_then(Value::as_str);
    Ok(text.with_context(|| format!("no {member} in {value}"))?.to_owned())
}

/// `channel=a&channel=b` and `since`, percent-encoded as far as names and positions need it.
fn query(channels: &[&str], since: Option<&str>) -> String {
    let encode = |text: &str| text.replace('%', "%25").replace(' ', "%20").replace('>', "%3E");
    let mut query: Vec<String> =
        channels.iter().map(|channel| format!("channel={}", encode(channel))).collect();
    query.extend(since.map(|since| format!("since={}", encode(since))));
    query.join("&")
}

const OPEN_WAIT: Duration = Duration::from_secs(10);
/// Far longer than a message takes, on a machine that does much else.
const MESSAGE_WAIT: Duration = Duration::from_secs(20);
