//! The binary as a child, and a server of its own.

use std::{process::Stdio, time::Duration};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// A server on a free port. Dropped, its process is killed.
pub(crate) struct Server {
    _child: Child,
    /// `127.0.0.1` and the port.
    pub(crate) address: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let mut child =
            tidewire(&["serve", "--listen", "0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = timeout(A_WHILE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let address = first.strip_prefix("listening on http://").unwrap().to_owned();
        Self { _child: child, address }
    }
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) is_success: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs a command to its end.
pub(crate) async fn run(command: &mut Command) -> Run {
    let output = timeout(A_WHILE, command.output()).await.expect("it does not end").unwrap();
    Run {
        is_success: output.status.success(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A command of the binary, which nothing but its arguments configures.
pub(crate) fn tidewire(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidewire"));
    let ours = std::env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.as_encoded_bytes().starts_with(b"TIDEWIRE_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// A folder that goes with the test.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// On a machine with much else to do.
pub(crate) const A_WHILE: Duration = Duration::from_secs(60);
