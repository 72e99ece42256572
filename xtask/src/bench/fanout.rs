//! `cargo xtask bench fanout`: installs the peers that are asked for, then measures.
//!
//! A peer that cannot be installed is no error: it is absent from the run, whose record says why.

use crate::command;
use crate::install::{self, Consent, Need};
use crate::steps::build_server;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use std::{fs, path::PathBuf};

/// Takes what the program takes, and `--yes`, which agrees to installing.
pub(super) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let (agreed, rest): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|word| *word == "--yes");
    let consent = if agreed.is_empty() { Consent::from_environment() } else { Consent::Given };
    let absent = absent(&peers(&rest), |needs| install::ensure(workspace, needs, consent));
    let is_asked = |flag: &str| rest.iter().any(|word| *word == flag);
    let uncounted = match is_asked("--without-metrics") {
        true => Some(build_uncounted(workspace)?),
        false => None,
    };
    if !is_asked("--chart") {
        build_server(workspace)?;
    }
    let words = ["run", "--release", "--package", "tidewire-fanout", "--bin", "fanout", "--"];
    let mut fanout = workspace.cargo(&words);
    fanout.args(rest).args(absent).env("TIDEWIRE_BIN", workspace.server_binary());
    fanout.envs(uncounted.map(|path| ("TIDEWIRE_UNCOUNTED_BIN", path)));
    command::run(&mut fanout)
}

/// Builds the server so that it counts no delivery, and returns where it is. The one that ships has to be built after
/// it, in its place.
fn build_uncounted(workspace: &Workspace) -> Result<PathBuf> {
    let mut build = workspace.cargo(&["build", "--release", "--package", "tidewire"]);
    command::run(build.env("TIDEWIRE_UNCOUNTED", "1"))?;
    let built = workspace.server_binary();
    let path = built.with_file_name("tidewire-uncounted");
    fs::copy(&built, &path).with_context(|| built.display().to_string())?;
    Ok(path)
}

/// The peers that are asked for: `--peer NAME` or `--peer=NAME`.
fn peers<'a>(arguments: &[&'a String]) -> Vec<&'a str> {
    let mut peers = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.strip_prefix("--peer") {
            Some("") => peers.extend(words.next().map(|name| name.as_str())),
            Some(rest) => peers.extend(rest.strip_prefix('=')),
            None => {}
        }
    }
    peers
}

/// Installs what each peer needs; says of those for which that fails why.
fn absent(peers: &[&str], mut ensure: impl FnMut(&[Need]) -> Result<()>) -> Vec<String> {
    let mut absent = Vec::new();
    for peer in peers {
        // A name that nobody has is for the program to refuse.
        let needs = NEEDS.iter().find(|(name, _)| name == peer).map_or(&[][..], |(_, needs)| needs);
        if let Err(error) = ensure(needs) {
            let reason = format!("{error:#}").replace('\n', " ");
            println!("{peer} is absent: {reason}");
            absent.push(format!("--absent={peer}={reason}"));
        }
    }
    absent
}

/// The peers that come from elsewhere than crates.io.
const NEEDS: [(&str, &[Need]); 3] = [
    ("nchan", &[Need::Nchan]),
    ("uws", &[Need::Node, Need::Npm, Need::FanoutPeers]),
    ("node-ws", &[Need::Node, Need::Npm, Need::FanoutPeers]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn peers_are_found_in_either_spelling() {
        let words = ["--peer", "nchan", "--rounds", "3", "--peer=uws", "--short"];
        let words = words.map(str::to_owned);
        assert_eq!(peers(&words.iter().collect::<Vec<_>>()), ["nchan", "uws"]);
    }

    #[test]
    fn a_peer_that_cannot_be_installed_is_passed_on_as_absent_and_the_others_are_not() {
        let mut asked = Vec::new();
        let absent = absent(&["nchan", "uws", "actix-ws"], |needs| {
            asked.push(needs.len());
            if needs.contains(&Need::Nchan) {
                bail!("no apt-get here\ninstall by hand")
            }
            Ok(())
        });
        assert_eq!(absent, ["--absent=nchan=no apt-get here install by hand"]);
        assert_eq!(asked, [1, 3, 0]);
    }
}
