//! `cargo xtask mutants`: does a test notice when a codec is changed?
//!
//! By hand and at night, since it takes hours. `.cargo/mutants.toml` says which changes need not be
//! noticed, each with its reason.

use crate::command;
use crate::install;
use crate::workspace::{CODECS, Workspace};
use anyhow::Result;

/// Tries both codecs; arguments go to cargo-mutants: `--file crates/ws-frame/src/close.rs`.
///
/// # Errors
///
/// A change was not noticed, or the tests fail without one.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    install::require_cargo("mutants", "27.1.0")?;
    let mut mutants = workspace.cargo(&["mutants", "--output"]);
    mutants.arg(&workspace.target).args(CODECS.map(|name| format!("--package={name}")));
    mutants.args(arguments);
    // The tests go through many thousand seeds, for each change anew.
    mutants.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    // A change is tried in a copy of the tree, and builds there.
    command::run(mutants.env_remove("CARGO_TARGET_DIR"))
}
