//! One stream of bytes from the server: an event stream, NDJSON, or a WebSocket.
//!
//! A message is found by its text, which stands as it is in what each wire sends: a server masks no frame, and compresses
//! no stream. A stream that is compressed on the way is a fault of its own.

use super::probe::Probe;
use reqwest::{Method, Response, Upgraded, header};
use std::time::Duration;
use tokio::{
    io::AsyncReadExt as _,
    time::{Instant, timeout_at},
};
use ws_frame::{HandshakeKey, VERSION};

/// A way to receive messages as they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sse,
    Stream,
    WebSocket,
}

/// A stream that has been opened.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) kind: Kind,
    body: Body,
    received: Vec<u8>,
}

#[derive(Debug)]
enum Body {
    Http(Response),
    Socket(Upgraded),
}

/// Why there is no stream.
#[derive(Debug)]
pub(super) enum NotOpened {
    /// No head of an answer came in time, as where the answer is collected first.
    Late,
    /// Something else was answered.
    Answered(Response),
    /// The WebSocket has no subprotocol, or is another one.
    NoSubprotocol,
    Broken(String),
}

/// What came of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    Came,
    Nothing,
    Ended,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Sse, Self::Stream, Self::WebSocket];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sse => "SSE",
            Self::Stream => "NDJSON",
            Self::WebSocket => "WebSocket",
        }
    }

    /// Opens it for the channel of `probe`; an event stream after a position, if there is one.
    pub(super) async fn open(self, probe: &Probe, after: Option<&str>) -> Result<Wire, NotOpened> {
        let channel = ("channel", &*probe.channel);
        let mut key = None;
        let mut request = match self {
            Self::Sse => probe
                .request(Method::GET, &["events"], &[channel, ("heartbeat", "event")])
                .header(header::ACCEPT, "text/event-stream"),
            Self::Stream => probe.request(Method::GET, &["stream"], &[channel]),
            Self::WebSocket => {
                let chosen =
                    key.insert(HandshakeKey::from_random(fastrand::u128(..).to_ne_bytes()));
                probe
                    .request(Method::GET, &["ws"], &[channel])
                    .header(header::CONNECTION, "Upgrade")
                    .header(header::UPGRADE, "websocket")
                    .header(header::SEC_WEBSOCKET_VERSION, VERSION)
                    .header(header::SEC_WEBSOCKET_KEY, chosen.as_str())
                    .header(header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
            }
        };
        if let Some(position) = after {
            request = request.header("last-event-id", position);
        }
        // As a browser does.
        let request = request.header(header::ACCEPT_ENCODING, "gzip, deflate, br, zstd");
        let opened = tokio::time::timeout(OPEN_WAIT, request.send()).await;
        let response = opened.map_err(|_| NotOpened::Late)?;
        let broken = |error: reqwest::Error| {
            NotOpened::Broken(format!("{:#}", anyhow::Error::from(error.without_url())))
        };
        let response = response.map_err(broken)?;
        let Some(key) = key else {
            return match response.status().is_success() {
                true => Ok(Wire { kind: self, body: Body::Http(response), received: Vec::new() }),
                false => Err(NotOpened::Answered(response)),
            };
        };
        if response.status() != reqwest::StatusCode::SWITCHING_PROTOCOLS {
            return Err(NotOpened::Answered(response));
        }
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let accepts = header(header::SEC_WEBSOCKET_ACCEPT) == Some(key.accept().as_str());
        if !accepts || header(header::SEC_WEBSOCKET_PROTOCOL) != Some(SUBPROTOCOL) {
            return Err(NotOpened::NoSubprotocol);
        }
        let socket = response.upgrade().await.map_err(broken)?;
        Ok(Wire { kind: self, body: Body::Socket(socket), received: Vec::new() })
    }
}

impl Wire {
    /// A header of the answer that opened the stream; a WebSocket's are not kept.
    pub(super) fn header(&self, name: header::HeaderName) -> Option<&str> {
        match &self.body {
            Body::Http(response) => {
                response.headers().get(name).and_then(|value| value.to_str().ok())
            }
            Body::Socket(_) => None,
        }
    }

    /// Waits until `text` has come.
    pub(super) async fn wait_for(&mut self, text: &str, deadline: Instant) -> Waited {
        loop {
            if self.has(text) {
                return Waited::Came;
            }
            match self.wait_for_bytes(deadline).await {
                Waited::Came => {}
                other => return other,
            }
        }
    }

    /// Waits until more has come.
    pub(super) async fn wait_for_bytes(&mut self, deadline: Instant) -> Waited {
        let read = async {
            match &mut self.body {
                Body::Http(response) => match response.chunk().await {
                    Ok(Some(piece)) => self.received.extend_from_slice(&piece),
                    Ok(None) | Err(_) => return Waited::Ended,
                },
                Body::Socket(socket) => match socket.read_buf(&mut self.received).await {
                    Ok(1..) => {}
                    Ok(0) | Err(_) => return Waited::Ended,
                },
            }
            Waited::Came
        };
        timeout_at(deadline, read).await.unwrap_or(Waited::Nothing)
    }

    /// How often the server sends something, as it has said.
    pub(super) fn heartbeat(&self) -> Option<Duration> {
        let text = String::from_utf8_lossy(&self.received);
        let (_, rest) = text.split_once("\"heartbeat_ms\":")?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok().map(Duration::from_millis)
    }

    fn has(&self, text: &str) -> bool {
        memchr::memmem::find(&self.received, text.as_bytes()).is_some()
    }
}

const SUBPROTOCOL: &str = "tidewire.v1";

/// How long the head of an answer may take that a server sends at once.
const OPEN_WAIT: Duration = Duration::from_secs(2);
