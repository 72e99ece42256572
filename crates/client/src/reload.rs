//! Has a server read its configuration again.

use crate::{Client, PageError, page::ask};
use reqwest::Method;
use serde::Deserialize;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Reloaded {
    /// What the server has taken.
    pub reloaded: Vec<ChangedSetting>,
    /// What only its next start takes.
    pub needs_restart: Vec<ChangedSetting>,
}

/// A setting whose value differs from that of the start or of the last reload. Secrets are not shown.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ChangedSetting {
    /// Its key.
    pub key: String,
    /// What it was.
    pub before: String,
    /// What it is.
    pub after: String,
}

impl Client {
    /// Has the server read its configuration again.
    ///
    /// # Errors
    ///
    /// The configuration cannot be used, and nothing has changed; or the server refuses or does not answer.
    pub async fn reload(&self) -> Result<Reloaded, PageError> {
        ask(self.request(Method::POST, &["config", "reload"], &[]), self).await
    }
}
