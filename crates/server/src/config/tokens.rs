//! The table `[tokens]`: which keys tokens are verified with, and what is asked of them.
//!
//! Its settings are named with a prefix where there are no tables: `[tokens] secret` in the file,
//! `TIDEWIRE_TOKENS_SECRET` in the environment, `--tokens-secret-file` as a flag.

use super::{
    ConfigError, Settings, Span,
    faults::Faults,
    token_values::{Secret, Texts},
};
use crate::api_key_file;
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};
use tidewire_tokens::{Algorithm, Key, KeySet, KeySetOrigin, LEEWAY_MS_MAX, Rules, Verifier};
use url::Url;

/// Where the keys of tokens come from: read at the start, and again when they change.
#[derive(Clone, Debug, Default)]
pub struct TokenKeys {
    secret: Option<Secret>,
    secret_file: Option<PathBuf>,
    key_files: Vec<PathBuf>,
    algorithms: Vec<Algorithm>,
    url: Option<KeyUrl>,
}

/// Where keys are fetched, and how often.
#[derive(Clone, Debug)]
pub struct KeyUrl {
    pub(crate) url: Url,
    /// For the log, which has no paths and queries.
    pub(crate) host: String,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) interval: Duration,
    pub(crate) interval_min: Duration,
}

impl TokenKeys {
    fn new(settings: &Settings, faults: &mut Faults) -> Self {
        let algorithms = settings.tokens_algorithms.clone().unwrap_or_default().0;
        let key_files = settings.tokens_key_files.clone().unwrap_or_default().0;
        Self {
            secret: settings.tokens_secret.clone(),
            secret_file: settings.tokens_secret_file.clone(),
            key_files: key_files.into_iter().map(PathBuf::from).collect(),
            url: key_url(settings, &algorithms, faults),
            algorithms,
        }
    }

    fn is_empty(&self) -> bool {
        self.secret.is_none() && self.files().next().is_none() && self.url.is_none()
    }

    /// The files that keys are read from.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.secret_file.iter().chain(&self.key_files).map(PathBuf::as_path)
    }

    /// Where keys are fetched.
    pub(crate) fn url(&self) -> Option<&KeyUrl> {
        self.url.as_ref()
    }

    /// Whether both fetch keys from the same place, for the same algorithms.
    pub(crate) fn has_same_url(&self, other: &Self) -> bool {
        let source =
            |keys: &Self| keys.url.as_ref().map(|url| (url.url.clone(), url.algorithms.clone()));
        source(self).is_some() && source(self) == source(other)
    }

    /// The secret, if one is configured.
    pub(crate) fn secret(&self) -> Result<Option<Vec<u8>>, ConfigError> {
        match (&self.secret, &self.secret_file) {
            (Some(Secret(secret)), _) => Ok(Some(secret.clone().into_bytes())),
            (None, Some(path)) => read_secret(path).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// How tokens are signed with it.
    pub(crate) fn secret_algorithm(&self) -> Algorithm {
        let is_of_secrets = |algorithm: &&Algorithm| {
            matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512)
        };
        self.algorithms.iter().find(is_of_secrets).copied().unwrap_or(Algorithm::HS256)
    }

    /// The keys that are given and those of the files.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or something is no key: the first of all faults.
    pub(crate) fn read(&self) -> Result<Vec<Key>, ConfigError> {
        self.sources().collect::<Result<Vec<_>, _>>().map(|keys| keys.concat())
    }

    /// Has `verifier` use what the files have now. What cannot be used changes nothing.
    pub(crate) fn read_again(&self, verifier: &Verifier) {
        match self.read() {
            Ok(keys) => {
                tracing::debug!(keys = keys.len(), "the keys of tokens have been read");
                verifier.replace_keys(keys);
            }
            Err(error) => {
                let cause = error.to_string();
                tracing::warn!(
                    cause,
                    "the keys of tokens have changed and cannot be used; the ones before stay in force"
                );
            }
        }
    }

    /// The keys of each source, or what is wrong with it.
    fn sources(&self) -> impl Iterator<Item = Result<Vec<Key>, ConfigError>> {
        let secret = self.secret().transpose().map(|secret| {
            let source_name = match &self.secret_file {
                Some(path) if self.secret.is_none() => {
                    format!("tokens_secret_file {}", path.display())
                }
                _ => "tokens_secret".to_owned(),
            };
            let key = Key::from_secret(&secret?, &self.algorithms);
            key.map(|key| vec![key]).map_err(|cause| ConfigError::BadKey { source_name, cause })
        });
        secret.into_iter().chain(self.key_files.iter().map(|path| self.read_keys(path)))
    }

    /// The public keys of a file in PEM, or the keys of a key set.
    fn read_keys(&self, path: &Path) -> Result<Vec<Key>, ConfigError> {
        let source_name = format!("tokens_key_files {}", path.display());
        let text = fs::read(path).map_err(|cause| unreadable("tokens_key_files", path, cause))?;
        if text.trim_ascii_start().starts_with(b"{") {
            let set = KeySet::parse(&text, &self.algorithms, KeySetOrigin::File);
            return set
                .map(|set| set.keys)
                .map_err(|cause| ConfigError::BadKeySet { source_name, cause });
        }
        let keys = Key::from_pem(&String::from_utf8_lossy(&text), &self.algorithms);
        keys.map_err(|cause| ConfigError::BadKey { source_name, cause })
    }
}

