//! Running `kosoku`, the referee: against a server, or as the server that examines a client.
//!
//! It ends with status 1 when a case fails, but reports every case all the same: the report is what counts, and the
//! status only if there is no report.

use super::program::Program;
use super::record::{Case, Findings, Verdict};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What to put to a subject, and where the reports go.
#[derive(Debug)]
pub(crate) struct Examination {
    /// The subject's name in the findings.
    pub(crate) subject: &'static str,
    /// Which cases, in the referee's words.
    pub(crate) selection: &'static [&'static str],
    /// A folder, empty at first; then with a page for each case, which explains its result.
    pub(crate) reports: PathBuf,
    /// After this time something hangs.
    pub(crate) duration_max: Duration,
}

impl Examination {
    /// Examines the echo server at `url`.
    ///
    /// # Errors
    ///
    /// The referee is not installed, takes too long, or leaves no report.
    pub(crate) fn of_server(&self, workspace: &Workspace, url: &str) -> Result<Findings> {
        let referee = self.referee(workspace, "fuzzingclient", url)?;
        Program::start(referee, self.log(REFEREE_LOG)?)?.wait(self.duration_max)?;
        self.findings()
    }

    /// Examines the client `client`, a program whose argument is the referee's address.
    ///
    /// # Errors
    ///
    /// As for a server, or the client fails.
    pub(crate) fn of_client(&self, workspace: &Workspace, client: &Path) -> Result<Findings> {
        let referee = self.referee(workspace, "fuzzingserver", "127.0.0.1:0")?;
        let says = "fuzzingserver listening on ws://";
        let (mut referee, address) = Program::listening(referee, says, self.log(REFEREE_LOG)?)?;
        let mut command = Command::new(client);
        command.arg(address);
        let mut client = Program::start(command, self.log("client.log")?)?;
        let status = client.wait(self.duration_max)?;
        if !status.success() {
            bail!("the client ended with {status}; what it said is in {}", self.reports.display());
        }
        referee.wait(REPORT_WAIT)?;
        self.findings()
    }

    fn referee(&self, workspace: &Workspace, mode: &str, address: &str) -> Result<Command> {
        let program = workspace.tool("kosoku").join("bin/kosoku");
        if !program.is_file() {
            bail!("{} is not there: `cargo xtask install`", program.display());
        }
        let mut command = Command::new(program);
        command.args(["--mode", mode, address, "--outdir"]).arg(&self.reports);
        command.args(self.selection);
        Ok(command)
    }

    /// Where a program talks: the console is for what came of it.
    pub(crate) fn log(&self, name: &str) -> Result<File> {
        let path = self.reports.join(name);
        File::create(&path).with_context(|| format!("creating {}", path.display()))
    }

    fn findings(&self) -> Result<Findings> {
        let index = self.reports.join("index.json");
        let text = fs::read_to_string(&index).with_context(|| {
            format!("no {}: the referee broke off, see {REFEREE_LOG} there", index.display())
        })?;
        parse_index(self.subject, &text).with_context(|| format!("reading {}", index.display()))
    }
}

/// Reads the referee's overview: by agent, then by case.
fn parse_index(subject: &str, text: &str) -> Result<Findings> {
    #[derive(Deserialize)]
    struct Entry {
        behavior: String,
        #[serde(rename = "behaviorClose")]
        closing: String,
    }
    let agents: BTreeMap<String, BTreeMap<String, Entry>> = serde_json::from_str(text)?;
    let cases = agents.into_values().flatten();
    cases
        .map(|(number, Entry { behavior, closing })| {
            Ok((Case::new(subject, &number)?, Verdict { behavior, closing }))
        })
        .collect()
}

const REFEREE_LOG: &str = "kosoku.log";

/// Pages are written once the client has gone.
const REPORT_WAIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overview_gives_a_verdict_on_messages_and_one_on_the_closing() {
        let index = r#"{"127.0.0.1:9": {"7.13.1": {"behavior": "OK", "behaviorClose": "WRONG CODE",
            "duration": 2, "remoteCloseCode": null, "reportfile": "a_case_7_13_1.json"}}}"#;
        let findings = parse_index("echo", index).unwrap();
        let verdict = Verdict { behavior: "OK".to_owned(), closing: "WRONG CODE".to_owned() };
        assert_eq!(findings, [(Case::new("echo", "7.13.1").unwrap(), verdict)].into());
    }

    #[test]
    fn an_overview_of_another_shape_is_refused() {
        assert!(parse_index("echo", r#"{"a": {"1.1": {"behavior": "OK"}}}"#).is_err());
    }
}
