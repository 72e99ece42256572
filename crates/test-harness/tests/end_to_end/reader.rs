//! `tidewire subscribe` as a process, read line by line.

use anyhow::{Context as _, Result};
use std::process::Stdio;
use tidewire_test_harness::server::command;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout},
};

/// The process, which ends with this.
pub(crate) struct Reader {
    lines: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Reader {
    /// Follows what the arguments say, of the server at `address`.
    pub(crate) fn start(address: std::net::SocketAddr, arguments: &[&str]) -> Result<Self> {
        let mut process = command()?
            .args(["subscribe", "--url", &format!("http://{address}")])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().context("no standard output")?;
        Ok(Self { lines: BufReader::new(output).lines(), _process: process })
    }

    /// The next line that it prints.
    pub(crate) async fn line(&mut self) -> Result<String> {
        self.lines.next_line().await?.context("it ended")
    }
}
