//! The steps that are a cargo command or two.
//!
//! Tests build in the dev profile, what proves the server in release, the server as it ships.

use crate::command::run;
use crate::install;
use crate::workspace::{CODECS, Workspace};
use anyhow::Result;
use std::process::Command;

pub(crate) fn fmt(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    run(workspace.cargo(&["fmt", "--all", "--check"]).args(arguments))?;
    // Those that are apart from the workspace.
    for manifest in ["fuzz/Cargo.toml", "xtask/no-std/Cargo.toml"] {
        let words = ["fmt", "--manifest-path", manifest, "--check"];
        run(workspace.cargo(&words).args(arguments))?;
    }
    Ok(())
}

pub(crate) fn clippy(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let words = ["clippy", "--workspace", "--all-targets", "--all-features"];
    run(workspace.cargo(&words).args(arguments).args(["--", "-D", "warnings"]))?;
    // As most people pick them: without a feature.
    let mut codecs = workspace.cargo(&["clippy", "--all-targets"]);
    run(codecs.args(CODECS.map(package)).args(arguments).args(["--", "-D", "warnings"]))
}

pub(crate) fn docs(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let words = ["doc", "--workspace", "--no-deps", "--all-features"];
    run(workspace.cargo(&words).args(arguments).env("RUSTDOCFLAGS", "-D warnings"))
}

pub(crate) fn test(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let words = ["test", "--workspace", "--exclude", HARNESS, "--all-features"];
    run(workspace.cargo(&words).args(arguments))?;
    // As most people pick them: without a feature.
    run(workspace.cargo(&["test"]).args(CODECS.map(package)).args(arguments))
}

fn package(name: &str) -> String {
    format!("--package={name}")
}

/// Arguments go to the test runner. With a target directory of its own, as the flag changes every
/// crate.
pub(crate) fn models(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let words = ["test", "--package", "tidewire-broker", "--test", "models", "--target-dir"];
    let mut models = workspace.cargo(&words);
    models.arg(workspace.target.join("models")).arg("--").args(arguments);
    run(models.env("RUSTFLAGS", "--cfg shuttle"))
}

/// Arguments replace `--seeds 10000`, so that one seed can be run again.
pub(crate) fn simulate(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let mut simulation = harness(workspace, "run");
    simulation.args(["--bin", "simulate", "--"]);
    match arguments {
        [] => simulation.args(["--seeds", "10000"]),
        chosen => simulation.args(chosen),
    };
    run(&mut simulation)
}

/// Arguments replace `--rounds 10`; by night it is 200.
pub(crate) fn crash(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    build_server(workspace)?;
    let mut crash = harness(workspace, "run");
    crash.args(["--bin", "crash", "--"]).env("TIDEWIRE_BIN", workspace.server_binary());
    match arguments {
        [] => crash.args(["--rounds", "10"]),
        chosen => crash.args(chosen),
    };
    run(&mut crash)
}

/// Arguments go to the test runner: `cargo xtask e2e resume` runs the tests of that name.
pub(crate) fn e2e(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let browser = install::browser()?;
    build_server(workspace)?;
    if arguments.is_empty() {
        // Apart and first, for cargo puts doc tests last, and a run should end with the others.
        run(harness(workspace, "test").arg("--doc"))?;
    }
    run(harness(workspace, "test")
        .args(["--tests", "--"])
        .args(arguments)
        .env("TIDEWIRE_BIN", workspace.server_binary())
        .env("TIDEWIRE_BROWSER", browser)
        .env("NODE_PATH", workspace.node_modules()))
}

/// Builds the server as it ships: in release, with its own features and nobody else's.
pub(crate) fn build_server(workspace: &Workspace) -> Result<()> {
    run(&mut workspace.cargo(&["build", "--release", "--package", "tidewire"]))
}

/// A cargo command on the harness, in release but linked quickly: the link-time optimisation of
/// that profile costs each test program seven seconds of CPU, even an empty one, and it has many.
fn harness(workspace: &Workspace, verb: &str) -> Command {
    let mut command = workspace.cargo(&[verb, "--release", "--package", HARNESS, "--all-features"]);
    command.env("CARGO_PROFILE_RELEASE_LTO", "off");
    command
}

pub(crate) const HARNESS: &str = "tidewire-test-harness";
