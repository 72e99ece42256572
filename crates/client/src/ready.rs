//! Whether the server is ready for clients.

use crate::{Client, PageError, page::ask};
use reqwest::Method;
use serde::Deserialize;

/// What `/health/ready` answers.
#[derive(Deserialize)]
struct Health {
    status: String,
}

impl Client {
    /// Asks whether the server is ready: it has stored a test message, and is not shutting down.
    ///
    /// # Errors
    ///
    /// The server is not ready, or does not answer.
    pub async fn check_ready(&self) -> Result<(), PageError> {
        let request = self.request(Method::GET, &["health", "ready"], &[]);
        let health: Health = ask(request, self).await?;
        match &*health.status {
            "ready" => Ok(()),
            other => Err(PageError::BadAnswer(format!("its status is {other:?}"))),
        }
    }
}
