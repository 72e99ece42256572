//! The workspace as `cargo metadata` describes it: where things are, and which crate imports which.

use crate::command;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates that people pick on their own.
pub(crate) const CODECS: [&str; 2] = ["tidewire-sse", "tidewire-ws"];
/// The crates that are built and tested without their features too, as the rest of the workspace asks for these.
pub(crate) const PLAIN: [&str; 3] = ["tidewire-sse", "tidewire-ws", "tidewire-names"];

/// Features that `cargo xtask traces` builds with, and no other step: they bring crates that take long to build, and cost a
/// delivery something.
const WITHOUT: [&str; 2] = ["opentelemetry", "traces"];

/// How cargo builds: what it calls that, and the folder of the target directory that it builds in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    pub(crate) folder: &'static str,
}

/// What every step builds in: optimised a little, with the assertions of debug builds.
pub(crate) const CI: Profile = Profile { name: "ci", folder: "ci" };
/// The profile of the inner loop, and of cargo run by hand.
pub(crate) const DEV: Profile = Profile { name: "dev", folder: "debug" };

/// Every member, and the two folders commands need.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Workspace {
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
    /// Whether tests run the server as it ships, in release, instead of the one built with them.
    #[serde(skip)]
    pub(crate) tests_what_ships: bool,
}

/// One member of the workspace.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) readme: Option<PathBuf>,
    /// The oldest Rust that builds it.
    pub(crate) rust_version: Option<String>,
    pub(crate) manifest_path: PathBuf,
    /// The registries it may go to: any when absent, none when empty.
    pub(crate) publish: Option<Vec<String>>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
    /// Its features, and what each turns on.
    #[serde(default)]
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

/// One library or program of a member, a test or an example.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Target {
    /// `lib`, `bin`, `test` and so on.
    pub(crate) kind: Vec<String>,
    /// The file that is its root.
    pub(crate) src_path: PathBuf,
}

/// One line of a `[dependencies]` table, ours or from a registry.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) kind: Option<DependencyKind>,
    pub(crate) optional: bool,
    /// What it asks for beyond the usual.
    #[serde(default)]
    pub(crate) features: Vec<String>,
}

/// What a dependency is for, when not for the crate itself.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DependencyKind {
    Build,
    Dev,
}

impl Workspace {
    /// Asks cargo about the workspace we are started in.
    pub(crate) fn load() -> Result<Self> {
        let mut metadata = command::cargo();
        metadata.args(["metadata", "--no-deps", "--format-version", "1"]);
        serde_json::from_str(&command::read(&mut metadata)?).context("reading cargo metadata")
    }

    /// A cargo command that starts at the top of the workspace.
    pub(crate) fn cargo(&self, words: &[&str]) -> Command {
        let mut command = command::cargo();
        command.current_dir(&self.root).args(words);
        command
    }

    /// Where `cargo build --release` leaves the server.
    pub(crate) fn server_binary(&self) -> PathBuf {
        self.target.join("release").join(format!("tidewire{}", env::consts::EXE_SUFFIX))
    }

    /// Where a program lies that the steps build: the server, one of those that test it, or
    /// `examples/NAME`.
    pub(crate) fn built(&self, profile: Profile, name: &str) -> PathBuf {
        self.target.join(profile.folder).join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// One of those programs, which finds the server that it is to test.
    pub(crate) fn program(&self, profile: Profile, name: &str) -> Command {
        let mut command = Command::new(self.built(profile, name));
        command.current_dir(&self.root).env("TIDEWIRE_BIN", self.server_under_test());
        command
    }

    /// The server to test: that of `TIDEWIRE_BIN`, or that of [`Self::tests_what_ships`], or the one that
    /// is built with the tests.
    pub(crate) fn server_under_test(&self) -> PathBuf {
        match env::var_os("TIDEWIRE_BIN") {
            Some(chosen) => chosen.into(),
            None if self.tests_what_ships => self.server_binary(),
            None => self.built(CI, "tidewire"),
        }
    }

    /// Where npm leaves what `web/package.json` asks for.
    pub(crate) fn node_modules(&self) -> PathBuf {
        self.root.join("web/node_modules")
    }

    /// The servers for Node.js that are measured beside ours.
    pub(crate) fn fanout_peers(&self) -> PathBuf {
        self.root.join("benches/fanout/peers")
    }

    /// The programs that use other people's clients.
    pub(crate) fn interop(&self) -> PathBuf {
        self.root.join("crates/test-harness/interop")
    }

    /// The virtual environments of programs that PyPI has.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// The one of the package `name`: `bin` in it has its program.
    pub(crate) fn tool(&self, name: &str) -> PathBuf {
        self.tools().join(name)
    }

    /// The features of these packages that the steps turn on, as cargo takes them: all but those that a release does
    /// not have either.
    pub(crate) fn features(&self, is_chosen: impl Fn(&str) -> bool) -> String {
        let chosen = self.packages.iter().filter(|package| is_chosen(&package.name));
        let features = chosen.flat_map(|package| {
            let names = package.features.keys().filter(|name| !WITHOUT.contains(&name.as_str()));
            names.map(|name| format!("{}/{name}", package.name))
        });
        features.collect::<Vec<_>>().join(",")
    }

    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }
}

impl Package {
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }

    pub(crate) fn is_published(&self) -> bool {
        self.publish.as_ref().is_none_or(|registries| !registries.is_empty())
    }
}

impl Dependency {
    /// Whether the crate's tests alone need it.
    pub(crate) fn is_for_tests(&self) -> bool {
        self.kind == Some(DependencyKind::Dev)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_have_all_features_but_those_of_traces() {
        let features = Workspace::load().unwrap().features(|name| name != "tidewire-names");
        assert!(features.split(',').any(|one| one == "tidewire-ws/deflate"), "{features}");
        assert!(!features.contains("traces") && !features.contains("opentelemetry"), "{features}");
        assert!(!features.contains("tidewire-names/"), "{features}");
    }
}
