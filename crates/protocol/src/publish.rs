//! A publish in JSON, alone on a WebSocket or many in one HTTP body, and how a batch is answered.

use crate::{DataError, ErrorCode, Position, PublishedData, RawValue, text};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// One message to publish.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Publish<'a> {
    /// The client's number for this request. WebSocket only; without one there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// Where to publish.
    #[serde(borrow)]
    pub channel: Cow<'a, str>,
    /// The payload; none makes a tombstone. `null` is a payload.
    #[serde(borrow, default, deserialize_with = "text::present")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<&'a RawValue>,
    /// `base64` when `data` is a string that holds bytes.
    #[serde(borrow, default, deserialize_with = "text::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Cow<'a, str>>,
    /// What kind of thing happened.
    #[serde(borrow, default, deserialize_with = "text::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Cow<'a, str>>,
    /// Which thing it happened to.
    #[serde(borrow, default, deserialize_with = "text::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Cow<'a, str>>,
    /// The message id, by which a repeat is recognised.
    #[serde(borrow, default, deserialize_with = "text::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Cow<'a, str>>,
    /// The span that publishes it, as [W3C Trace Context] writes one. What is not valid is ignored.
    ///
    /// [W3C Trace Context]: https://www.w3.org/TR/trace-context/#traceparent-header
    #[serde(borrow, default, deserialize_with = "text::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Cow<'a, str>>,
    /// Whether the publishing connection receives this message too; true by default. WebSocket only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<bool>,
}

impl Publish<'_> {
    /// The payload: JSON, text, bytes or nothing.
    ///
    /// # Errors
    ///
    /// `data` and `encoding` do not go together.
    pub fn payload(&self) -> Result<PublishedData<'_>, DataError> {
        PublishedData::resolve(self.data, self.encoding.as_deref())
    }

    /// Whether the publishing connection gets its own message back.
    pub fn wants_echo(&self) -> bool {
        self.echo.unwrap_or(true)
    }
}

/// The answer to `POST /publish/{channel}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishAnswer {
    /// The message's place in the log.
    pub position: Position,
}

/// The body of `POST /publish`, for a client to send. A server reads it with a
/// [`BatchReader`](crate::BatchReader), which is bounded.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
pub struct PublishBatch<'a> {
    /// In the order in which they are to be published, at most [`BATCH_MESSAGES_MAX`].
    #[serde(borrow)]
    pub messages: Vec<Publish<'a>>,
}

/// The most messages of one batch: tiny ones take far more memory read than on the wire.
pub const BATCH_MESSAGES_MAX: usize = 10_000;

/// The answer to a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchAnswer {
    /// One for each message, in its order.
    pub results: Vec<BatchResult>,
}

/// What became of one message of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", untagged)]
pub enum BatchResult {
    /// It is in the log.
    Published {
        /// Its position.
        position: Position,
    },
    /// It was refused.
    Refused {
        /// Why.
        error: ItemError,
    },
}

/// Why one message of a batch was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({code})")]
pub struct ItemError {
    /// An [`ErrorCode`]'s text, or that of a newer server's.
    pub code: Cow<'static, str>,
    /// An explanation for people.
    pub message: String,
}

impl ItemError {
    /// Says what was wrong.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code: code.as_str().into(), message: message.into() }
    }

    /// The code, if this version knows it.
    pub fn error_code(&self) -> Option<ErrorCode> {
        self.code.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_reads_and_writes() {
        let wire = r#"{"messages":[{"channel":"a","data":"hi"},{"channel":"b","data":"AP8=","encoding":"base64","event":"e","key":"k","message_id":"m"},{"channel":"c"}]}"#;
        let batch: PublishBatch<'_> = serde_json::from_str(wire).unwrap();
        let payloads: Vec<_> =
            batch.messages.iter().map(|message| message.payload().unwrap()).collect();
        assert_eq!(
            payloads,
            [
                PublishedData::Text("hi".into()),
                PublishedData::Binary(vec![0, 255]),
                PublishedData::Nothing
            ]
        );
        assert_eq!(serde_json::to_string(&batch).unwrap(), wire);
    }

    #[test]
    fn a_batch_is_answered_item_by_item() {
        let wire =
            r#"{"results":[{"position":"10-7"},{"error":{"code":"bad_channel","message":"no"}}]}"#;
        let answer = BatchAnswer {
            results: vec![
                BatchResult::Published { position: Position { epoch: 36, offset: 7 } },
                BatchResult::Refused { error: ItemError::new(ErrorCode::BadChannel, "no") },
            ],
        };
        assert_eq!(serde_json::to_string(&answer).unwrap(), wire);
        assert_eq!(serde_json::from_str::<BatchAnswer>(wire).unwrap(), answer);
    }
}