/// What verifies tokens, if any key is configured, and where its keys come from.
///
/// A list of API keys counts if it has keys, or if its place is configured. One that is empty in the data folder does not: such a
/// server has no keys, and is open.
pub(super) fn verifier(
    settings: &Settings,
    api_keys_file: Option<&Path>,
    faults: &mut Faults,
) -> (Option<Verifier>, TokenKeys) {
    if settings.tokens_secret.is_some() && settings.tokens_secret_file.is_some() {
        faults.push(ConfigError::value("tokens_secret", "given", ONE_SECRET));
    }
    let leeway = settings.tokens_leeway.unwrap_or(LEEWAY);
    if leeway.millis() > LEEWAY_MS_MAX {
        faults.push(ConfigError::value("tokens_leeway", &leeway.to_string(), SHORT_LEEWAY));
    }
    let sources = TokenKeys::new(settings, faults);
    let api_keys = api_keys_file.map(api_key_file::read).transpose();
    let api_keys = api_keys.unwrap_or_else(|error| {
        faults.push(ConfigError::BadApiKeys { cause: format!("{error:#}") });
        None
    });
    let api_keys = api_keys.filter(|keys| settings.api_keys_file.is_some() || !keys.is_empty());
    if sources.is_empty() {
        refuse_rules(settings, faults);
        if api_keys.is_none() {
            return (None, sources);
        }
    }
    let mut keys = Vec::new();
    for source in sources.sources() {
        match source {
            Ok(read) => keys.extend(read),
            Err(error) => faults.push(error),
        }
    }
    let texts = |texts: &Option<Texts>| texts.clone().unwrap_or_default().0;
    let rules = Rules {
        issuers: texts(&settings.tokens_issuer),
        audiences: texts(&settings.tokens_audience),
        types: texts(&settings.tokens_types),
        leeway_ms: leeway.millis(),
    };
    let verifier = match sources.url {
        Some(_) => Verifier::fetching(rules, keys),
        None => Verifier::new(rules, keys),
    };
    if let Some(api_keys) = api_keys {
        verifier.replace_api_keys(api_keys);
    }
    (Some(verifier), sources)
}

fn key_url(settings: &Settings, algorithms: &[Algorithm], faults: &mut Faults) -> Option<KeyUrl> {
    let text = settings.tokens_jwks_url.as_ref()?;
    let interval = settings.tokens_jwks_interval.unwrap_or(JWKS_INTERVAL);
    let interval_min = settings.tokens_jwks_interval_min.unwrap_or(JWKS_INTERVAL_MIN);
    if interval_min.millis() < 1_000 {
        let given = interval_min.to_string();
        faults.push(ConfigError::value("tokens_jwks_interval_min", &given, SOME_INTERVAL));
    }
    if interval.millis() < interval_min.millis() {
        faults.push(ConfigError::value("tokens_jwks_interval", &interval.to_string(), LONGER));
    }
    let url = Url::parse(text).ok().filter(|url| {
        let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        url.scheme() == "https" || (url.scheme() == "http" && is_local)
    });
    let Some(url) = url else {
        // It may have a password in it.
        faults.push(ConfigError::value("tokens_jwks_url", "not such a URL", HTTPS));
        return None;
    };
    let host = url.host_str().unwrap_or_default().to_owned();
    let (interval, interval_min) = (interval.duration(), interval_min.duration());
    Some(KeyUrl { url, host, algorithms: algorithms.to_vec(), interval, interval_min })
}

/// What a file has, without the line end that editors add.
fn read_secret(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let mut secret =
        fs::read(path).map_err(|cause| unreadable("tokens_secret_file", path, cause))?;
    for end in *b"\n\r" {
        if secret.last() == Some(&end) {
            secret.pop();
        }
    }
    Ok(secret)
}

fn unreadable(key: &'static str, path: &Path, cause: io::Error) -> ConfigError {
    ConfigError::UnreadableKey { key, path: path.to_owned(), cause }
}

/// Refuses rules for tokens if no token can be accepted.
fn refuse_rules(settings: &Settings, faults: &mut Faults) {
    if !faults.knows(&KEYS) || settings.given().any(|key| KEYS.contains(&key)) {
        return;
    }
    for key in settings.given().filter(|key| key.starts_with(PREFIX)) {
        faults.push(ConfigError::value(key, "given", WITH_KEYS));
    }
}

/// What its settings are named with where there are no tables.
pub(super) const PREFIX: &str = "tokens_";

/// The settings that give keys.
pub(super) const KEYS: [&str; 4] =
    ["tokens_secret", "tokens_secret_file", "tokens_key_files", "tokens_jwks_url"];

const WITH_KEYS: &str = "left out, or given with keys: without them no token is accepted";

const ONE_SECRET: &str = "left out if tokens_secret_file is given";

const SHORT_LEEWAY: &str = "at most 5m: a leeway only makes up for clocks that differ";

const HTTPS: &str = "https, such as https://id.example.com/.well-known/jwks.json: otherwise others in the network could \
    give keys of their own; http is allowed for this machine";

const SOME_INTERVAL: &str = "at least 1s";

const LONGER: &str = "at least tokens_jwks_interval_min";

/// Providers announce new keys for hours before they sign with them.
const JWKS_INTERVAL: Span = Span::seconds(600);

/// However many tokens name keys that are not known.
const JWKS_INTERVAL_MIN: Span = Span::seconds(30);

/// What clocks differ by that are set over the network.
const LEEWAY: Span = Span::seconds(30);

#[cfg(test)]
mod tests;
