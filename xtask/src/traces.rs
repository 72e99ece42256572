//! `cargo xtask traces`: what is only in a build with the feature `opentelemetry`, which no other step turns on.

use crate::command::{Output, run, run_and_read};
use crate::steps::{check_that_tests_ran, tested};
use crate::workspace::{CI, Workspace};
use anyhow::Result;

/// Lints and tests that build, then has its server export to a collector. Arguments go to the last test runner.
pub(crate) fn run_with_feature(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let target = workspace.target.join("traces");
    let cargo = |verb: &str, packages: &[&str]| {
        let mut command = workspace.cargo(&[verb, "--profile", CI.name]);
        command.args(packages.iter().map(|name| format!("--package={name}")));
        // A directory of its own: the feature changes what nearly every crate is built with.
        command.args(["--features", FEATURE]).arg("--target-dir").arg(&target);
        command
    };
    run(cargo("clippy", &PACKAGES).args(["--all-targets", "--", "-D", "warnings"]))?;
    run(&mut cargo("test", &PACKAGES))?;
    run(&mut cargo("build", &["tidewire"]))?;
    let mut tests = tested(workspace, "test", CI);
    tests.args(["--test", "traces", "--"]).args(arguments);
    tests.env("TIDEWIRE_BIN", target.join(CI.folder).join("tidewire"));
    check_that_tests_ran(&run_and_read(&mut tests, Output::Standard)?, arguments)
}

const FEATURE: &str = "tidewire/opentelemetry";

/// Those that it changes.
const PACKAGES: [&str; 4] =
    ["tidewire-broker", "tidewire-connection", "tidewire-engine-log", "tidewire"];
