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
    if choice.filters.is_empty() {
        tests.args(SLOW.iter().flat_map(|name| ["--skip", name]));
    }
    let mut said = run_and_read(&mut tests, Output::Standard)?;
    if choice.filters.is_empty() {
        run(workspace.program(DEV, "simulate").args(["--seeds", SEEDS]))?;
    }
    said += &run_and_read(&mut end_to_end(workspace, &choice), Output::Standard)?;
    check_that_tests_ran(&said, arguments)
}

/// The tests of some packages, with the packages' own features.
fn run_packages(workspace: &Workspace, choice: &Choice) -> Result<()> {
    let is_chosen = |name: &str| choice.packages.iter().any(|chosen| chosen == name);
    let mut tests = workspace.cargo(&["test", "--profile", DEV.name, "--features"]);
    tests.arg(workspace.features(is_chosen));
    tests.args(choice.packages.iter().map(|name| format!("--package={name}")));
    tests.args(UNIT_AND_INTEGRATION).arg("--").args(&choice.filters);
    check_that_tests_ran(&run_and_read(&mut tests, Output::Standard)?, &choice.filters)
}

/// The quick end-to-end tests; or those of the chosen names, quick or not.
fn end_to_end(workspace: &Workspace, choice: &Choice) -> std::process::Command {
    let mut tests = tested(workspace, "test", DEV);
    tests.args(["--test", "end_to_end", "--"]);
    match choice.filters[..] {
        [] => tests.args(QUICK),
        _ => tests.args(&choice.filters),
    };
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

/// Unit and integration tests that the inner loop leaves out: each tries thousands of inputs, seconds long in
/// the dev profile.
const SLOW: [&str; 8] = [
    "any_chunking_decodes_what_the_naive_decoder_decodes",
    "a_hundred_thousand_empty_fragments",
    "memory_stays_within_the_documented_bound",
    "any_bytes_read_as_the_model_reads_them",
    "a_long_line_takes_linear_time",
    "the_fast_path_reads_what_the_slow_path_reads",
    "what_is_written_is_read_back",
    "two_hundred_worlds_keep_every_promise",
];

/// End-to-end tests that take a moment and need nothing that `cargo xtask install` brings.
const QUICK: [&str; 22] = [
    "a_raw_websocket_receives_what_it_sends",
    "each_wire_delivers_what_was_published",
    "every_kind_of_payload_arrives_as_it_was",
    "a_last_event_id_in_the_query_resumes_on_every_wire",
    "a_position_of_one_wire_resumes_on_every_other",
    "overlapping_patterns_deliver_each_message_once",
    "a_gap_notice_comes_when_retention_has_passed",
    "a_restarted_server_reports_a_gap",
    "an_unknown_position_is_a_gap_and_then_what_is_retained",
    "a_repeat_is_answered_like_the_first",
    "a_publisher_without_echo_gets_none",
    "check_config_prints_what_channels_have_and_why",
    "options_differ_by_pattern",
    "a_body_that_is_too_large_is_not_asked_for",
    "a_channel_name_is_checked",
    "a_payload_over_the_limit_is_refused_before_it_is_sent",
    "a_wrong_path_or_method_is_a_problem",
    "every_spelling_of_an_upgrade_opens_a_websocket",
    "head_works_wherever_get_does",
    "a_request_for_another_host_is_refused",
    "text_that_is_not_utf8_is_refused",
    "unknown_parameters_are_refused_with_a_suggestion",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Package;
    use std::path::Path;

    fn parse(words: &[&str]) -> Result<Choice> {
        let package = |name: &&str| Package { name: (*name).to_owned(), ..Package::default() };
        let packages = ["tidewire", "tidewire-broker", "tidewire-ws"].iter().map(package).collect();
        let workspace = Workspace { packages, ..Workspace::default() };
        Choice::parse(&workspace, &words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_word_is_a_package_if_one_is_called_so_and_else_a_part_of_a_tests_name() {
        let choice = parse(&["broker", "ws", "server", "resume"]).unwrap();
        assert_eq!(choice.packages, ["tidewire-broker", "tidewire-ws", "tidewire"]);
        assert_eq!(choice.filters, ["resume"]);
    }

    #[test]
    fn every_quick_end_to_end_test_is_there() {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/test-harness/tests/end_to_end");
        for name in QUICK {
            assert!(folder.join(format!("{name}.rs")).exists(), "{name}");
        }
    }

    #[test]
    fn a_flag_is_refused() {
        let error = parse(&["--nocapture"]).unwrap_err().to_string();
        assert!(error.ends_with("not `--nocapture`"), "{error}");
    }
}
