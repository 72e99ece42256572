//! `cargo xtask install`: what the end-to-end tests need beyond Rust, and nothing unasked.
//!
//! What is missing is found first, then listed, then agreed to, then installed. [`plan`] decides
//! what to run from what the machine has; everything else here looks or does.

use crate::command::{self, find_program, read};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail};
use std::env;
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Who agreed to an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    Given,
    /// A person at a terminal can be asked.
    Ask,
    /// Nobody agreed and nobody is there.
    Missing,
}

impl Consent {
    /// `CI=true` agrees; else a terminal is asked.
    pub(crate) fn from_environment() -> Self {
        if env::var_os("CI").is_some_and(|value| value == "true") {
            Self::Given
        } else if io::stdin().is_terminal() && io::stdout().is_terminal() {
            Self::Ask
        } else {
            Self::Missing
        }
    }
}

/// The command itself: `cargo xtask install [--yes]`.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let consent = match arguments {
        [] => Consent::from_environment(),
        [flag] if flag == "--yes" => Consent::Given,
        _ => bail!("`install` knows `--yes` and nothing else"),
    };
    ensure(workspace, consent)
}

/// Installs what is missing, once somebody agreed.
///
/// # Errors
///
/// Nobody agreed, the machine has no apt, or a command failed.
pub(crate) fn ensure(workspace: &Workspace, consent: Consent) -> Result<()> {
    let commands = plan(&Machine::look(workspace)?)?;
    if !commands.is_empty() {
        let listing = format!("to install what the tests need:\n  {}", commands.join("\n  "));
        match consent {
            Consent::Given => println!("{listing}"),
            Consent::Ask if agrees(&listing)? => {}
            Consent::Ask => {
                bail!("nothing was installed; `--only` runs the steps that need nothing")
            }
            Consent::Missing => bail!(
                "{listing}\nnobody is here to agree: set CI=true, or pass --yes, or run these"
            ),
        }
    }
    for command in &commands {
        command::run(Command::new("sh").args(["-c", command]).current_dir(&workspace.root))?;
    }
    browser()?;
    check_node()?;
    println!("what the tests need is installed");
    Ok(())
}

/// The browser the tests drive: `TIDEWIRE_BROWSER`, or the first one on `PATH`.
pub(crate) fn browser() -> Result<PathBuf> {
    let chosen = env::var_os("TIDEWIRE_BROWSER").map(PathBuf::from);
    chosen.or_else(|| find_program(&BROWSERS)).with_context(|| {
        format!("no browser: `cargo xtask install`, or have one of {} on PATH", BROWSERS.join(", "))
    })
}

/// What decides the plan.
#[derive(Clone, Copy, Debug)]
struct Machine {
    has_apt: bool,
    /// Ubuntu calls its browser `chromium-browser` and brings it as a snap.
    is_ubuntu: bool,
    is_root: bool,
    has_sudo: bool,
    has_browser: bool,
    has_node: bool,
    has_npm: bool,
    has_playwright: bool,
}

impl Machine {
    fn look(workspace: &Workspace) -> Result<Self> {
        let has = |name| find_program(&[name]).is_some();
        Ok(Self {
            has_apt: has("apt-get"),
            is_ubuntu: fs::read_to_string("/etc/os-release")
                .is_ok_and(|release| release.lines().any(|line| line == "ID=ubuntu")),
            is_root: read(Command::new("id").arg("-u"))?.trim() == "0",
            has_sudo: has("sudo"),
            has_browser: browser().is_ok(),
            has_node: has("node"),
            has_npm: has("npm"),
            has_playwright: has_playwright(workspace),
        })
    }
}

/// The commands that give `machine` what it lacks, as a person would type them at the top folder.
fn plan(machine: &Machine) -> Result<Vec<String>> {
    let chromium = if machine.is_ubuntu { "chromium-browser" } else { "chromium" };
    let wanted = [
        (machine.has_browser, chromium),
        (machine.has_browser, "fonts-liberation"),
        (machine.has_node, "nodejs"),
        (machine.has_npm, "npm"),
    ];
    let missing: Vec<&str> =
        wanted.iter().filter(|(has, _)| !has).map(|(_, package)| *package).collect();

    let mut commands = Vec::new();
    if !missing.is_empty() {
        let missing = missing.join(" ");
        let sudo = match machine {
            Machine { has_apt: false, .. } => bail!("no apt-get here; install by hand: {missing}"),
            Machine { is_root: true, .. } => "",
            Machine { has_sudo: true, .. } => "sudo ",
            _ => bail!("neither root nor sudo; ask somebody to install: {missing}"),
        };
        let apt = format!("{sudo}env DEBIAN_FRONTEND=noninteractive apt-get");
        commands.push(format!("{apt} update"));
        commands.push(format!("{apt} install --yes --no-install-recommends {missing}"));
    }
    if !machine.has_playwright {
        commands.push("npm ci --prefix web --ignore-scripts --no-audit --no-fund".to_owned());
    }
    Ok(commands)
}

