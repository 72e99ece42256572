//! Keys that change while the server runs: those that tokens are verified with, and the API keys of servers.
//!
//! Files are read again when they change, and a key set is fetched again from its URL. A key that leaves a file
//! ends its connections ([`crate::worker_loop`]), and one that leaves the set does not.

mod fetch;
mod files;

#[cfg(feature = "opentelemetry")]
pub(crate) use fetch::tls_of_this_machine;

use crate::{api_key_file, config::Config};
use actix_web::rt::{self, task::JoinHandle};
use anyhow::Result;
use fetch::KeyFetcher;
use std::path::Path;
use tidewire_tokens::Verifier;

/// What keeps the keys current, until it is dropped.
#[derive(Debug)]
pub(crate) struct KeyTasks(Vec<JoinHandle<()>>);

impl KeyTasks {
    /// Has the configured verifier use the keys that there are, as they change.
    ///
    /// # Errors
    ///
    /// No client can be made that fetches keys.
    pub(crate) fn start(config: &Config) -> Result<Self> {
        let mut tasks = Vec::new();
        let Some(verifier) = &config.tokens else { return Ok(Self(tasks)) };
        if let Some(path) = config.api_keys_file.clone() {
            let (verifier, files) = (verifier.clone(), vec![path.clone()]);
            let read_again = move || read_api_keys(&path, &verifier);
            tasks.push(rt::spawn(files::watch(files, read_again)));
        }
        let files: Vec<_> = config.token_keys.files().map(Path::to_owned).collect();
        if !files.is_empty() {
            let (verifier, sources) = (verifier.clone(), config.token_keys.clone());
            let read_again = move || sources.read_again(&verifier);
            tasks.push(rt::spawn(files::watch(files, read_again)));
        }
        if let Some(source) = config.token_keys.url() {
            tasks.push(rt::spawn(KeyFetcher::new(source.clone(), verifier.clone())?.run()));
        }
        Ok(Self(tasks))
    }
}

impl Drop for KeyTasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// Takes the API keys that the file has now. What cannot be read changes nothing; a file that is gone has none.
fn read_api_keys(path: &Path, verifier: &Verifier) {
    match api_key_file::read(path) {
        Ok(keys) => verifier.replace_api_keys(keys),
        Err(error) => {
            let cause = format!("{error:#}");
            tracing::warn!(
                cause,
                "the API keys have changed and cannot be read; the ones before stay in force"
            );
        }
    }
}

#[cfg(test)]
mod tests;
