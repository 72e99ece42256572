//! The four wires behind one face: open it where the subscriber is, then take one item at a time.

mod lines;
mod poll;
mod renewal;
mod sse;
mod websocket;

use crate::{
    Client, TokenError,
    client::SendError,
    http::{ErrorResponse, describe, has_type},
    progress::Progress,
};
use lines::Lines;
use poll::Poll;
use reqwest::{Method, RequestBuilder, Response};
use sse::Sse;
use std::time::Duration;
use tidewire_protocol::{
    Bookmark, ErrorCode, ErrorEvent, Gap, Goodbye, Message, Position, Problem, Unsubscribed,
};
use websocket::WebSocket;

/// How messages come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Wire {
    /// WebSocket, else SSE, else polls: the first that can be had.
    #[default]
    Auto,
    /// A WebSocket that speaks `tidewire.v1`.
    WebSocket,
    /// Server-Sent Events.
    Sse,
    /// An NDJSON stream.
    Stream,
    /// Long polls.
    Poll,
}

/// Something received on a connection.
#[derive(Debug)]
pub(crate) enum Item {
    Message(Message),
    Gap(Gap),
    /// Everything up to here has been delivered of all channels that have begun.
    Position(Bookmark),
    /// Delivery of this channel or pattern has begun, with the head here.
    Subscribed(String, Position),
    /// The channels that had no place have one now, which was all that this connection was for.
    Begun,
    /// When the server would like us back after the connection ends.
    Retry(Duration),
    /// The server ends the connection, with all delivered up to the position.
    Goodbye {
        position: Option<Bookmark>,
        retry: Option<Duration>,
    },
    /// How often the server will speak.
    Heartbeat(Duration),
    /// The secret name by which this connection is renewed.
    Named(String),
    /// The token of this connection expires soon.
    Expiring,
    /// Nothing for the subscriber, but the connection is alive.
    Alive,
}

impl From<Goodbye> for Item {
    fn from(Goodbye { position, retry_ms, .. }: Goodbye) -> Self {
        let (position, retry) = (position.map(Bookmark::from), retry_ms.map(Duration::from_millis));
        Self::Goodbye { position, retry }
    }
}

/// Why there is no next item.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server ended it normally.
    Finished,
    /// The server ended it for good.
    Closed { code: u16, reason: String },
    /// The server does not want this subscription.
    Refused(Box<Problem>),
    /// The token has expired or is not accepted.
    TokenRefused(TokenRefusal),
    /// There is no token to send.
    NoToken(TokenError),
    /// This wire cannot be had here. With a problem, trying again is no use either.
    Unsuitable { cause: String, problem: Option<Box<Problem>> },
    /// The server cannot be reached, or refuses for a while.
    Down { cause: String, retry_after: Option<Duration> },
    /// The connection ended without a word.
    Cut(String),
}

/// What the server has said of a token, in the way of the wire.
#[derive(Debug)]
pub(crate) enum TokenRefusal {
    Problem(Box<Problem>),
    Closed { code: u16, reason: String },
}

/// A wire that can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    WebSocket,
    Sse,
    Stream,
    Poll,
}

/// A wire that has been opened.
#[derive(Debug)]
pub(crate) enum Reader {
    WebSocket(WebSocket),
    Sse(Box<Sse>),
    Stream(Lines),
    Poll(Poll),
}

impl Kind {
    /// What to try for a wire, in this order.
    pub(crate) const fn candidates(wire: Wire) -> &'static [Self] {
        match wire {
            Wire::Auto => &[Self::WebSocket, Self::Sse, Self::Poll],
            Wire::WebSocket => &[Self::WebSocket],
            Wire::Sse => &[Self::Sse],
            Wire::Stream => &[Self::Stream],
            Wire::Poll => &[Self::Poll],
        }
    }
}

impl Reader {
    pub(crate) async fn open(
        kind: Kind,
        client: &Client,
        progress: &Progress,
        heartbeat: Duration,
    ) -> Result<Self, Failure> {
        Ok(match kind {
            Kind::WebSocket => Self::WebSocket(WebSocket::open(client, progress).await?),
            Kind::Sse => Self::Sse(Box::new(Sse::open(client, progress).await?)),
            Kind::Stream => Self::Stream(Lines::open(client, progress).await?),
            Kind::Poll => Self::Poll(Poll::new(client, progress, heartbeat)),
        })
    }

