//! The subjects: Tidewire, the floor, and the peers; how each is started, and which version it is.

use crate::plan::{Load, UNCOALESCED};
use crate::wire::Wire;
use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Somebody else's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Peer {
    /// The nginx module, of Debian
    Nchan,
    /// uWebSockets.js, of npm
    Uws,
    /// The package ws for Node.js, of npm
    NodeWs,
    /// The crate actix-ws, of crates.io
    ActixWs,
}

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Who {
    Tidewire,
    /// Tidewire with two workers.
    TidewireTwo,
    /// Tidewire, whose metrics are read once a second.
    Scraped,
    /// Tidewire, built so that it counts no delivery.
    Uncounted,
    Floor,
    #[serde(untagged)]
    Peer(Peer),
}

/// A server on one of the wires it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Subject {
    #[serde(rename = "subject")]
    pub(crate) who: Who,
    pub(crate) wire: Wire,
}

/// How a server says where it listens.
#[derive(Debug)]
pub(crate) enum Says {
    /// Its first line is `listening on http://ADDRESS`.
    Address,
    /// It was given a port.
    Nothing,
}

impl Subject {
    pub(crate) const OURS: Self = Self { who: Who::Tidewire, wire: Wire::Ws };
    pub(crate) const FLOOR: Self = Self { who: Who::Floor, wire: Wire::Ws };
    pub(crate) const UWS: Self = Self { who: Who::Peer(Peer::Uws), wire: Wire::Ws };
    pub(crate) const OURS_WITH_TWO: Self = Self { who: Who::TidewireTwo, wire: Wire::Ws };

    /// Everybody, in the order of their turns, with `peers`.
    pub(crate) fn all(peers: &[Peer]) -> Vec<Self> {
        let peers = peers.iter().map(|peer| Who::Peer(*peer));
        let all = [Who::Tidewire, Who::Floor].into_iter().chain(peers).chain([Who::TidewireTwo]);
        all.flat_map(|who| who.wires().iter().map(move |wire| Self { who, wire: *wire })).collect()
    }

    /// Whether it has a turn at `load`. Two workers have one only where goals compare them with one.
    pub(crate) fn takes(self, load: Load) -> bool {
        self.who != Who::TidewireTwo || [UNCOALESCED, Load::Saturation].contains(&load)
    }

    /// What its readers ask for.
    pub(crate) const fn path(self) -> &'static str {
        match self.wire {
            Wire::Ws => "/ws?channel=fan",
            Wire::Sse => "/events?channel=fan",
        }
    }
}

impl Who {
    /// Of those that are compared over both, each once.
    const fn wires(self) -> &'static [Wire] {
        match self {
            Self::Tidewire
            | Self::Scraped
            | Self::Uncounted
            | Self::Floor
            | Self::Peer(Peer::Nchan) => &[Wire::Ws, Wire::Sse],
            _ => &[Wire::Ws],
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tidewire => "Tidewire",
            Self::TidewireTwo => "Tidewire, 2 workers",
            Self::Scraped => "Tidewire, scraped",
            Self::Uncounted => "Tidewire, uncounted",
            Self::Floor => "floor: send()",
            Self::Peer(Peer::Nchan) => "nchan",
            Self::Peer(Peer::Uws) => "uWebSockets",
            Self::Peer(Peer::NodeWs) => "node ws",
            Self::Peer(Peer::ActixWs) => "actix-ws",
        }
    }

    pub(crate) const fn workers(self) -> usize {
        if matches!(self, Self::TidewireTwo) { 2 } else { 1 }
    }

    /// Where messages are published. On a raw WebSocket of Tidewire every frame is; its publisher is then one more
    /// subscriber, whom the figures do not count.
    pub(crate) const fn publish_path(self) -> &'static str {
        match self {
            Self::Tidewire | Self::TidewireTwo | Self::Scraped | Self::Uncounted => {
                "/ws?channel=fan"
            }
            _ => "/publish",
        }
    }

    /// The command that starts it in `folder`, where it may leave files.
    ///
    /// # Errors
    ///
    /// What it needs is not here.
    pub(crate) fn command(self, folder: &Path) -> Result<(Command, Says)> {
        let command = match self {
            Self::Tidewire | Self::TidewireTwo | Self::Scraped | Self::Uncounted => {
                let variable = if self == Self::Uncounted { UNCOUNTED_BIN } else { BIN };
                let mut command = Command::new(binary(variable)?);
                // They would be taken for settings that are not known.
                command.env_remove(BIN).env_remove(UNCOUNTED_BIN);
                command.args(["serve", "--listen", "127.0.0.1:0", "--workers"]);
                command.arg(self.workers().to_string());
                command
            }
            Self::Floor | Self::Peer(Peer::ActixWs) => {
                let mut command = Command::new(env::current_exe()?);
                command.args(["--be", if self == Self::Floor { "floor" } else { "actix-ws" }]);
                command
            }
            Self::Peer(Peer::Uws) => node("uws.js"),
            Self::Peer(Peer::NodeWs) => node("node-ws.js"),
            Self::Peer(Peer::Nchan) => {
                let mut command = Command::new("nginx");
                // Debian has it beside the programs of the administrator.
                let path = env::var("PATH").unwrap_or_default();
                command.env("PATH", format!("{path}:/usr/sbin"));
                command.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
                return Ok((command, Says::Nothing));
            }
        };
        Ok((command, Says::Address))
    }

    /// Which one it is, for the record.
    pub(crate) fn version(self) -> String {
        let found = match self {
            Self::Tidewire | Self::TidewireTwo | Self::Scraped | Self::Uncounted => {
                tidewire_version()
            }
            Self::Floor => Ok("a loop of send()".to_owned()),
            Self::Peer(Peer::ActixWs) => locked("actix-ws"),
            Self::Peer(Peer::Uws) => npm("uwebsockets"),
            Self::Peer(Peer::NodeWs) => npm("ws"),
            Self::Peer(Peer::Nchan) => {
                said(Command::new("dpkg-query").args(["-W", "libnginx-mod-nchan", "nginx"]))
                    .map(|said| said.split_whitespace().collect::<Vec<_>>().join(" "))
            }
        };
        found.unwrap_or_else(|error| format!("unknown: {error:#}"))
    }
}

