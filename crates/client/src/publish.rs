//! Publishing: over the WebSocket of a subscription, if one is open, or else over HTTP, one message as its own body, or many in
//! one JSON batch.

use crate::{
    Client, TokenError,
    client::SendError,
    http::{ErrorResponse, read_body},
    machine::PublishOutcome,
};
use reqwest::{Method, RequestBuilder, header};
use serde::{Serialize, de::DeserializeOwned};
use std::{error::Error, slice, time::Duration};
use tidewire_protocol::{
    BatchAnswer, BatchResult, Data, ItemError, Position, Problem, PublishAnswer, PublishBatch,
    RawValue,
};
use tokio::{sync::oneshot, time::timeout};

/// A message on its way to be published. Without a payload it is a tombstone, which removes its key.
#[derive(Clone, Debug)]
#[must_use = "nothing is published until it is sent"]
pub struct PublishRequest {
    client: Client,
    channel: String,
    payload: Payload,
    event: Option<String>,
    key: Option<String>,
    message_id: Option<String>,
}

#[derive(Clone, Debug)]
enum Payload {
    Nothing,
    Text(String),
    Json(Box<RawValue>),
    Binary(Vec<u8>),
}

/// A publish that was not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The request was at fault and will not succeed later either. Nothing was published.
    #[error("the server refused the message: {0}")]
    Refused(Box<Problem>),
    /// The request could not even be made, as with a message id that cannot stand in a header.
    #[error("the request cannot be sent")]
    BadRequest(#[source] Box<dyn Error + Send + Sync>),
    /// The request needs a token, and there is none. Nothing was published.
    #[error("the message was not sent")]
    NoToken(#[source] TokenError),
    /// The server refuses for a while. Nothing was published.
    #[error("the server cannot publish for now: {problem}")]
    Unavailable {
        /// What it said.
        problem: Box<Problem>,
        /// When to try again, if it said that.
        retry_after: Option<Duration>,
    },
    /// No answer came, so the message may have been published or not. With a message id it can be
    /// sent again without harm.
    #[error("no answer came")]
    NoAnswer(#[source] Box<dyn Error + Send + Sync>),
    /// What answered is no Tidewire server.
    #[error("the answer is not that of a Tidewire server: {0}")]
    BadAnswer(String),
}

impl Client {
    /// Begins a message for `channel`.
    pub fn publish(&self, channel: impl Into<String>) -> PublishRequest {
        PublishRequest::new(self.clone(), channel.into())
    }

    /// Publishes many messages in one request, in their order; each succeeds or fails alone.
    ///
    /// ```no_run
    /// # async fn example(client: tidewire_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let results = client
    ///     .publish_batch([
    ///         client.publish("logs.app").text("one"),
    ///         client.publish("logs.app").json(&["two"])?,
    ///     ])
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The batch as a whole was refused or did not get through.
    pub async fn publish_batch(
        &self,
        messages: impl IntoIterator<Item = PublishRequest>,
    ) -> Result<Vec<Result<Position, ItemError>>, PublishError> {
        let messages: Vec<_> = messages.into_iter().collect();
        send_batch(self, &messages).await
    }
}

impl From<SendError> for PublishError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Token(error) => Self::NoToken(error),
            SendError::Http(error) if error.is_builder() => Self::BadRequest(error.into()),
            SendError::Http(error) => Self::NoAnswer(error.into()),
        }
    }
}

impl PublishError {
    fn of_problem(problem: Box<Problem>, retry_after: Option<Duration>) -> Self {
        match problem.error_code() {
            Some(code) if code.retryable() => Self::Unavailable { problem, retry_after },
            _ => Self::Refused(problem),
        }
    }

    pub(crate) fn lost() -> Self {
        Self::NoAnswer("the connection was lost before the answer".into())
    }

    /// Whether the same publish may succeed later: the world was at fault, not the request.
    pub const fn retryable(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. }
                | Self::NoToken(TokenError::Unavailable(_))
                | Self::NoAnswer(_)
        )
    }
}

impl PublishRequest {
    const fn new(client: Client, channel: String) -> Self {
        let payload = Payload::Nothing;
        Self { client, channel, payload, event: None, key: None, message_id: None }
    }

