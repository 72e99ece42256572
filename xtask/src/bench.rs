//! `cargo xtask bench` and `cargo xtask serve`: the programs that run for a person, in release.

mod fanout;

use crate::command;
use crate::steps::{HARNESS, build_server};
use crate::workspace::Workspace;
use anyhow::{Result, bail};

/// Measures what the first argument names; the others go to that program.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    match arguments.split_first() {
        Some((name, rest))
            if ["drain", "idle", "handshakes", "hostile", "resume"].contains(&name.as_str()) =>
        {
            build_server(workspace)?;
            let words = ["run", "--release", "--package", HARNESS, "--bin", name, "--"];
            command::run(
                workspace.cargo(&words).args(rest).env("TIDEWIRE_BIN", workspace.server_binary()),
            )
        }
        Some((name, rest)) if name == "fanout" => fanout::run(workspace, rest),
        Some((name, rest)) if name == "codecs" => command::run(
            workspace.cargo(&["run", "--release", "--package", "tidewire-peers", "--"]).args(rest),
        ),
        Some((name, rest)) if name == "log" => {
            build_server(workspace)?;
            let words = ["bench", "--package", "tidewire-benches", "--bench", "log", "--"];
            command::run(
                workspace.cargo(&words).args(rest).env("TIDEWIRE_BIN", workspace.server_binary()),
            )
        }
        Some((name, rest)) if name == "criterion" => command::run(
            workspace.cargo(&["bench", "--package", "tidewire-benches", "--"]).args(rest),
        ),
        _ => {
            let names =
                "fanout | drain | idle | handshakes | hostile | resume | codecs | log | criterion";
            bail!("say what to measure: cargo xtask bench {names}")
        }
    }
}

/// Starts the server; arguments go to `tidewire serve`.
pub(crate) fn serve(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let words = ["run", "--release", "--package", "tidewire", "--", "serve"];
    command::run(workspace.cargo(&words).args(arguments))
}
