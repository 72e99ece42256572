//! `cargo xtask autobahn`: the cases of the Autobahn test suite, run against everything here that implements WebSocket.
//!
//! `kosoku` runs them; this file lists the subjects. The result of each case is committed in `docs/autobahn/`: a case
//! that fails, changes or is gone is an error, and so is an exclusion that is not needed any more.

pub(crate) mod program;
mod record;
mod referee;

use crate::steps;
use crate::workspace::{CI, Workspace};
use anyhow::{Context as _, Result, anyhow, bail};
use program::Program;
use record::{Findings, Record};
use referee::Examination;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let (mut suite, mut is_writing) = (&CORE, false);
    for argument in arguments {
        match argument.as_str() {
            "--compression" => suite = &COMPRESSION,
            "--write" => is_writing = true,
            other => bail!("`autobahn` knows `--compression` and `--write`, not `{other}`"),
        }
    }
    steps::build(workspace)?;
    let found = examine(workspace, suite)?;
    let (name, path) = (suite.record, workspace.root.join(suite.record));
    // Before the first run there is no such file.
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let record = Record::parse(&committed).with_context(|| format!("reading {name}"))?;
    if is_writing {
        let renewed = record.renewed(found)?;
        fs::write(&path, format!("{}{renewed}", suite.heading))?;
        println!("wrote {name}");
        return Ok(());
    }
    let differences = record.differences(&found);
    if !differences.is_empty() {
        bail!("{} cases differ from {name}:\n  {}", differences.len(), differences.join("\n  "));
    }
    println!("{} cases are as in {name}", found.len());
    Ok(())
}

/// Some of the cases, and who is examined in them.
#[derive(Debug)]
struct Suite {
    name: &'static str,
    /// The referee's options that select the cases.
    selection: &'static [&'static str],
    subjects: &'static [Subject],
    /// The file of committed results, and how it opens.
    record: &'static str,
    heading: &'static str,
    /// For one subject.
    duration_max: Duration,
}

/// Somebody to be examined.
#[derive(Clone, Copy, Debug)]
enum Subject {
    /// The server side of `ws-frame`, over tokio.
    Echo,
    /// The client side of `ws-frame`, over `std`.
    Client,
    /// The server: a raw WebSocket on one channel receives what it sends.
    Tidewire,
}

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Client => "client",
            Self::Tidewire => "tidewire",
        }
    }

    fn examine(self, workspace: &Workspace, suite: &Suite) -> Result<Findings> {
        let reports = workspace.target.join("autobahn").join(suite.name).join(self.name());
        // What an earlier run has left must not be taken for this one's.
        if reports.exists() {
            fs::remove_dir_all(&reports)?;
        }
        fs::create_dir_all(&reports)?;
        let Suite { selection, duration_max, .. } = *suite;
        let examination = Examination { subject: self.name(), selection, reports, duration_max };
        match self {
            Self::Echo => {
                let mut command = Command::new(example(workspace, "autobahn_server"));
                command.arg("127.0.0.1:0");
                let log = examination.log("server.log")?;
                let (_server, address) = Program::listening(command, "listening on ws://", log)?;
                examination.of_server(workspace, &format!("ws://{address}"))
            }
            Self::Client => {
                examination.of_client(workspace, &example(workspace, "autobahn_client"))
            }
            Self::Tidewire => {
                let log = examination.log("tidewire.log")?;
                let command = tidewire(workspace);
                let (_server, address) = Program::listening(command, "listening on http://", log)?;
                examination.of_server(workspace, &format!("ws://{address}/ws?channel=autobahn"))
            }
        }
    }
}

/// Puts the suite to all its subjects at once: most cases wait for what should not come.
fn examine(workspace: &Workspace, suite: &Suite) -> Result<Findings> {
    thread::scope(|scope| {
        let subjects = suite.subjects.iter().map(|&subject| {
            scope.spawn(move || -> Result<Findings> {
                let started = Instant::now();
                let found = subject.examine(workspace, suite)?;
                let (name, count, took) = (subject.name(), found.len(), started.elapsed());
                println!("{name}: {count} cases in {:.1} s", took.as_secs_f64());
                Ok(found)
            })
        });
        let examinations: Vec<_> = subjects.collect();
        let mut all = Findings::new();
        for (examination, subject) in examinations.into_iter().zip(suite.subjects) {
            let found = examination.join().map_err(|_| anyhow!("an examination panicked"))?;
            all.append(&mut found.with_context(|| format!("examining {}", subject.name()))?);
        }
        Ok(all)
    })
}

/// The server with room for the longest messages of the suite, and configured by nothing else.
fn tidewire(workspace: &Workspace) -> Command {
    let mut command = Command::new(workspace.server_under_test());
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    command.args(["--message-bytes-max", "16MiB", "--retention-bytes", "64MiB"]);
    let ours = env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.as_encoded_bytes().starts_with(b"TIDEWIRE_")) {
        command.env_remove(name);
    }
    command
}

fn example(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.built(CI, &format!("examples/{name}"))
}

/// Seconds: everything but compression.
const CORE: Suite = Suite {
    name: "core",
    selection: &["--exclude", "12.*", "--exclude", "13.*"],
    subjects: &[Subject::Echo, Subject::Client, Subject::Tidewire],
    record: "docs/autobahn/core.txt",
    heading: "\
# What kosoku 0.1.0 says of each case: of the messages, and of how the connection ended.
# `cargo xtask autobahn` compares with this file, and with --write renews it.
",
    duration_max: Duration::from_secs(240),
};

/// Minutes, for the night and for releases: RFC 7692.
const COMPRESSION: Suite = Suite {
    name: "compression",
    selection: &["--include", "12.*", "--include", "13.*"],
    subjects: &[Subject::Echo, Subject::Client],
    record: "docs/autobahn/compression.txt",
    heading: "\
# What kosoku 0.1.0 says of each case of compression: of the messages, and of the connection's end.
# `cargo xtask autobahn --compression` compares with this file, and with --write renews it.
",
    duration_max: Duration::from_secs(1_800),
};
