//! The table `[tokens]`: which keys tokens are verified with, and what is asked of them.
//!
//! Its settings are named with a prefix where there are no tables: `[tokens] secret` in the file,
//! `TIDEWIRE_TOKENS_SECRET` in the environment, `--tokens-secret-file` as a flag.

use super::{
    ConfigError, Settings, Span,
    faults::Faults,
    token_values::{Secret, Texts},
};
use std::{fs, path::Path};
use tidewire_tokens::{Key, LEEWAY_MS_MAX, Rules, Verifier};

/// What verifies tokens, if any key is configured.
pub(super) fn verifier(settings: &Settings, faults: &mut Faults) -> Option<Verifier> {
    if settings.tokens_secret.is_some() && settings.tokens_secret_file.is_some() {
        faults.push(ConfigError::value("tokens_secret", "given", ONE_SECRET));
    }
    let leeway = settings.tokens_leeway.unwrap_or(LEEWAY);
    if leeway.millis() > LEEWAY_MS_MAX {
        faults.push(ConfigError::value("tokens_leeway", &leeway.to_string(), SHORT_LEEWAY));
    }
    let keys = keys(settings, faults);
    if keys.is_empty() {
        refuse_rules(settings, faults);
        return None;
    }
    let texts = |texts: &Option<Texts>| texts.clone().unwrap_or_default().0;
    let rules = Rules {
        issuers: texts(&settings.tokens_issuer),
        audiences: texts(&settings.tokens_audience),
        types: texts(&settings.tokens_types),
        leeway_ms: leeway.millis(),
    };
    Some(Verifier::new(rules, keys))
}

fn keys(settings: &Settings, faults: &mut Faults) -> Vec<Key> {
    let algorithms = settings.tokens_algorithms.clone().unwrap_or_default().0;
    let mut keys = Vec::new();
    let mut take = |source: &str, secret: &[u8]| match Key::from_secret(secret, &algorithms) {
        Ok(key) => keys.push(key),
        Err(cause) => faults.push(ConfigError::BadKey { source_name: source.to_owned(), cause }),
    };
    if let Some(Secret(secret)) = &settings.tokens_secret {
        take("tokens_secret", secret.as_bytes());
    }
    let Some(path) = &settings.tokens_secret_file else { return keys };
    match read_secret(path) {
        Ok(secret) => take(&format!("tokens_secret_file {}", path.display()), &secret),
        Err(cause) => {
            let (key, path) = ("tokens_secret_file", path.clone());
            faults.push(ConfigError::UnreadableKey { key, path, cause });
        }
    }
    keys
}

/// What a file has, without the line end that editors add.
fn read_secret(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut secret = fs::read(path)?;
    for end in [b'\n', b'\r'] {
        if secret.last() == Some(&end) {
            secret.pop();
        }
    }
    Ok(secret)
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
pub(super) const KEYS: [&str; 2] = ["tokens_secret", "tokens_secret_file"];

const WITH_KEYS: &str = "left out, or given with keys: without them no token is accepted";

const ONE_SECRET: &str = "left out if tokens_secret_file is given";

const SHORT_LEEWAY: &str = "at most 5m: a leeway only makes up for clocks that differ";

/// What clocks differ by that are set over the network.
const LEEWAY: Span = Span::seconds(30);

#[cfg(test)]
mod tests;
