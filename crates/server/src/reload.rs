//! Takes a changed configuration while the server runs, at SIGHUP or when an operator asks for it.
//!
//! All of the new configuration is read and checked first, as at a start. If anything is wrong, nothing changes. What each
//! worker looks at for a connection reaches it by a `watch`, and is copied there between two rounds: a delivery looks at
//! no lock. What requests look at is swapped as a whole.

use crate::{
    access::{Access, Authenticator, Policy, Proxies, SharedAccess},
    config::{Bytes, Changes, Config, ConfigErrors},
    drain::Drain,
    keys::KeyTasks,
    limits, logging,
    tls::Tls,
};
use anyhow::{Context as _, Result, anyhow, ensure};
use std::sync::Arc;
use tidewire_broker::Broker;
use tidewire_client_address::TrustedProxies;
use tidewire_connection::Limits;
use tokio::sync::{mpsc, oneshot, watch};

/// What a worker copies.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LiveSettings {
    /// How connections behave.
    pub(crate) connection: Limits,
    /// How they end when the server does.
    pub(crate) drain: Drain,
    /// Whether each request is a line of the log.
    pub(crate) logs_access: bool,
}

/// Reads the configuration again.
pub(crate) type Load = Arc<dyn Fn() -> Result<Config, ConfigErrors> + Send + Sync>;

/// Asks for a reload. Cloning gives another handle.
#[derive(Clone, Debug)]
pub(crate) struct ReloadHandle(mpsc::Sender<oneshot::Sender<Result<Changes, String>>>);

/// Everything that a reload changes.
pub(crate) struct Reloader {
    pub(crate) load: Load,
    /// What the server has started with.
    pub(crate) start: Config,
    /// What is in force.
    pub(crate) config: Config,
    pub(crate) settings: watch::Sender<LiveSettings>,
    pub(crate) broker: Broker,
    pub(crate) access: SharedAccess,
    /// Whose headers of the PROXY protocol count.
    pub(crate) proxies: watch::Sender<TrustedProxies>,
    pub(crate) authenticator: Authenticator,
    pub(crate) key_tasks: KeyTasks,
    pub(crate) tls: Option<Tls>,
    pub(crate) limits: limits::Limits,
    /// How many connections the machine has room for.
    pub(crate) room: usize,
    /// The largest message at the start: what holds messages was made for it.
    pub(crate) message_bytes_max: usize,
}

impl From<&Config> for LiveSettings {
    fn from(config: &Config) -> Self {
        let (delay, over) = (config.drain_delay.duration(), config.drain.duration());
        let drain = Drain { delay, over };
        Self { connection: config.connection, drain, logs_access: config.access_log.0 }
    }
}

impl ReloadHandle {
    /// A handle, and what the reloader waits for.
    pub(crate) fn new() -> (Self, Requests) {
        let (sender, receiver) = mpsc::channel(REQUESTS_MAX);
        (Self(sender), Requests(receiver))
    }

    /// Has the configuration read again; says what changed, or why nothing did.
    ///
    /// # Errors
    ///
    /// The new configuration cannot be used, or the server is about to end.
    pub(crate) async fn reload(&self) -> Result<Changes, String> {
        let (answer, answered) = oneshot::channel();
        self.0.send(answer).await.map_err(|_| ENDING.to_owned())?;
        answered.await.unwrap_or_else(|_| Err(ENDING.to_owned()))
    }
}

/// What operators have asked for.
pub(crate) struct Requests(mpsc::Receiver<oneshot::Sender<Result<Changes, String>>>);

impl Reloader {
    /// Reloads whenever `hangup` comes or somebody asks, one after another.
    pub(crate) async fn run(
        mut self,
        mut hangups: tokio::signal::unix::Signal,
        mut requests: Requests,
    ) {
        loop {
            let answer = tokio::select! {
                Some(()) = hangups.recv() => None,
                Some(answer) = requests.0.recv() => Some(answer),
                else => return,
            };
            let outcome = self.reload();
            report(&outcome);
            if let Some(answer) = answer {
                // Nobody may wait for it any more.
                let _ = answer.send(outcome.map_err(|error| format!("{error:#}")));
            }
        }
    }

