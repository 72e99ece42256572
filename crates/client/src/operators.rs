//! What operators read of a server, as the text that it is: `/metrics`, `/connections`, `/channels`.

use crate::{
    Client, PageError,
    http::{ErrorResponse, read_body},
};
use reqwest::Method;

impl Client {
    /// The text at a path below the server's URL, for people and programs that watch it.
    ///
    /// # Errors
    ///
    /// The server refuses or does not answer, or what it sends is no text.
    pub async fn read_text(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<String, PageError> {
        let request = self.request(Method::GET, path, query).timeout(self.request_timeout());
        let response = self.send(request).await?;
        if !response.status().is_success() {
            return Err(ErrorResponse::read(response).await.into());
        }
        let body = read_body(response, TEXT_BYTES_MAX).await;
        let body = body.map_err(|error| PageError::NoAnswer(error.into()))?;
        String::from_utf8(body).map_err(|_| PageError::BadAnswer("it is not UTF-8".to_owned()))
    }
}

/// A page of a thousand connections with ten long channel names each.
const TEXT_BYTES_MAX: usize = 16 << 20;
