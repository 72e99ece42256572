//! `cargo xtask semver`: no release of a codec breaks what its version number promises.

use crate::command::{self, read};
use crate::install::{self, Need};
use crate::workspace::{CODECS, Workspace};
use anyhow::{Context as _, Result};
use std::process::Command;

/// Compares with the newest tag, or with what `--baseline-rev REVISION` names.
///
/// Before the first release there is nothing to keep. The first commit of the present version will
/// not do instead: it is an empty crate, and next to that every interface is sound.
///
/// # Errors
///
/// The interface changed by more than the version did, or there is nothing to compare with.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let baseline = baseline(arguments, newest_tag(workspace))?;
    install::require(workspace, &[Need::CargoSemverChecks])?;
    let packages = CODECS.map(|name| format!("--package={name}"));
    command::run(workspace.cargo(&["semver-checks"]).args(packages).args(baseline))
}

/// Whether there is a release to compare with.
pub(crate) fn has_release(workspace: &Workspace) -> bool {
    newest_tag(workspace).is_some()
}

/// The arguments that say what to compare with.
fn baseline(arguments: &[String], newest_tag: Option<String>) -> Result<Vec<String>> {
    if !arguments.is_empty() {
        return Ok(arguments.to_vec());
    }
    let tag = newest_tag.context(
        "not run: there is no release to compare with, since no tag leads here; \
         name a revision: cargo xtask semver --baseline-rev REVISION",
    )?;
    Ok(vec!["--baseline-rev".to_owned(), tag])
}

fn newest_tag(workspace: &Workspace) -> Option<String> {
    let mut describe = Command::new("git");
    describe.current_dir(&workspace.root).args(["describe", "--tags", "--abbrev=0"]);
    read(&mut describe).ok().map(|tag| tag.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_release_nothing_is_compared_and_that_is_an_error() {
        let error = baseline(&[], None).unwrap_err().to_string();
        assert!(error.starts_with("not run: there is no release to compare with"), "{error}");
    }

    #[test]
    fn the_newest_tag_is_the_baseline_unless_another_is_named() {
        let tag = || Some("v0.1.0".to_owned());
        assert_eq!(baseline(&[], tag()).unwrap(), ["--baseline-rev", "v0.1.0"]);
        let named = ["--baseline-rev", "HEAD~3"].map(str::to_owned);
        assert_eq!(baseline(&named, tag()).unwrap(), named);
        assert_eq!(baseline(&named, None).unwrap(), named);
    }
}
