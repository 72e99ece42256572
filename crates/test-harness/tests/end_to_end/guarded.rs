//! A server that asks for tokens, and tokens for it.

use anyhow::{Context as _, Result};
use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;
use tidewire_test_harness::server::{Server, command};
use tidewire_tokens::{Algorithm, Claims, SigningKey, TokenContent};

/// A server with `[tokens]`, and a folder with its configuration.
pub(crate) struct Guarded {
    pub(crate) server: Server,
    _folder: TempDir,
}

impl Guarded {
    /// Starts one whose configuration file begins with `settings`. `rest` follows its key: options of `[tokens]`, then
    /// tables. These `variables` of the environment are set.
    pub(crate) async fn start(
        settings: &str,
        rest: &str,
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("tidewire.toml");
        let text = format!("{settings}\n[tokens]\nsecret = {SECRET:?}\nleeway = \"0s\"\n{rest}\n");
        fs::write(&path, text)?;
        let mut command = command()?;
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(path);
        command.envs(variables.iter().copied());
        let server = Server::run(command).await?;
        Ok(Self { server, _folder: folder })
    }
}

/// What a token says that allows everything with channels that begin with `room.`, for a minute.
pub(crate) fn content() -> Result<Claims> {
    let rooms = || Ok::<_, anyhow::Error>(vec!["room.>".parse()?]);
    Ok(Claims {
        subject: Some("u7".to_owned()),
        expires_ms: now_ms()? + 60_000,
        subscribe: rooms()?,
        publish: rooms()?,
        presence: rooms()?,
        history: true,
        ..Claims::default()
    })
}

/// A token that the server accepts.
pub(crate) fn sign(claims: &Claims) -> Result<String> {
    sign_with(SECRET, claims)
}

/// A token of somebody who has no key.
pub(crate) fn forge(claims: &Claims) -> Result<String> {
    let secret = SECRET.replace('0', "1");
    sign_with(&secret, claims)
}

fn sign_with(secret: &str, claims: &Claims) -> Result<String> {
    let content = TokenContent { claims: claims.clone(), ..TokenContent::default() };
    Ok(SigningKey::from_secret(secret.as_bytes(), Algorithm::HS256)?.sign(&content)?)
}

pub(crate) fn now_ms() -> Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("a clock before 1970")?;
    Ok(u64::try_from(since.as_millis())?)
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";
