//! History over HTTP: a page of what the server keeps, from either end.

use crate::{Client, PageError, page};
use reqwest::Method;
use tidewire_protocol::{HistoryPage, Since};

/// A page of history, about to be asked for.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked for until it is sent"]
pub struct HistoryRequest {
    client: Client,
    channel: String,
    since: Option<Since>,
    before: Option<Since>,
    until: Option<Since>,
    limit: Option<usize>,
}

impl Client {
    /// Begins to ask for a page of what the server keeps of a channel or pattern.
    ///
    /// ```no_run
    /// # async fn example(client: tidewire_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use tidewire_client::Since;
    ///
    /// let newest = client.history("chat.*").before(Since::Now).limit(20).send().await?;
    /// let older = client.history("chat.*").before(Since::after(newest.before)).send().await?;
    /// let live = client.subscribe_raw(["chat.*"]).since(newest.position.into()).stream();
    /// # Ok(())
    /// # }
    /// ```
    pub fn history(&self, channel: impl Into<String>) -> HistoryRequest {
        HistoryRequest::new(self.clone(), channel.into())
    }
}

impl HistoryRequest {
    const fn new(client: Client, channel: String) -> Self {
        Self { client, channel, since: None, before: None, until: None, limit: None }
    }

    /// Only messages after this position; without [`before`](Self::before) the oldest of them.
    pub const fn since(mut self, since: Since) -> Self {
        self.since = Some(since);
        self
    }

    /// The newest messages before this position. [`HistoryPage::before`] of a page selects the previous page.
    pub const fn before(mut self, before: Since) -> Self {
        self.before = Some(before);
        self
    }

    /// The oldest messages, but only those before this position.
    pub const fn until(mut self, until: Since) -> Self {
        self.until = Some(until);
        self
    }

    /// The most messages to return; 100 by default, and never more than the server's limit.
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Asks for the page.
    ///
    /// # Errors
    ///
    /// The page could not be read. The error says why, and whether to try again.
    pub async fn send(self) -> Result<HistoryPage, PageError> {
        let places = [("since", self.since), ("before", self.before), ("until", self.until)];
        let places =
            places.into_iter().filter_map(|(name, place)| Some((name, place?.to_string())));
        let limit = self.limit.map(|limit| ("limit", limit.to_string()));
        let query: Vec<(&str, String)> = places.chain(limit).collect();
        let query: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let path = ["channels", &self.channel, "messages"];
        let request = self.client.request(Method::GET, &path, &query);
        page::ask(request, &self.client).await
    }
}