    /// The payload is text.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.payload = Payload::Text(text.into());
        self
    }

    /// The payload is a JSON value.
    ///
    /// # Errors
    ///
    /// The value does not serialise.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Self, serde_json::Error> {
        let json = serde_json::value::to_raw_value(value)?;
        // A text and a JSON string are the same `data`. As one payload they are the same content on every way to the server,
        // so that a repetition is recognised.
        self.payload = match json.get().starts_with('"') {
            true => Payload::Text(serde_json::from_str(json.get())?),
            false => Payload::Json(json),
        };
        Ok(self)
    }

    /// The payload is bytes.
    pub fn bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.payload = Payload::Binary(bytes.into());
        self
    }

    /// What kind of thing happened.
    pub fn event(mut self, event: impl Into<String>) -> Self {
        self.event = Some(event.into());
        self
    }

    /// Which thing it happened to.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The message id, by which the server recognises a repeat.
    pub fn message_id(mut self, message_id: impl Into<String>) -> Self {
        self.message_id = Some(message_id.into());
        self
    }

    /// Publishes, and returns the message's place in the log.
    ///
    /// # Errors
    ///
    /// It was refused, or it is not known to have been published.
    pub async fn send(self) -> Result<Position, PublishError> {
        match self.send_over_a_socket()? {
            Some(outcome) => self.outcome_of(outcome).await,
            None => self.send_by_request().await,
        }
    }

    /// The message id, unless it has one.
    pub(crate) fn with_id(mut self, id: String) -> Self {
        self.message_id.get_or_insert(id);
        self
    }

    /// Waits for what became of it on the socket.
    pub(crate) async fn outcome_of(
        &self,
        outcome: oneshot::Receiver<PublishOutcome>,
    ) -> Result<Position, PublishError> {
        match timeout(self.client.request_timeout(), outcome).await {
            Ok(Ok(PublishOutcome::Published(position))) => Ok(position),
            Ok(Ok(PublishOutcome::Refused(problem, retry))) => {
                Err(PublishError::of_problem(problem, retry))
            }
            Ok(Ok(PublishOutcome::Lost) | Err(_)) => Err(PublishError::lost()),
            Err(late) => Err(PublishError::NoAnswer(late.into())),
        }
    }

    /// Publishes over HTTP.
    pub(crate) async fn send_by_request(self) -> Result<Position, PublishError> {
        let (media_type, body) = match self.payload {
            // A body cannot say that there is no payload; an item of a batch can.
            Payload::Nothing => return self.send_in_a_batch().await,
            Payload::Text(text) => ("text/plain; charset=utf-8", text.into_bytes()),
            Payload::Json(json) => ("application/json", json.get().into()),
            Payload::Binary(bytes) => ("application/octet-stream", bytes),
        };
        let event = self.event.as_deref().map(|event| ("event", event));
        let key = self.key.as_deref().map(|key| ("key", key));
        let query: Vec<_> = event.into_iter().chain(key).collect();
        let mut request = self
            .client
            .request(Method::POST, &["publish", &self.channel], &query)
            .header(header::CONTENT_TYPE, media_type)
            .body(body);
        if let Some(message_id) = &self.message_id {
            request = request.header("idempotency-key", message_id);
        }
        let answer: PublishAnswer = answer_to(request, &self.client).await?;
        Ok(answer.position)
    }

    /// Sends it over a connection that is open, if there is one. Its outcome will come.
    pub(crate) fn send_over_a_socket(
        &self,
    ) -> Result<Option<oneshot::Receiver<PublishOutcome>>, PublishError> {
        let data = self.data().to_json().map_err(|error| PublishError::BadRequest(error.into()))?;
        if data.0.as_ref().is_some_and(|json| json.get().len() > SOCKET_BYTES_MAX) {
            return Ok(None);
        }
        Ok(self.client.hubs().publish(&self.item(&data)))
    }

    async fn send_in_a_batch(self) -> Result<Position, PublishError> {
        let result = send_batch(&self.client, slice::from_ref(&self)).await?.pop();
        let result = result.ok_or_else(|| PublishError::BadAnswer("no result".into()))?;
        result.map_err(|error| {
            let problem = Box::new(Problem::from_text(&error.code, error.message));
            PublishError::of_problem(problem, None)
        })
    }

    fn item<'a>(
        &'a self,
        (data, encoding): &'a (Option<Box<RawValue>>, Option<&'static str>),
    ) -> tidewire_protocol::Publish<'a> {
        tidewire_protocol::Publish {
            channel: self.channel.as_str().into(),
            data: data.as_deref(),
            encoding: encoding.map(Into::into),
            event: self.event.as_deref().map(Into::into),
            key: self.key.as_deref().map(Into::into),
            message_id: self.message_id.as_deref().map(Into::into),
            ..Default::default()
        }
    }

    fn data(&self) -> Data<'_> {
        match &self.payload {
            Payload::Nothing => Data::Nothing,
            Payload::Text(text) => Data::Text(text),
            Payload::Json(json) => Data::Json(json.get()),
            Payload::Binary(bytes) => Data::Binary(bytes),
        }
    }
}

/// Publishes messages of any channels in one request.
async fn send_batch(
    client: &Client,
    messages: &[PublishRequest],
) -> Result<Vec<Result<Position, ItemError>>, PublishError> {
    let request = client
        .request(Method::POST, &["publish"], &[])
        .header(header::CONTENT_TYPE, "application/json")
        .body(batch_body(messages).map_err(|error| PublishError::BadRequest(error.into()))?);
    let answer: BatchAnswer = answer_to(request, client).await?;
    if answer.results.len() != messages.len() {
        return Err(PublishError::BadAnswer("it has not one result for each message".into()));
    }
    let results = answer.results.into_iter().map(|result| match result {
        BatchResult::Published { position } => Ok(position),
        BatchResult::Refused { error } => Err(error),
    });
    Ok(results.collect())
}

fn batch_body(messages: &[PublishRequest]) -> Result<Vec<u8>, serde_json::Error> {
    let data: Result<Vec<_>, _> = messages.iter().map(|message| message.data().to_json()).collect();
    let data = data?;
    let items = messages.iter().zip(&data).map(|(message, data)| message.item(data));
    serde_json::to_vec(&PublishBatch { messages: items.collect() })
}

/// Sends a request that is answered at once, and reads the answer.
async fn answer_to<T: DeserializeOwned>(
    request: RequestBuilder,
    client: &Client,
) -> Result<T, PublishError> {
    let response = client.send(request.timeout(client.request_timeout())).await?;
    if !response.status().is_success() {
        let rejection = ErrorResponse::read(response).await;
        return Err(match rejection.retryable() {
            true => PublishError::Unavailable {
                problem: rejection.problem,
                retry_after: rejection.retry_after,
            },
            false => PublishError::Refused(rejection.problem),
        });
    }
    let body = read_body(response, ANSWER_BYTES_MAX).await;
    let body = body.map_err(|error| PublishError::NoAnswer(error.into()))?;
    serde_json::from_slice(&body).map_err(|error| PublishError::BadAnswer(error.to_string()))
}

/// Some hundred bytes for each message of a batch, and a batch of a hundred thousand.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// A larger message is a request of its own, which holds up no other one.
const SOCKET_BYTES_MAX: usize = 256 << 10;
