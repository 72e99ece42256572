//! `cargo xtask test`: the inner loop, for after every change. Unit and integration tests, a hundred
//! seeds of the simulation, and the end-to-end tests that are quick.
//!
//! All of it is built in the dev profile, as by `cargo test` and `cargo run`, so that nothing is
//! built twice. `cargo xtask ci` runs everything.

use crate::command::{Output, run, run_and_read};
use crate::steps::{check_that_tests_ran, tested, threads};
use crate::workspace::{DEV, Workspace};
use anyhow::{Result, bail};

/// Runs everything quick, or what the arguments choose: packages, parts of tests' names, or both.
///
/// # Errors
///
/// A test failed, or none was run.
pub(crate) fn run_quick(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let choice = Choice::parse(workspace, arguments)?;
    if !choice.packages.is_empty() {
        return run_packages(workspace, &choice);
    }
    let mut tests = tested(workspace, "test", DEV);
    tests.args(UNIT_AND_INTEGRATION).arg("--").args(&choice.filters);
    let mut said = run_and_read(&mut tests, Output::Standard)?;
    if choice.filters.is_empty() {
        run(workspace.program(DEV, "simulate").args(["--seeds", SEEDS]))?;
    }
    said += &run_and_read(&mut end_to_end(workspace, &choice), Output::Standard)?;
    check_that_tests_ran(&said, arguments)
}

/// The tests of some packages, with the packages' own features.
fn run_packages(workspace: &Workspace, choice: &Choice) -> Result<()> {
    let mut tests = workspace.cargo(&["test", "--profile", DEV.name, "--all-features"]);
    tests.args(choice.packages.iter().map(|name| format!("--package={name}")));
    tests.args(UNIT_AND_INTEGRATION).arg("--").args(&choice.filters);
    check_that_tests_ran(&run_and_read(&mut tests, Output::Standard)?, &choice.filters)
}

/// The quick end-to-end tests; or those of the chosen names, quick or not.
fn end_to_end(workspace: &Workspace, choice: &Choice) -> std::process::Command {
    let mut tests = tested(workspace, "test", DEV);
    tests.args(["--test", "end_to_end", "--"]).args(&choice.filters);
    if choice.filters.is_empty() {
        tests.args(SLOW.iter().flat_map(|name| ["--skip", name]));
    }
    tests.env("TIDEWIRE_BIN", workspace.built(DEV, "tidewire"));
    tests.env("NODE_PATH", workspace.node_modules()).env("RUST_TEST_THREADS", threads());
    tests
}

/// What the command line asked for.
#[derive(Debug, PartialEq, Eq)]
struct Choice {
    packages: Vec<String>,
    /// Parts of the names of tests.
    filters: Vec<String>,
}

impl Choice {
    /// A word is a package if one is called so, with `tidewire-` before it or without; else a part of a test's name.
    fn parse(workspace: &Workspace, arguments: &[String]) -> Result<Self> {
        let mut choice = Self { packages: Vec::new(), filters: Vec::new() };
        for word in arguments {
            if word.starts_with('-') {
                bail!("`test` knows names of packages and parts of names of tests, not `{word}`");
            }
            let is_called =
                |name: &str| name == word || name.strip_prefix("tidewire-") == Some(word);
            // The server's package is called as the project.
            let is_server = |name: &str| name == "tidewire" && word == "server";
            let mut packages = workspace.packages.iter().map(|package| &package.name);
            match packages.find(|name| is_called(name) || is_server(name)) {
                Some(name) => choice.packages.push(name.clone()),
                None => choice.filters.push(word.clone()),
            }
        }
        Ok(choice)
    }
}

/// No doc tests, of which each crate's are one more program to link.
const UNIT_AND_INTEGRATION: [&str; 3] = ["--lib", "--bins", "--tests"];

const SEEDS: &str = "100";

/// End-to-end tests that take more than two seconds, or need what `cargo xtask install` brings.
const SLOW: [&str; 1] = ["browser"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Package;

    fn parse(words: &[&str]) -> Result<Choice> {
        let package = |name: &&str| Package { name: (*name).to_owned(), ..Package::default() };
        let packages = ["tidewire", "tidewire-broker", "ws-frame"].iter().map(package).collect();
        let workspace = Workspace { packages, ..Workspace::default() };
        Choice::parse(&workspace, &words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_word_is_a_package_if_one_is_called_so_and_else_a_part_of_a_tests_name() {
        let choice = parse(&["broker", "ws-frame", "server", "resume"]).unwrap();
        assert_eq!(choice.packages, ["tidewire-broker", "ws-frame", "tidewire"]);
        assert_eq!(choice.filters, ["resume"]);
    }

    #[test]
    fn a_flag_is_refused() {
        let error = parse(&["--nocapture"]).unwrap_err().to_string();
        assert!(error.ends_with("not `--nocapture`"), "{error}");
    }
}