    /// Reads the configuration again and takes what has changed.
    ///
    /// It has to be one that the server could start with, and one that it can go on with: on its addresses, with its data folder.
    ///
    /// # Errors
    ///
    /// It cannot be used; nothing has changed.
    fn reload(&mut self) -> Result<Changes> {
        let config = (self.load)()?.since(&self.start).context(KEPT)?;
        // A file that is empty for a moment has no keys either.
        ensure!(!config.is_open_by_default() || self.is_open_to_everybody(), "{OPENING}");
        let message_bytes_max = config.broker.rules.message_bytes_max();
        ensure!(
            message_bytes_max <= self.message_bytes_max,
            "message_bytes_max is {}, also of channels; above {}, which it was at the start, it can only be raised by a restart",
            Bytes::from(message_bytes_max),
            Bytes::from(self.message_bytes_max)
        );
        let changes = self.config.changes_to(&config, &self.start);
        // What may fail comes first. Also where nothing of the keys has changed: the verifier is another one.
        let tasks = self.key_tasks_for(&config).context("the keys of tokens cannot be replaced")?;
        // The last of it: the certificate is replaced as it is read.
        if let Some(tls) = &self.tls {
            tls.reload().map_err(|error| anyhow!("tls_certificate: {error}"))?;
        }
        self.key_tasks = tasks;
        self.authenticator.replace(policy(&config));
        let authenticator = self.authenticator.clone();
        self.access.replace(access(&config, config.is_local(), authenticator, &self.limits));
        self.proxies.send_replace(config.trusted_proxies.0.clone());
        self.limits.replace(config.limits(self.room));
        self.settings.send_replace(LiveSettings::from(&config));
        let kept = self.broker.replace_rules(config.broker.rules.clone());
        if kept > 0 {
            tracing::warn!(
                channels = kept,
                "compact has changed; channels that exist keep their options until the next start"
            );
        }
        logging::configure(config.log_format, config.log_level.as_ref());
        self.config = config;
        Ok(changes)
    }

    /// Whether no keys are in force, and everybody may do everything.
    fn is_open_to_everybody(&self) -> bool {
        let grant = self.config.anonymous_grant();
        self.config.tokens.is_none() && grant.is_some_and(|grant| grant.is_open())
    }

    /// Other tasks, which keep the keys of a new verifier current. Keys that the one before has fetched stay in force until
    /// the first fetch.
    fn key_tasks_for(&self, config: &Config) -> Result<KeyTasks> {
        if let (Some(before), Some(now)) = (&self.config.tokens, &config.tokens)
            && self.config.token_keys.has_same_url(&config.token_keys)
        {
            now.adopt_fetched(before);
        }
        KeyTasks::start(config)
    }
}

/// How a configuration judges credentials.
pub(crate) fn policy(config: &Config) -> Policy {
    Policy {
        verifier: config.tokens.clone(),
        anonymous: config.anonymous_grant(),
        cookie: config.tokens_cookie.clone(),
        in_query: config.tokens_in_query,
    }
}

/// Which requests a configuration lets through, on a server that is `is_local`.
pub(crate) fn access(
    config: &Config,
    is_local: bool,
    authenticator: Authenticator,
    limits: &limits::Limits,
) -> Access {
    let (hosts, origins) = (config.allowed_hosts.clone(), config.allowed_origins.clone());
    let trusted = config.trusted_proxies.0.clone();
    let proxies = Proxies::new(trusted, config.trusted_proxies_header.0);
    Access::new(hosts, origins, is_local, authenticator).behind(proxies).limited_by(limits.clone())
}

/// Says in the log what came of a reload.
fn report(outcome: &Result<Changes>) {
    match outcome {
        Ok(changes) => {
            for change in &changes.taken {
                tracing::info!("reloaded {change}");
            }
            for change in &changes.needs_restart {
                tracing::warn!("{change} needs a restart; the value from the start stays in force");
            }
            let (taken, needs_restart) = (changes.taken.len(), changes.needs_restart.len());
            tracing::info!(taken, needs_restart, "the configuration was read again");
        }
        Err(error) => tracing::error!("nothing was reloaded: {error:#}"),
    }
}

/// More requests at once than that wait to be taken.
const REQUESTS_MAX: usize = 4;

const KEPT: &str = "with the settings of the start that only a restart changes";

const OPENING: &str = "no keys are configured any more, in [tokens] or a list of API keys, so everybody who reaches the server \
    could do everything. Configure a key, or say with anonymous what requests without a token may do. For a list of API keys \
    that may be empty, set api_keys_file";

const ENDING: &str = "the server is shutting down";

#[cfg(test)]
mod tests;
