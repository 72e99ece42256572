//! The four wires behind one face: a connection is opened where its subscribers are, and brings one item at a time.

mod lines;
mod poll;
mod renewal;
mod sse;
mod websocket;

use crate::{
    Client,
    client::SendError,
    http::{ErrorResponse, describe, has_type},
    machine::{Failure, Item, Kind, Opening},
};
use async_stream::stream;
use futures_util::{Stream, StreamExt as _};
use lines::Lines;
use poll::Poll;
pub(crate) use poll::page;
use reqwest::{Method, RequestBuilder, Response};
use sse::Sse;
use std::{fmt, pin::Pin};
use tokio::sync::mpsc;
use websocket::WebSocket;

/// A connection that is being opened, or is open. It ends when dropped.
pub(crate) struct Connection {
    items: Pin<Box<dyn Stream<Item = Result<Item, Failure>> + Send>>,
    outgoing: mpsc::UnboundedSender<String>,
}

/// A wire that has been opened.
enum Reader {
    WebSocket(Box<WebSocket>),
    Sse(Box<Sse>),
    Stream(Lines),
    Poll(Poll),
}

impl Connection {
    /// Begins to open a connection.
    pub(crate) fn open(client: Client, opening: Opening) -> Self {
        let (outgoing, texts) = mpsc::unbounded_channel();
        let items = stream! {
            let mut reader = match Reader::open(&client, &opening, texts).await {
                Ok(reader) => reader,
                Err(failure) => {
                    yield Err(failure);
                    return;
                }
            };
            loop {
                let item = reader.next().await;
                let is_last = item.is_err();
                yield item;
                if is_last {
                    return;
                }
            }
        };
        Self { items: Box::pin(items), outgoing }
    }

    /// The next item, or the failure that ends the connection. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Result<Item, Failure> {
        let ended = || Err(Failure::Cut("the connection has ended".into()));
        self.items.next().await.unwrap_or_else(ended)
    }

    /// Sends a text, if this is a WebSocket.
    pub(crate) fn send(&self, text: String) {
        // A connection that has failed says so itself.
        let _ = self.outgoing.send(text);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Reader {
    async fn open(
        client: &Client,
        opening: &Opening,
        texts: mpsc::UnboundedReceiver<String>,
    ) -> Result<Self, Failure> {
        Ok(match opening.kind {
            Kind::WebSocket => {
                Self::WebSocket(Box::new(WebSocket::open(client, opening, texts).await?))
            }
            Kind::Sse => Self::Sse(Box::new(Sse::open(client, opening).await?)),
            Kind::Stream => Self::Stream(Lines::open(client, opening).await?),
            Kind::Poll => Self::Poll(Poll::new(client, opening)),
        })
    }

    /// Waits for the next item. After a failure, or when this is dropped half-way, the reader is
    /// of no more use.
    async fn next(&mut self) -> Result<Item, Failure> {
        match self {
            Self::WebSocket(websocket) => websocket.next().await,
            Self::Sse(sse) => sse.next().await,
            Self::Stream(lines) => lines.next().await,
            Self::Poll(poll) => poll.next().await,
        }
    }
}

impl From<ErrorResponse> for Failure {
    fn from(rejection: ErrorResponse) -> Self {
        let ErrorResponse { problem, in_our_words, retry_after } = &rejection;
        let cause = problem.to_string();
        match problem.status {
            // Such as a proxy that passes on the request for a WebSocket without its header `Upgrade`.
            426 | 501 | 505 => Self::unsuitable(cause),
            _ if rejection.retryable() => Self::Down { cause, retry_after: *retry_after },
            _ if *in_our_words => Self::Refused(rejection.problem),
            // Perhaps a proxy that lets other wires pass.
            _ => Self::Unsuitable { cause, problem: Some(rejection.problem) },
        }
    }
}

/// A request for channels and patterns.
fn subscribe_request(
    client: &Client,
    path: &str,
    channels: &[String],
    parameters: &[(&str, &str)],
) -> RequestBuilder {
    let mut query: Vec<_> = channels.iter().map(|channel| ("channel", channel.as_str())).collect();
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
