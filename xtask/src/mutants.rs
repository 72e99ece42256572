//! `cargo xtask mutants`: does a test notice when a codec is changed?
//!
//! By hand and at night, since it takes hours. `.cargo/mutants.toml` says which changes need not be
//! noticed, each with its reason.

use crate::command;
use crate::install::{self, Need};
use crate::workspace::{CODECS, Workspace};
use anyhow::{Context as _, Result, bail};
use std::fs;

/// Tries both codecs; arguments go to cargo-mutants: `--file crates/ws-frame/src/close.rs`.
///
/// # Errors
///
/// A change was not noticed, the tests fail without one, or the arguments leave nothing to change.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    install::require(workspace, &[Need::CargoMutants])?;
    let mut mutants = workspace.cargo(&["mutants", "--output"]);
    mutants.arg(&workspace.target).args(CODECS.map(|name| format!("--package={name}")));
    mutants.args(arguments);
    // The tests go through many thousand seeds, again for each change.
    mutants.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    // A change is tried in a copy of the tree, and builds there.
    command::run(mutants.env_remove("CARGO_TARGET_DIR"))?;
    if arguments.iter().any(|word| word == "--list") {
        return Ok(());
    }
    let list = workspace.target.join("mutants.out/mutants.json");
    let list = fs::read_to_string(&list).with_context(|| format!("reading {}", list.display()))?;
    check_that_some_were_tried(&list)
}

/// cargo-mutants ends well where it finds nothing to change, and then has shown nothing.
fn check_that_some_were_tried(list: &str) -> Result<()> {
    let tried: Vec<serde_json::Value> =
        serde_json::from_str(list).context("the list of mutants")?;
    if tried.is_empty() {
        bail!("no change was tried: none fits the arguments");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_tried_nothing_fails() {
        assert!(check_that_some_were_tried(r#"[{"file":"crates/ws-frame/src/close.rs"}]"#).is_ok());
        for list in ["[]", "", "{}"] {
            assert!(check_that_some_were_tried(list).is_err(), "{list}");
        }
    }
}
