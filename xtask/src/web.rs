//! `cargo xtask web`: the unit tests of the JavaScript client, in Node's test runner, and what of it a page loads.
//! No browser and no server.

use crate::command::{Output, run as run_command, run_and_read};
use crate::install::{self, Need};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

pub(crate) const NEEDS: [Need; 3] = [Need::Node, Need::Npm, Need::Playwright];

/// Arguments go to Node: `--test-name-pattern refused` runs the tests of that name.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    install::require(workspace, &NEEDS)?;
    let web = workspace.root.join("web");
    let files = test_files(&web.join("tests"))?;
    let mut node = Command::new("node");
    // Svelte is another library without the condition, for servers.
    node.args(["--conditions=browser", "--test", "--test-reporter", "spec"]);
    node.args(arguments).args(&files);
    let said = run_and_read(node.current_dir(&web), Output::Standard)?;
    if tests_passed(&said) == 0 {
        bail!("no test was run, of {} files", files.len());
    }
    run_command(Command::new("node").arg("size.mjs").current_dir(&web))
}

/// The files `*.test.js` of a folder and of those in it, in the order of their names.
fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(test_files(&path)?);
        } else if path.to_str().is_some_and(|path| path.ends_with(".test.js")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The number in the closing line of Node's runner, `ℹ pass 12`.
fn tests_passed(said: &str) -> u64 {
    let mut counts =
        said.lines().filter_map(|line| line.split_once(" pass ")?.1.trim().parse().ok());
    counts.next_back().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_tests_counts_none() {
        assert_eq!(tests_passed("ℹ tests 13\nℹ pass 12\nℹ fail 0\n"), 12);
        assert_eq!(tests_passed("ℹ tests 0\nℹ pass 0\n"), 0);
        assert_eq!(tests_passed("✔ a test that may pass by\n"), 0);
    }
}
