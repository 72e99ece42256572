//! `cargo xtask semver`: no release of a codec breaks what its version number promises.

use crate::command::{self, read};
use crate::install;
use crate::workspace::{CODECS, Workspace};
use anyhow::Result;
use std::process::Command;

/// Compares with the newest tag, or with what `--baseline-rev REVISION` names.
///
/// # Errors
///
/// The interface changed by more than the version did.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let mut baseline = arguments.to_vec();
    if baseline.is_empty() {
        let Some(tag) = newest_tag(workspace) else {
            println!("there is no release to compare with; name one by --baseline-rev REVISION");
            return Ok(());
        };
        baseline = vec!["--baseline-rev".to_owned(), tag];
    }
    install::require_cargo("semver-checks", "0.51.0")?;
    let packages = CODECS.map(|name| format!("--package={name}"));
    command::run(workspace.cargo(&["semver-checks"]).args(packages).args(baseline))
}

fn newest_tag(workspace: &Workspace) -> Option<String> {
    let mut describe = Command::new("git");
    describe.current_dir(&workspace.root).args(["describe", "--tags", "--abbrev=0"]);
    read(&mut describe).ok().map(|tag| tag.trim().to_owned())
}
