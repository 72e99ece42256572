//! A program that uses a client: started, listened to, and ended with everything that it has started.

use crate::clients::{Client, Package};
use anyhow::{Context as _, Result};
use rustix::process::{Signal, kill_process_group};
use serde_json::Value;
use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tempfile::TempDir;
use tidewire_test_harness::server::{Output, process_id};
use tokio::{
    io::BufReader,
    process::{Child, ChildStdin, Command},
    time::timeout,
};

/// A running program. It ends with [`end`](Self::end).
pub(crate) struct Program {
    child: Child,
    input: ChildStdin,
    lines: Output,
    errors: Output,
    /// Where it runs.
    _folder: TempDir,
}

impl Program {
    /// Starts it with the server's address and a token.
    pub(crate) fn start(client: &Client, address: SocketAddr, token: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut child = command(client)
            .env("URL", format!("http://{address}"))
            .env("TOKEN", token)
            .env("TIDEWIRE_BROWSER", browser())
            .env("NODE_PATH", interop().join("../../../web/node_modules"))
            .current_dir(folder.path())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("`cargo xtask nightly --only interop` installs what is missing")?;
        let (lines, errors) = (Output::default(), Output::default());
        let output = child.stdout.take().context("no standard output")?;
        tokio::spawn(lines.clone().collect(BufReader::new(output)));
        let complaints = child.stderr.take().context("no standard error")?;
        tokio::spawn(errors.clone().collect(BufReader::new(complaints)));
        let input = child.stdin.take().context("no standard input")?;
        Ok(Self { child, input, lines, errors, _folder: folder })
    }

    /// The messages that it has printed so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = self.lines.text();
        // The last one may be half a line.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(ToOwned::to_owned).collect()
    }

    /// What it has complained about.
    pub(crate) fn complaints(&self) -> String {
        self.errors.text()
    }

    /// Whether it runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it: a browser notices the end of its input, and ends what it has started.
    pub(crate) async fn end(mut self) -> Result<()> {
        let group = self.child.id();
        drop(self.input);
        if self.child.try_wait()?.is_none() {
            // The others go on.
            let _ended = timeout(END_WAIT, self.child.wait()).await;
        }
        if let Some(group) = group {
            // It may be gone.
            let _killed = kill_process_group(process_id(group)?, Signal::KILL);
        }
        Ok(())
    }
}

/// What runs its program.
fn command(client: &Client) -> Command {
    let file = interop().join(client.program);
    match client.package {
        Package::Browser | Package::NpmInPage(_) => {
            let mut command = Command::new("node");
            command.arg(interop().join("browser.mjs")).arg(client.program);
            command
        }
        Package::Npm(_) => with(Path::new("node"), &file),
        Package::Python(_) => with(&python(), &file),
        Package::Curl => with(Path::new("sh"), &file),
    }
}

fn with(program: &Path, file: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg(file);
    command
}

/// The version of what is installed.
pub(crate) async fn version(package: Package) -> Result<String> {
    match package {
        Package::Npm(name) | Package::NpmInPage(name) => {
            let file = interop().join("node_modules").join(name).join("package.json");
            let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            let page: Value = serde_json::from_str(&text)?;
            Ok(page["version"].as_str().context("no version")?.to_owned())
        }
        Package::Browser => last_word(Command::new(browser()).arg("--version")).await,
        Package::Python(name) => {
            let which = format!("import importlib.metadata as m; print(m.version('{name}'))");
            last_word(Command::new(python()).args(["-c", &which])).await
        }
        Package::Curl => {
            let output = Command::new("curl").arg("--version").output().await?;
            let said = String::from_utf8(output.stdout)?;
            Ok(said.split(' ').nth(1).context("no version")?.to_owned())
        }
    }
}

/// Of `Chromium 120.0.6099.224 built on Debian` the first word that is a number.
async fn last_word(command: &mut Command) -> Result<String> {
    let said = String::from_utf8(command.output().await?.stdout)?;
    let mut words = said.split_whitespace();
    let found = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    Ok(found.with_context(|| format!("no version: {said}"))?.to_owned())
}

/// Where the programs are.
fn interop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("interop")
}

/// The one with the packages of `interop/requirements.txt`, or the one on `PATH`.
fn python() -> PathBuf {
    env::var_os("TIDEWIRE_INTEROP_PYTHON").map_or_else(|| "python3".into(), PathBuf::from)
}

fn browser() -> PathBuf {
    env::var_os("TIDEWIRE_BROWSER").map_or_else(|| "chromium".into(), PathBuf::from)
}

/// A browser takes a moment. What does not read its input is ended then.
const END_WAIT: Duration = Duration::from_secs(2);