/// Whether npm has left what the lock file asks for.
fn has_playwright(workspace: &Workspace) -> bool {
    let installed = workspace.node_modules().join("playwright-core/package.json");
    let wanted =
        version(&workspace.root.join("web/package.json"), "/devDependencies/playwright-core");
    wanted.is_some() && wanted == version(&installed, "/version")
}

fn version(file: &Path, pointer: &str) -> Option<String> {
    let page: serde_json::Value = serde_json::from_str(&fs::read_to_string(file).ok()?).ok()?;
    page.pointer(pointer)?.as_str().map(str::to_owned)
}

/// Old distributions have a Node.js that cannot run playwright-core, which says so in riddles.
fn check_node() -> Result<()> {
    let said = read(Command::new("node").arg("--version"))?;
    let major = said.trim().trim_start_matches('v').split('.').next();
    match major.and_then(|digits| digits.parse::<u32>().ok()) {
        Some(NODE_MAJOR_MIN..) => Ok(()),
        _ => bail!("Node.js {NODE_MAJOR_MIN} or newer is needed, here is {}", said.trim()),
    }
}

fn agrees(listing: &str) -> Result<bool> {
    print!("{listing}\ngo ahead? [y/N] ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

const BROWSERS: [&str; 4] =
    ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser"];

/// What the pinned playwright-core asks for, and what Debian 12 and Ubuntu 24.04 have.
const NODE_MAJOR_MIN: u32 = 18;

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: Machine = Machine {
        has_apt: true,
        is_ubuntu: false,
        is_root: true,
        has_sudo: false,
        has_browser: true,
        has_node: true,
        has_npm: true,
        has_playwright: true,
    };

    #[test]
    fn a_machine_that_has_everything_is_left_alone() {
        let nobody = Machine { has_apt: false, is_root: false, ..COMPLETE };
        assert_eq!(plan(&COMPLETE).unwrap(), Vec::<String>::new());
        assert_eq!(plan(&nobody).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_fresh_debian_gets_everything_as_root() {
        let fresh = Machine {
            has_browser: false,
            has_node: false,
            has_npm: false,
            has_playwright: false,
            ..COMPLETE
        };
        assert_eq!(
            plan(&fresh).unwrap(),
            [
                "env DEBIAN_FRONTEND=noninteractive apt-get update",
                "env DEBIAN_FRONTEND=noninteractive apt-get install --yes \
                 --no-install-recommends chromium fonts-liberation nodejs npm",
                "npm ci --prefix web --ignore-scripts --no-audit --no-fund",
            ]
        );
    }

    #[test]
    fn a_person_uses_sudo_and_gets_only_what_is_missing() {
        let person = Machine { is_root: false, has_sudo: true, has_npm: false, ..COMPLETE };
        let commands = plan(&person).unwrap();
        assert!(commands.iter().all(|command| command.starts_with("sudo env ")), "{commands:?}");
        assert!(commands.last().unwrap().ends_with("--no-install-recommends npm"), "{commands:?}");
    }

    #[test]
    fn ubuntu_has_its_browser_under_another_name() {
        let ubuntu = Machine { has_browser: false, is_ubuntu: true, ..COMPLETE };
        assert!(plan(&ubuntu).unwrap().last().unwrap().contains(" chromium-browser "));
    }

    #[test]
    fn without_apt_or_rights_the_error_names_what_to_install() {
        for (machine, words) in [
            (Machine { has_apt: false, ..COMPLETE }, "no apt-get here; install by hand: npm"),
            (Machine { is_root: false, ..COMPLETE }, "neither root nor sudo; ask somebody"),
        ] {
            let error = plan(&Machine { has_npm: false, ..machine }).unwrap_err().to_string();
            assert!(error.starts_with(words), "{error}");
        }
    }
}
