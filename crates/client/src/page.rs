//! Asking for a page over HTTP, of whatever kind, and what can come of it.

use crate::{
    Client, TokenError,
    client::SendError,
    http::{ErrorResponse, read_body},
};
use reqwest::RequestBuilder;
use serde::de::DeserializeOwned;
use std::{error::Error, time::Duration};
use tidewire_protocol::Problem;

/// A page that did not come.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The request was at fault and will not succeed later either.
    #[error("the server refused the request: {0}")]
    Refused(Box<Problem>),
    /// The server refuses for a while.
    #[error("the server cannot answer for now: {problem}")]
    Unavailable {
        /// What it said.
        problem: Box<Problem>,
        /// When to try again, if it said that.
        retry_after: Option<Duration>,
    },
    /// The request needs a token, and there is none.
    #[error("the request was not sent")]
    NoToken(#[source] TokenError),
    /// No answer came. Asking again does no harm.
    #[error("no answer came")]
    NoAnswer(#[source] Box<dyn Error + Send + Sync>),
    /// What answered is no Tidewire server.
    #[error("the answer is not that of a Tidewire server: {0}")]
    BadAnswer(String),
}

impl PageError {
    /// Whether the same request may succeed later: the world was at fault, not the request.
    pub const fn retryable(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. }
                | Self::NoToken(TokenError::Unavailable(_))
                | Self::NoAnswer(_)
        )
    }
}

impl From<SendError> for PageError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Token(error) => Self::NoToken(error),
            SendError::Http(error) => Self::NoAnswer(error.into()),
        }
    }
}

impl From<ErrorResponse> for PageError {
    fn from(rejection: ErrorResponse) -> Self {
        let is_retryable = rejection.retryable();
        let ErrorResponse { problem, retry_after, .. } = rejection;
        match is_retryable {
            true => Self::Unavailable { problem, retry_after },
            false => Self::Refused(problem),
        }
    }
}

/// Sends the request for a page, and reads it.
pub(crate) async fn ask<T: DeserializeOwned>(
    request: RequestBuilder,
    client: &Client,
) -> Result<T, PageError> {
    let response = client.send(request.timeout(client.request_timeout())).await?;
    if !response.status().is_success() {
        return Err(ErrorResponse::read(response).await.into());
    }
    let body = read_body(response, PAGE_BYTES_MAX).await;
    let body = body.map_err(|error| PageError::NoAnswer(error.into()))?;
    serde_json::from_slice(&body).map_err(|error| PageError::BadAnswer(error.to_string()))
}

/// A page is about 64 KiB, or one message, which takes more in JSON than by itself.
const PAGE_BYTES_MAX: usize = 64 << 20;
