//! `tidewire key`: creates, lists and revokes the API keys of a server. A running server notices within a second.

use super::allowed::Allowed;
use crate::{
    api_key_file::{lock, read, write},
    clock::wall_ms,
    config::{Config, Settings, Span},
    terminal::TerminalOutput,
};
use anyhow::{Context as _, Result, bail};
use std::{io::Write as _, path::PathBuf};
use tidewire_broker::Pattern;
use tidewire_tokens::{ApiKey, ApiKeys, Claims};

/// Create, list and revoke API keys for servers.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct KeyCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Create a key, and print it: nothing can print it again
    Create(Create),
    /// List the keys, without their texts
    List(List),
    /// Revoke a key
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
struct Create {
    /// What the key is for, such as `billing`.
    name: String,
    #[command(flatten)]
    allowed: Allowed,
    /// How long the key is valid; without it, until it is revoked.
    #[arg(long = "for", value_name = "TIME")]
    lifetime: Option<Span>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
struct Revoke {
    /// The id that `tidewire key list` prints.
    id: String,
    #[command(flatten)]
    place: Place,
}

/// Where the list is.
#[derive(Debug, clap::Args)]
struct Place {
    /// The file with the list, instead of the configured one.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The server's configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl KeyCommand {
    /// Does it, and says on standard error what was done.
    ///
    /// # Errors
    ///
    /// The list cannot be read or written, or there is no such key.
    pub fn run(self) -> Result<()> {
        match self.command {
            Command::Create(create) => create.run(),
            Command::List(List { json, place }) => {
                let keys = read(&place.path()?)?;
                let text = if json { listed(&keys)? } else { table(&keys, wall_ms()) };
                // If standard output is closed, nobody reads the list.
                let _ = TerminalOutput::stdout().write_all(text.as_bytes());
                Ok(())
            }
            Command::Revoke(Revoke { id, place }) => {
                let path = place.path()?;
                let _lock = lock(&path)?;
                let mut keys = read(&path)?;
                let Some(revoked) = keys.revoke(&id) else {
                    bail!(
                        "there is no key {id:?} in {}; `tidewire key list` lists them",
                        path.display()
                    )
                };
                write(&path, &keys)?;
                eprintln!("tidewire: revoked the key {} ({})", revoked.id, revoked.name);
                Ok(())
            }
        }
    }
}

impl Create {
    fn run(self) -> Result<()> {
        let (text, key) = self.create(wall_ms())?;
        println!("{text}");
        eprintln!("tidewire: created the key {} ({}); it is printed only now", key.id, key.name);
        Ok(())
    }

    /// The text of a new key, and the key.
    fn create(self, now_ms: u64) -> Result<(String, ApiKey)> {
        let path = self.place.path()?;
        let lifetime_ms = self.lifetime.map_or(u64::MAX, Span::millis);
        let claims = self.allowed.claims(now_ms.saturating_add(lifetime_ms))?;
        let is_useless = claims == Claims { expires_ms: claims.expires_ms, ..Claims::default() };
        if is_useless {
            bail!(
                "the key could do nothing: give --subscribe, --publish, --presence, --history or --admin"
            );
        }
        let mut random = [0; 32];
        getrandom::fill(&mut random).context("the system has no random numbers")?;
        let _lock = lock(&path)?;
        let mut keys = read(&path)?;
        let text = keys.create(&self.name, claims, now_ms, random)?;
        write(&path, &keys)?;
        let created = keys.iter().last().cloned();
        Ok((text, created.context("the key is not in the list")?))
    }
}

impl Place {
    fn path(&self) -> Result<PathBuf> {
        if let Some(file) = &self.file {
            return Ok(file.clone());
        }
        let settings = Settings { config: self.config.clone(), ..Settings::default() };
        Config::load(settings)?.api_keys_file.context(NO_FILE)
    }
}

fn table(keys: &ApiKeys, now_ms: u64) -> String {
    if keys.is_empty() {
        return "there are no keys; `tidewire key create` creates one\n".to_owned();
    }
    let width = keys.iter().map(|key| key.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for key in keys.iter() {
        text += &format!("{}  {:width$}  {}\n", key.id, key.name, allowed(key, now_ms).join(", "));
    }
    text
}

fn allowed(key: &ApiKey, now_ms: u64) -> Vec<String> {
    let Claims { subscribe, publish, presence, history, admin, .. } = &key.claims;
    let lists = [("subscribe", subscribe), ("publish", publish), ("presence", presence)];
    let lists = lists.into_iter().filter(|(_, patterns)| !patterns.is_empty());
    let mut allowed: Vec<String> = lists
        .map(|(name, patterns)| {
            let patterns: Vec<_> = patterns.iter().map(Pattern::as_str).collect();
            format!("{name} {}", patterns.join(" "))
        })
        .collect();
    for (name, is_allowed) in [("history", *history), ("admin", *admin)] {
        if is_allowed {
            allowed.push(name.to_owned());
        }
    }
    if key.claims.expires_ms < u64::MAX {
        let is_over = key.claims.expires_ms <= now_ms;
        allowed.push(if is_over { "expired" } else { "expires" }.to_owned());
    }
    allowed
}

/// The list as in its file, without hashes.
fn listed(keys: &ApiKeys) -> Result<String> {
    let mut list: serde_json::Value = serde_json::from_str(&keys.to_json())?;
    let keys = list.get_mut("keys").and_then(serde_json::Value::as_array_mut);
    for key in keys.into_iter().flatten().filter_map(serde_json::Value::as_object_mut) {
        key.remove("sha256");
    }
    Ok(serde_json::to_string_pretty(&list)? + "\n")
}

const NO_FILE: &str = "no list of API keys is configured: give --file, or --config with a file that has api_keys_file or data";

const EXAMPLES: &str = "\
Examples:
  tidewire key create billing --publish 'invoices.>' --config tidewire.toml
  tidewire key list --config tidewire.toml
  tidewire key revoke 3f9a0c52b1d7 --config tidewire.toml";

#[cfg(test)]
mod tests;
