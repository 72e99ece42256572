//! A copy of the server's store, as it comes.

use crate::{
    Client, PageError,
    http::{ErrorResponse, has_type},
};
use reqwest::{Method, Response};

/// A backup on its way: [`Backup::next_piece`] gives its bytes, in order.
#[derive(Debug)]
pub struct Backup {
    response: Response,
}

impl Client {
    /// Begins a backup of the store of the server, which has to run on this machine.
    ///
    /// # Errors
    ///
    /// The server refuses or does not answer.
    pub async fn backup(&self) -> Result<Backup, PageError> {
        let request = self.request(Method::POST, &["data", "backup"], &[]);
        let response = self.send(request).await?;
        if !response.status().is_success() {
            return Err(ErrorResponse::read(response).await.into());
        }
        if !has_type(&response, BACKUP_TYPE) {
            return Err(PageError::BadAnswer(format!("it is not of type {BACKUP_TYPE}")));
        }
        Ok(Backup { response })
    }
}

impl Backup {
    /// The next bytes, or `None` once all of it has come.
    ///
    /// # Errors
    ///
    /// The server broke off: what has come is no backup.
    pub async fn next_piece(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>, PageError> {
        self.response.chunk().await.map_err(|error| PageError::NoAnswer(error.into()))
    }
}

const BACKUP_TYPE: &str = "application/vnd.tidewire.backup";
