//! HTTP answers that are errors, read in one place: the cause, the problem document, when to try again.

use reqwest::{Response, StatusCode, header};
use std::{borrow::Cow, error::Error, time::Duration};
use tidewire_protocol::Problem;

/// An answer that was not a success.
#[derive(Debug)]
pub(crate) struct ErrorResponse {
    /// What was said, or what the status says if that was not in our words.
    pub(crate) problem: Box<Problem>,
    /// Whether a Tidewire server said it, rather than something in between.
    pub(crate) in_our_words: bool,
    /// When to try again.
    pub(crate) retry_after: Option<Duration>,
}

impl ErrorResponse {
    /// Reads an answer that was not a success.
    pub(crate) async fn read(response: Response) -> Self {
        let status = response.status();
        let retry_after = retry_after(&response);
        let problem = match has_type(&response, Problem::CONTENT_TYPE) {
            true => read_body(response, PROBLEM_BYTES_MAX).await.ok(),
            false => None,
        };
        let problem = problem.and_then(|body| serde_json::from_slice::<Problem>(&body).ok());
        match problem {
            Some(mut problem) => {
                problem.status = status.as_u16();
                // Others speak RFC 9457 too; the code is ours.
                let in_our_words = !problem.code.is_empty();
                Self { problem: problem.into(), in_our_words, retry_after }
            }
            None => {
                let problem = plain_problem(status).into();
                Self { problem, in_our_words: false, retry_after }
            }
        }
    }

    /// Whether the same request may succeed later.
    pub(crate) fn retryable(&self) -> bool {
        matches!(self.problem.status, 408 | 429 | 500..)
    }
}

/// Whether the answer is of that media type, whatever its parameters.
pub(crate) fn has_type(response: &Response, media_type: &str) -> bool {
    let value = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(media_type)
}

/// Reads a body of at most `bytes_max`.
pub(crate) async fn read_body(
    mut response: Response,
    bytes_max: usize,
) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if chunk.len() > bytes_max.saturating_sub(body.len()) {
            return Err(BodyError::TooLong(bytes_max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An answer that began well and did not arrive.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The connection broke.
    #[error("the answer ended early")]
    Cut(#[from] reqwest::Error),
    /// Nobody should send so much.
    #[error("the answer is larger than {0} bytes")]
    TooLong(usize),
}

/// An error and all its causes, on one line.
pub(crate) fn describe(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn plain_problem(status: StatusCode) -> Problem {
    Problem {
        kind: "about:blank".into(),
        title: Cow::Borrowed(status.canonical_reason().unwrap_or("An unknown status")),
        status: status.as_u16(),
        detail: format!("the answer was {status}"),
        code: Cow::Borrowed(""),
    }
}

/// Only the form in seconds: the other is a date, and clocks differ.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    value.parse().ok().map(Duration::from_secs)
}

/// A problem document is a few lines for people.
const PROBLEM_BYTES_MAX: usize = 64 << 10;
