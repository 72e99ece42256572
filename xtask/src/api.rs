//! `cargo xtask api`: the descriptions of the interface are valid, and a running server does what they say.
//!
//! The specifications' own schemas judge `/openapi.json` and `/asyncapi.json`. Then schemathesis sends requests that fit the
//! description, and others that do not, and compares each answer with it.

use crate::autobahn::program::Program;
use crate::command;
use crate::steps;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use std::env;
use std::fs::{self, File};
use std::process::Command;

/// Arguments replace `--max-examples 20`: `cargo xtask api --max-examples 500 --seed 7`.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    if env::var_os("TIDEWIRE_BIN").is_none() {
        steps::build(workspace)?;
    }
    let folder = workspace.target.join("api");
    fs::create_dir_all(&folder).context("making target/api")?;
    let log = File::create(folder.join("server.log"))?;
    let mut server = Command::new(workspace.server_under_test());
    // Otherwise each poll that finds nothing takes as long as it may.
    server.args(["serve", "--listen", "127.0.0.1:0", "--poll-wait-max", "1s"]);
    let (_server, url) = Program::listening(server, "listening on ", log)?;

    let python = workspace.tool("openapi-spec-validator").join("bin/python");
    let mut validate = Command::new(python);
    validate.arg(workspace.root.join("xtask/api/validate.py")).arg(&url);
    command::run(&mut validate)?;

    let mut schemathesis = Command::new(workspace.tool("schemathesis").join("bin/schemathesis"));
    schemathesis.current_dir(&folder).args(["run", &format!("{url}/openapi.json")]);
    schemathesis.args(["--url", &url, "--request-timeout", "10", "--checks", CHECKS]);
    // What does not end cannot be compared; `the_description_is_what_the_server_answers` reads its beginning.
    for path in ["/events", "/stream", "/ws", "/"] {
        schemathesis.args(["--exclude-path", path]);
    }
    match arguments {
        [] => schemathesis.args(["--max-examples", "20"]),
        chosen => schemathesis.args(chosen),
    };
    command::run(&mut schemathesis)
}

/// What is compared: the status, type and shape of each answer, and that no request is a fault of the server.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance";
