//! Fetches the keys of tokens from their URL: at the start, every so often, and when a token names a key that is
//! not known.
//!
//! However many such tokens come, a fetch begins only `interval_min` after the one before. If a fetch fails, the keys
//! of the last one stay in force, so nobody is disconnected while the key server is down.
//!
//! A token whose key may be in the set that is being fetched waits for it, for a short time, and few of them do.

use crate::config::KeyUrl;
use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Response, redirect::Policy};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier, crypto::ring};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tidewire_tokens::{
    FetchState, Fetched, KEY_SET_BYTES_MAX, KeySet, KeySetOrigin, KeySource, Verifier,
};
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::{Instant, sleep_until, timeout},
};

/// What the task has in common with those that ask for keys.
#[derive(Debug)]
struct Shared {
    wanted: Notify,
    progress: Mutex<Progress>,
    /// Changes with the end of each fetch. Its sender ends with the task.
    ended: watch::Receiver<()>,
    /// A permit for each request that waits for a fetch.
    waits: Arc<Semaphore>,
    /// How long a request waits at most.
    wait_max: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Progress {
    /// Whether a fetch is under way, or about to begin.
    is_fetching: bool,
    has_failed: bool,
    /// When the next one may begin.
    earliest: Instant,
}

/// How a verifier asks.
#[derive(Debug)]
struct Asked(Arc<Shared>);

/// The task that fetches.
#[derive(Debug)]
pub(crate) struct KeyFetcher {
    shared: Arc<Shared>,
    ended: watch::Sender<()>,
    http: Client,
    source: KeyUrl,
    verifier: Verifier,
}

impl Shared {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeySource for Asked {
    fn ask(&self) -> FetchState {
        let mut progress = self.0.progress();
        if progress.is_fetching || Instant::now() >= progress.earliest {
            progress.is_fetching = true;
            drop(progress);
            self.0.wanted.notify_one();
            return FetchState::UnderWay;
        }
        if progress.has_failed { FetchState::Failed } else { FetchState::Done }
    }

    fn fetched(&self) -> Option<Fetched> {
        let permit = Arc::clone(&self.0.waits).try_acquire_owned().ok()?;
        let mut ended = self.0.ended.clone();
        // Under the lock: a fetch that ends meanwhile is not missed.
        let progress = self.0.progress();
        ended.mark_unchanged();
        let (is_over, wait_max) = (!progress.is_fetching, self.0.wait_max);
        drop(progress);
        Some(Box::pin(async move {
            if !is_over {
                // Too late, or the task has ended: then it is said what there is to say without it.
                let _ = timeout(wait_max, ended.changed()).await;
            }
            drop(permit);
        }))
    }
}

impl KeyFetcher {
    /// A task that replaces the fetched keys of `verifier`, which asks for more by it.
    ///
    /// # Errors
    ///
    /// The HTTP client cannot be made.
    pub(crate) fn new(source: KeyUrl, verifier: Verifier) -> Result<Self> {
        Self::with(source, verifier, WAIT_MAX)
    }

    fn with(source: KeyUrl, verifier: Verifier, wait_max: Duration) -> Result<Self> {
        let progress = Progress { is_fetching: true, has_failed: false, earliest: Instant::now() };
        let (sender, ended) = watch::channel(());
        let (progress, waits) = (Mutex::new(progress), Arc::new(Semaphore::new(WAITS_MAX)));
        let shared = Arc::new(Shared { wanted: Notify::new(), progress, ended, waits, wait_max });
        let http = client(&source).context("the keys of tokens cannot be fetched")?;
        verifier.fetch_from(Asked(Arc::clone(&shared)));
        Ok(Self { shared, ended: sender, http, source, verifier })
    }

    /// Fetches for as long as it is polled.
    pub(crate) async fn run(self) {
        let mut were_fetched = false;
        loop {
            let outcome = timeout(FETCH_MAX, self.fetch()).await;
            let outcome = outcome.context("it took longer than 10 s").and_then(|outcome| outcome);
            let has_failed = outcome.is_err();
            let interval = self.report(outcome, &mut were_fetched);
            let ended = Instant::now();
            let earliest = ended + self.source.interval_min;
            *self.shared.progress() = Progress { is_fetching: false, has_failed, earliest };
            self.ended.send_replace(());
            let wanted = async {
                self.shared.wanted.notified().await;
                // It may have been asked for during the fetch that has ended.
                sleep_until(earliest).await;
            };
            tokio::select! {
                () = sleep_until(ended + interval) => {}
                () = wanted => {}
            }
            self.shared.progress().is_fetching = true;
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

/// TLS with the certificates that this machine trusts.
pub(crate) fn tls_of_this_machine() -> Result<ClientConfig> {
    Ok(tls_builder()?.with_platform_verifier()?.with_no_client_auth())
}

fn tls_builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>> {
    let provider = Arc::new(ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?)
}

fn client(source: &KeyUrl) -> Result<Client> {
    let is_tls = source.url.scheme() == "https";
    let tls = match is_tls {
        true => tls_of_this_machine()?,
        false => {
            let empty = tls_builder()?.with_root_certificates(RootCertStore::empty());
            empty.with_no_client_auth()
        }
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

/// How long a token waits for it.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// How many may wait at once: each holds a request or a token meanwhile. One more is to come back later.
const WAITS_MAX: usize = 1_000;

const REDIRECTS_MAX: usize = 3;

#[cfg(test)]
mod tests;