    /// Asks, by one poll, only for the channels that have no place while others have one.
    pub(crate) fn open_missing(client: &Client, progress: &Progress, heartbeat: Duration) -> Self {
        Self::Poll(Poll::of_missing(client, progress, heartbeat))
    }

    /// Waits for the next item. After a failure, or when this is dropped half-way, the reader is
    /// of no more use.
    pub(crate) async fn next(&mut self) -> Result<Item, Failure> {
        match self {
            Self::WebSocket(websocket) => websocket.next().await,
            Self::Sse(sse) => sse.next().await,
            Self::Stream(lines) => lines.next().await,
            Self::Poll(poll) => poll.next().await,
        }
    }
}

impl Failure {
    /// The server refuses what was asked for, or ends the connection with an error.
    fn of_error(ErrorEvent { code, message, retry_ms, .. }: ErrorEvent) -> Self {
        let is_retryable = code.parse().is_ok_and(ErrorCode::retryable);
        if is_retryable || retry_ms.is_some() {
            let retry_after = retry_ms.map(Duration::from_millis);
            return Self::Down { cause: message, retry_after };
        }
        let code_known = code.parse();
        let is_of_token = matches!(code_known, Ok(ErrorCode::Expired | ErrorCode::Unauthorized));
        let problem = Box::new(Problem::from_text(&code, message));
        match is_of_token {
            true => Self::TokenRefused(TokenRefusal::Problem(problem)),
            false => Self::Refused(problem),
        }
    }

    /// The server has ended one of our subscriptions, and would refuse to begin it again.
    fn of_unsubscribed(ended: Unsubscribed) -> Self {
        let message = ended.message.unwrap_or_else(|| {
            format!("the server has ended the subscription to {}", ended.channel)
        });
        Self::Refused(Problem::from_text(&ended.code.unwrap_or_default(), message).into())
    }

    fn unsuitable(cause: impl Into<String>) -> Self {
        Self::Unsuitable { cause: cause.into(), problem: None }
    }
}

impl From<ErrorResponse> for Failure {
    fn from(rejection: ErrorResponse) -> Self {
        let ErrorResponse { problem, in_our_words, retry_after } = &rejection;
        let cause = problem.to_string();
        match problem.status {
            501 | 505 => Self::unsuitable(cause),
            _ if rejection.retryable() => Self::Down { cause, retry_after: *retry_after },
            _ if *in_our_words => Self::Refused(rejection.problem),
            // Perhaps a proxy that lets other wires pass.
            _ => Self::Unsuitable { cause, problem: Some(rejection.problem) },
        }
    }
}

/// A request for all channels of the subscriber, beginning where `since` says.
fn subscribe_request(
    client: &Client,
    path: &str,
    progress: &Progress,
    parameters: &[(&str, &str)],
) -> RequestBuilder {
    let mut query: Vec<_> = progress.channels().map(|channel| ("channel", channel)).collect();
    query.extend_from_slice(parameters);
    client.request(Method::GET, &[path], &query)
}

/// Sends a request that must be answered by a body of one of these types.
async fn open_body(
    client: &Client,
    request: RequestBuilder,
    media_types: &[&str],
) -> Result<Response, Failure> {
    let response = send(client, request).await?;
    if !response.status().is_success() {
        return Err(ErrorResponse::read(response).await.into());
    }
    if !media_types.iter().any(|media_type| has_type(&response, media_type)) {
        return Err(Failure::unsuitable(format!("the answer is not {}", media_types.join(" or "))));
    }
    Ok(response)
}

async fn send(client: &Client, request: RequestBuilder) -> Result<Response, Failure> {
    client.send(request).await.map_err(|error| match error {
        SendError::Token(error) => Failure::NoToken(error),
        SendError::Http(error) => Failure::Down { cause: describe(&error), retry_after: None },
    })
}

/// Waits for more of a body that should never end.
async fn next_chunk(response: &mut Response) -> Result<impl AsRef<[u8]> + use<>, Failure> {
    match response.chunk().await {
        Ok(Some(chunk)) => Ok(chunk),
        Ok(None) => Err(Failure::Cut("the server ended the stream".into())),
        Err(error) => Err(Failure::Cut(describe(&error))),
    }
}
