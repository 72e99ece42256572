//! `tidewire doctor`: connects to a server through whatever lies between, on each wire, and says what is wrong there and
//! which line of the proxy's configuration to change.
//!
//! It compares what it has sent with what the server says has arrived (`/health/request`), and what it has published with
//! what comes back. Nothing is guessed from the name of a proxy but the line to change.

mod advice;
mod examination;
mod fault;
mod finding;
mod probe;
mod quiet;
mod request;
mod wire;
mod wires;

use super::server::{ServerUrl, TokenPlace};
use crate::terminal::TerminalOutput;
use anyhow::{Result, bail};
use examination::Examination;
use finding::Report;
use probe::Probe;
use std::io::{self, Write as _};

/// Find out what a proxy between here and a server does wrong.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorCommand {
    /// The URL by which clients reach the server: that of the proxy.
    #[arg(env = "TIDEWIRE_URL", hide_env_values = true)]
    url: ServerUrl,
    #[command(flatten)]
    token: TokenPlace,
    /// The proxy, if its answers do not name it: the lines to change are then only those for it.
    #[arg(long, value_enum)]
    proxy: Option<advice::Proxy>,
    /// Do not wait for a heartbeat, so a short idle timeout is not found.
    #[arg(long)]
    quick: bool,
    /// Print the findings as JSON on standard output.
    #[arg(long)]
    json: bool,
}

impl DoctorCommand {
    /// Examines the way to the server, and prints what it finds.
    ///
    /// # Errors
    ///
    /// Something was found, or the server cannot be examined.
    pub async fn run(self) -> Result<()> {
        let probe = Probe::new(&self.url, self.token.find()?.as_deref())?;
        let mut progress = TerminalOutput::stderr();
        let mut say = |text: &str| {
            if !self.json {
                // If standard error is gone, there is nowhere to report that.
                let _ = writeln!(progress, "{text}");
            }
        };
        say(&format!("examining {}", self.url));
        let mut report = Report::new(self.proxy);
        let examination = Examination::new(&probe, &mut report, self.quick, &mut say);
        examination.run().await;
        let text = if self.json { report.to_json() } else { report.to_text() };
        // An error means that standard output is closed: nobody reads the findings.
        let _ = writeln!(io::stdout(), "{text}");
        match report.findings().len() {
            0 if report.is_complete() => Ok(()),
            0 => bail!("nothing was found, but not everything could be examined"),
            1 => bail!("1 fault was found"),
            several => bail!("{several} faults were found"),
        }
    }
}

const EXAMPLES: &str = "\
It publishes a few small messages to a channel doctor.RANDOM, and takes about 5 s and one heartbeat
(20 s unless the server is configured otherwise). The exit status is 1 if something was found.
A server with keys takes a token that may subscribe and publish to doctor.>

Examples:
  tidewire doctor https://push.example.com
  export TIDEWIRE_TOKEN=$(tidewire token --subscribe 'doctor.>' --publish 'doctor.>')
  tidewire doctor http://127.0.0.1:8080 --quick --json";