/// The program that a variable names.
fn binary(variable: &str) -> Result<PathBuf> {
    let path = env::var_os(variable);
    let path = path.with_context(|| format!("{variable} is not set: cargo xtask sets it"))?;
    Ok(Path::new(&path).canonicalize()?)
}

fn tidewire_version() -> Result<String> {
    let version = said(Command::new(binary(BIN)?).arg("--version"))?;
    let mut git = Command::new("git");
    git.args(["rev-parse", "--short=10", "HEAD"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let commit = said(&mut git).map(|commit| format!(", commit {commit}"));
    Ok(version + &commit.unwrap_or_default())
}

fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(peers_folder().join(script));
    command
}

fn npm(name: &str) -> Result<String> {
    let file = peers_folder().join("node_modules").join(name).join("package.json");
    let page: serde_json::Value = serde_json::from_str(&fs::read_to_string(file)?)?;
    let version = page.get("version").and_then(|version| version.as_str()).context("no version")?;
    let node = said(Command::new("node").arg("--version"))?;
    Ok(format!("{name} {version}, Node.js {node}"))
}

/// The version of a crate, as the workspace has locked it.
fn locked(name: &str) -> Result<String> {
    let lock = include_str!("../../Cargo.lock");
    let (_, rest) =
        lock.split_once(&format!("name = \"{name}\"\nversion = \"")).context("not locked")?;
    let (version, _) = rest.split_once('"').context("not locked")?;
    Ok(format!("{name} {version}"))
}

fn said(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        bail!("{:?} ended with {}", command.get_program(), output.status);
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The scripts of the peers, and what npm has brought for them.
fn peers_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

const BIN: &str = "TIDEWIRE_BIN";
const UNCOUNTED_BIN: &str = "TIDEWIRE_UNCOUNTED_BIN";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_its_turns_on_the_wires_it_has_between_us_and_our_two_workers() {
        let all = Subject::all(&[Peer::Nchan, Peer::Uws]);
        let names: Vec<_> = all.iter().map(|one| (one.who.name(), one.wire.name())).collect();
        assert_eq!(
            names,
            [
                ("Tidewire", "WebSocket"),
                ("Tidewire", "SSE"),
                ("floor: send()", "WebSocket"),
                ("floor: send()", "SSE"),
                ("nchan", "WebSocket"),
                ("nchan", "SSE"),
                ("uWebSockets", "WebSocket"),
                ("Tidewire, 2 workers", "WebSocket"),
            ]
        );
    }

    #[test]
    fn the_version_of_a_crate_is_the_locked_one() {
        assert!(locked("actix-ws").unwrap().starts_with("actix-ws 0."));
        assert!(locked("actix-w").is_err());
    }
}
