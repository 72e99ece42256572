//! History over HTTP: a page of what the server keeps, from either end.

use crate::{
    Client,
    http::{Rejection, read_body},
};
use reqwest::Method;
use std::{error::Error, time::Duration};
use tidewire_protocol::{HistoryPage, Problem, Since};

/// A page of history, about to be asked for.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked for until it is sent"]
pub struct History {
    client: Client,
    channel: String,
    since: Option<Since>,
    before: Option<Since>,
    until: Option<Since>,
    limit: Option<usize>,
}

/// A page that did not come.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The request was at fault and will not succeed later either.
    #[error("the server refuses to tell this: {0}")]
    Refused(Box<Problem>),
    /// The server cannot at the moment.
    #[error("the server cannot tell this at the moment: {problem}")]
    Unavailable {
        /// What it said.
        problem: Box<Problem>,
        /// When to try again, if it said that.
        retry_after: Option<Duration>,
    },
    /// No answer came. Asking again does no harm.
    #[error("no answer came")]
    NoAnswer(#[source] Box<dyn Error + Send + Sync>),
    /// What answered is no Tidewire server.
    #[error("the answer is not one of a Tidewire server: {0}")]
    BadAnswer(String),
}

impl HistoryError {
    /// Whether the same request may succeed later: the world was at fault, not the request.
    pub const fn retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::NoAnswer(_))
    }
}

impl History {
    pub(crate) const fn new(client: Client, channel: String) -> Self {
        Self { client, channel, since: None, before: None, until: None, limit: None }
    }

    /// Only what is behind this place; without [`before`](Self::before) the oldest of it.
    pub const fn since(mut self, since: Since) -> Self {
        self.since = Some(since);
        self
    }

    /// The newest messages before this place: [`HistoryPage::before`] of a page for the one before.
    pub const fn before(mut self, before: Since) -> Self {
        self.before = Some(before);
        self
    }

    /// The oldest messages, but only those before this place.
    pub const fn until(mut self, until: Since) -> Self {
        self.until = Some(until);
        self
    }

    /// At most so many messages; 100 unless told otherwise, and never more than the server's limit.
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Asks for the page.
    ///
    /// # Errors
    ///
    /// It did not come: whose fault that was, and whether to try again, the error says.
    pub async fn send(self) -> Result<HistoryPage, HistoryError> {
        let places = [("since", self.since), ("before", self.before), ("until", self.until)];
        let places =
            places.into_iter().filter_map(|(name, place)| Some((name, place?.to_string())));
        let limit = self.limit.map(|limit| ("limit", limit.to_string()));
        let query: Vec<(&str, String)> = places.chain(limit).collect();
        let query: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let path = ["channels", &self.channel, "messages"];
        let request = self.client.request(Method::GET, &path, &query);
        let response = request.timeout(self.client.request_timeout()).send().await;
        let response = response.map_err(|error| HistoryError::NoAnswer(error.into()))?;
        if !response.status().is_success() {
            let rejection = Rejection::read(response).await;
            return Err(match rejection.retryable() {
                true => HistoryError::Unavailable {
                    problem: rejection.problem,
                    retry_after: rejection.retry_after,
                },
                false => HistoryError::Refused(rejection.problem),
            });
        }
        let body = read_body(response, PAGE_BYTES_MAX).await;
        let body = body.map_err(|error| HistoryError::NoAnswer(error.into()))?;
        serde_json::from_slice(&body).map_err(|error| HistoryError::BadAnswer(error.to_string()))
    }
}

/// A page is about 64 KiB, or one message, which takes more in JSON than by itself.
const PAGE_BYTES_MAX: usize = 64 << 20;
