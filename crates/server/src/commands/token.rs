//! `tidewire token`: signs a token for trying things out. Applications sign their own, see docs/tokens.md.

use super::allowed::Allowed;
use crate::{
    clock::wall_ms,
    config::{Config, Settings, Span},
};
use anyhow::{Context as _, Result, ensure};
use std::{fs, path::PathBuf, str::FromStr};
use tidewire_tokens::{Algorithm, INFO_BYTES_MAX, SUBJECT_BYTES_MAX, SigningKey, TokenContent};

/// Sign a token with the configured secret, or with a private key.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct TokenCommand {
    #[command(flatten)]
    allowed: Allowed,
    /// Who the client is.
    #[arg(long, value_name = "TEXT")]
    sub: Option<String>,
    /// What presence shows of the client.
    #[arg(long, value_name = "JSON")]
    info: Option<Json>,
    /// How long the token is valid, such as 90s, 10m or 1h.
    #[arg(long = "for", value_name = "TIME", default_value = "1h")]
    lifetime: Span,
    /// A private key in PEM, instead of the configured secret.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// How to sign: HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA.
    /// By default the usual one of the key.
    #[arg(long, value_name = "NAME")]
    algorithm: Option<Algorithm>,
    /// The id of the key, for the header.
    #[arg(long, value_name = "TEXT")]
    kid: Option<String>,
    /// The server's configuration file, of which the secret, the issuer and the audience are taken.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// JSON as it was written, if it is JSON.
#[derive(Clone, Debug)]
struct Json(String);

impl FromStr for Json {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let value: serde_json::Value = serde_json::from_str(text)
            .map_err(|error| format!("it is not JSON, such as {{\"name\":\"Ann\"}}: {error}"))?;
        let json = value.to_string();
        match json.len() {
            0..=INFO_BYTES_MAX => Ok(Self(json)),
            bytes => Err(format!("it has {bytes} bytes; at most {INFO_BYTES_MAX} are allowed")),
        }
    }
}

impl TokenCommand {
    /// Prints a token on standard output, and nothing else.
    ///
    /// # Errors
    ///
    /// There is no key to sign with, or it cannot sign.
    pub fn run(self) -> Result<()> {
        println!("{}", self.token(wall_ms())?);
        Ok(())
    }

    fn token(self, now_ms: u64) -> Result<String> {
        let settings = Settings { config: self.config, ..Settings::default() };
        let config = Config::load(settings)?;
        let key = match &self.key {
            Some(path) => {
                let pem = fs::read_to_string(path);
                let pem = pem.with_context(|| format!("cannot read {}", path.display()))?;
                let key = SigningKey::from_pem(&pem, self.algorithm);
                key.with_context(|| format!("cannot sign with {}", path.display()))?
            }
            None => {
                let secret = config.token_keys.secret()?.context(NO_KEY)?;
                let usual = config.token_keys.secret_algorithm();
                SigningKey::from_secret(&secret, self.algorithm.unwrap_or(usual))?
            }
        };
        let key = match &self.kid {
            Some(id) => key.with_id(id),
            None => key,
        };
        let lifetime_ms = self.lifetime.millis();
        ensure!(lifetime_ms >= 1_000, "--for is {}; it has to be at least 1s", self.lifetime);
        let mut claims = self.allowed.claims(now_ms.saturating_add(lifetime_ms))?;
        if let Some(subject) = self.sub {
            let is_allowed = (1..=SUBJECT_BYTES_MAX).contains(&subject.len());
            ensure!(is_allowed, "--sub has to have 1 to {SUBJECT_BYTES_MAX} bytes");
            claims.subject = Some(subject);
        }
        claims.info = self.info.map(|Json(info)| info);
        let rules = config.tokens.as_ref().map(|verifier| verifier.rules().clone());
        let rules = rules.unwrap_or_default();
        let content = TokenContent {
            issuer: rules.issuers.into_iter().next(),
            audience: rules.audiences.into_iter().next(),
            kind: rules.types.into_iter().next(),
            issued_ms: Some(now_ms),
            claims,
        };
        Ok(key.sign(&content)?)
    }
}

const NO_KEY: &str = "there is no key to sign with: give --config with a file that has a secret in [tokens], the variable \
    TIDEWIRE_TOKENS_SECRET, or --key with a private key in PEM";

const EXAMPLES: &str = "\
Examples:
  tidewire token --config tidewire.toml --subscribe 'logs.>' --history --for 1h
  tidewire token --key private.pem --kid 2026-11 --sub u7 --publish chat.room1";

#[cfg(test)]
mod tests;
