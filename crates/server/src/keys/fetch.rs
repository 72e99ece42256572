//! Fetches the keys of tokens from their URL: at the start, every so often, and when a token names a key that is
//! not known.
//!
//! However many such tokens come, a fetch begins only `interval_min` after the one before. If a fetch fails, the keys
//! of the last one stay in force, so nobody is disconnected while the key server is down.

use crate::config::KeyUrl;
use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Response, redirect::Policy};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tidewire_tokens::{KEY_SET_BYTES_MAX, KeySet, KeySetOrigin, Verifier};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout},
};

#[derive(Debug)]
struct Shared {
    wanted: Notify,
    progress: Mutex<Progress>,
}

#[derive(Clone, Copy, Debug)]
struct Progress {
    is_fetching: bool,
    /// When the next one may begin.
    earliest: Instant,
}

/// The task that fetches.
#[derive(Debug)]
pub(crate) struct KeyFetcher {
    shared: Arc<Shared>,
    http: Client,
    source: KeyUrl,
    verifier: Verifier,
}

impl Shared {
    /// Has a fetch begin, if one may. Whether one is under way or will begin, so that a token whose key is not known
    /// should be tried again.
    fn begin(&self) -> bool {
        let may_fetch = self.progress.lock().unwrap_or_else(PoisonError::into_inner).may_fetch();
        if may_fetch {
            self.wanted.notify_one();
        }
        may_fetch
    }

    fn update(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Progress {
    /// Whether a fetch is under way, or may begin now.
    fn may_fetch(&self) -> bool {
        self.is_fetching || Instant::now() >= self.earliest
    }
}

impl KeyFetcher {
    /// A task that replaces the fetched keys of `verifier`, which asks for more by it.
    ///
    /// # Errors
    ///
    /// The HTTP client cannot be made.
    pub(crate) fn new(source: KeyUrl, verifier: Verifier) -> Result<Self> {
        let progress = Mutex::new(Progress { is_fetching: true, earliest: Instant::now() });
        let shared = Arc::new(Shared { wanted: Notify::new(), progress });
        let http = client(&source).context("the keys of tokens cannot be fetched")?;
        let asked = Arc::clone(&shared);
        verifier.ask_for_keys(move || asked.begin());
        Ok(Self { shared, http, source, verifier })
    }

    /// Fetches for as long as it is polled.
    pub(crate) async fn run(self) {
        let mut were_fetched = false;
        loop {
            let outcome = timeout(FETCH_MAX, self.fetch()).await;
            let outcome = outcome.context("it took longer than 10 s").and_then(|outcome| outcome);
            let interval = self.report(outcome, &mut were_fetched);
            let ended = Instant::now();
            let earliest = ended + self.source.interval_min;
            self.shared.update(|progress| *progress = Progress { is_fetching: false, earliest });
            let wanted = async {
                self.shared.wanted.notified().await;
                // It may have been asked for during the fetch that has ended.
                sleep_until(earliest).await;
            };
            tokio::select! {
                () = sleep_until(ended + interval) => {}
                () = wanted => {}
            }
            self.shared.update(|progress| progress.is_fetching = true);
        }
    }

    /// Logs what came of a fetch. Says when the next one is due.
    fn report(&self, outcome: Result<KeySet>, were_fetched: &mut bool) -> Duration {
        let host = &self.source.host;
        match outcome {
            Ok(set) => {
                for key in &set.skipped {
                    let id = key.id.as_deref().unwrap_or("without kid");
                    tracing::debug!(host, id, reason = key.reason, "a key of the set is not used");
                }
                if !*were_fetched {
                    tracing::info!(host, keys = set.keys.len(), "fetched the keys of tokens");
                }
                *were_fetched = true;
                self.verifier.replace_fetched(set.keys);
                self.source.interval
            }
            Err(error) => {
                let cause = format!("{error:#}");
                tracing::warn!(
                    host,
                    cause,
                    "the keys of tokens cannot be fetched; the ones before stay in force"
                );
                *were_fetched = false;
                self.source.interval_min
            }
        }
    }

    async fn fetch(&self) -> Result<KeySet> {
        let response = self.http.get(self.source.url.clone()).send().await;
        let response = response.map_err(reqwest::Error::without_url)?;
        let status = response.status();
        ensure!(status.is_success(), "the key server answered {status}");
        let body = body(response).await?;
        Ok(KeySet::parse(&body, &self.source.algorithms, KeySetOrigin::Url)?)
    }
}

async fn body(mut response: Response) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        let room = KEY_SET_BYTES_MAX.saturating_sub(body.len());
        ensure!(part.len() <= room, "the key set has more than {KEY_SET_BYTES_MAX} bytes");
        body.extend_from_slice(&part);
    }
    Ok(body)
}

fn client(source: &KeyUrl) -> Result<Client> {
    let is_tls = source.url.scheme() == "https";
    let builder = || {
        let provider = Arc::new(ring::default_provider());
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
    };
    let tls = match is_tls {
        true => builder()?.with_platform_verifier()?.with_no_client_auth(),
        false => builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
    };
    let builder = Client::builder()
        .user_agent(concat!("tidewire/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::limited(REDIRECTS_MAX))
        .https_only(is_tls)
        .pool_max_idle_per_host(0)
        .tls_backend_preconfigured(tls);
    Ok(builder.build()?)
}

/// How long a fetch may take.
const FETCH_MAX: Duration = Duration::from_secs(10);

const REDIRECTS_MAX: usize = 3;

#[cfg(test)]
mod tests;
