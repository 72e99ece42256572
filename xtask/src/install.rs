//! `cargo xtask install`: what the steps need beyond Rust, and nothing unasked.
//!
//! What is missing is found first, then listed, then agreed to, then installed. [`need`] knows each
//! thing that may be missing, [`plan()`] decides what to run; everything else here looks or does.

mod need;
mod plan;

pub(crate) use need::{Need, musl_target};

use crate::command::{self, find_program};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail};
use plan::{System, plan};
use std::env;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::Command;

/// How an installation was agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    Given,
    /// A person at a terminal can be asked.
    Ask,
    /// Nobody agreed, and there is nobody to ask.
    Missing,
}

impl Consent {
    /// `CI=true` agrees; else a terminal is asked.
    pub(crate) fn from_environment() -> Self {
        if is_called_by_a_machine() {
            Self::Given
        } else if io::stdin().is_terminal() && io::stdout().is_terminal() {
            Self::Ask
        } else {
            Self::Missing
        }
    }
}

/// Whether no person reads the output of this run: `CI=true`.
pub(crate) fn is_called_by_a_machine() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true")
}

/// The command itself, for every step there is: `cargo xtask install [--yes]`.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let consent = match arguments {
        [] => Consent::from_environment(),
        [flag] if flag == "--yes" => Consent::Given,
        _ => bail!("`install` knows `--yes` and nothing else"),
    };
    ensure(workspace, &Need::ALL, consent)?;
    println!("what the steps need is installed");
    Ok(())
}

/// Installs what is missing of `needs`, after agreement.
///
/// # Errors
///
/// Nobody agreed, the machine has no apt, a command failed, or what is here is too old.
pub(crate) fn ensure(workspace: &Workspace, needs: &[Need], consent: Consent) -> Result<()> {
    let missing = missing(workspace, needs);
    for present in needs.iter().filter(|need| !missing.contains(need)) {
        present.check_age()?;
    }
    let commands = plan(&System::look()?, &missing, &workspace.tools())?;
    if !commands.is_empty() {
        let listing = format!("to install what the steps need:\n  {}", commands.join("\n  "));
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
    for installed in missing {
        installed.check_age()?;
    }
    require(workspace, needs)
}

/// Whether everything is there, for a step that runs alone.
///
/// # Errors
///
/// Names what is missing, and how it is had.
pub(crate) fn require(workspace: &Workspace, needs: &[Need]) -> Result<()> {
    let missing = missing(workspace, needs);
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|need| need.name()).collect();
        let is_usual = missing.iter().all(|need| Need::ALL.contains(need));
        let help = if is_usual { "install" } else { "nightly --only STEP" };
        bail!("not here: {}; `cargo xtask {help}` installs it", names.join(", "));
    }
    Ok(())
}

/// The browser the tests drive: `TIDEWIRE_BROWSER`, or the first one on `PATH`.
pub(crate) fn browser() -> Result<PathBuf> {
    let chosen = env::var_os("TIDEWIRE_BROWSER").map(PathBuf::from);
    chosen.or_else(|| find_program(&BROWSERS)).with_context(|| {
        format!("no browser: `cargo xtask install`, or have one of {} on PATH", BROWSERS.join(", "))
    })
}

fn missing(workspace: &Workspace, needs: &[Need]) -> Vec<Need> {
    let known = Need::ALL.into_iter().chain(Need::OF_PEERS).chain(Need::OF_NIGHTLY);
    let chosen = known.filter(|need| needs.contains(need));
    chosen.filter(|need| !need.is_met(workspace)).collect()
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
