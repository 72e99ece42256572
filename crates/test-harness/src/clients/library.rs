//! Which client library is tested, and the program that runs it.

use super::mutation::Mutation;
use anyhow::{Context as _, Result, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use tokio::process::Command;

/// A client library with its driver program.
#[derive(Debug)]
pub struct Library {
    program: PathBuf,
    arguments: Vec<PathBuf>,
    capabilities: &'static [&'static str],
    /// What is run, if that is a copy.
    _copy: Option<TempDir>,
}

impl Library {
    /// The JavaScript client in `folder`, or else that in `web/client/`, in Node.js, with these faults planted in it, if any.
    ///
    /// # Errors
    ///
    /// The client is not as is expected here.
    pub fn javascript(client: Option<&Path>, mutations: &[Mutation]) -> Result<Self> {
        let client = client.map_or_else(web_client, Path::to_owned);
        let folder = tempfile::tempdir()?;
        let mut sources = Vec::new();
        copy(&client, folder.path(), &mut sources)?;
        for (name, value) in TIMES {
            shorten(&mut sources, name, value)?;
        }
        for Mutation { file, text, instead, .. } in mutations {
            let path = folder.path().join(file);
            let source = sources.iter_mut().find(|source| source.path == path);
            let source = source.with_context(|| format!("there is no web/client/{file}"))?;
            let count = source.text.matches(text).count();
            ensure!(count == 1, "web/client/{file} has {count} times, and not once: {text}");
            source.text = source.text.replace(text, instead);
        }
        for Source { path, text } in sources {
            fs::write(path, text)?;
        }
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/driver.mjs");
        // Node.js 20 has a WebSocket, but not by itself.
        let flags = ["--experimental-websocket".into(), "--no-warnings".into()];
        let arguments = flags.into_iter().chain([driver, folder.path().to_owned()]).collect();
        let capabilities = &["websocket", "sse", "poll", "publish", "outbox", "tokens"];
        Ok(Self { program: "node".into(), arguments, capabilities, _copy: Some(folder) })
    }

    /// The Rust client, in the program `client_driver`, which is beside this one.
    ///
    /// # Errors
    ///
    /// It has not been built.
    pub fn rust() -> Result<Self> {
        let beside = std::env::current_exe().context("where is this program?")?;
        let program = beside.with_file_name("client_driver");
        ensure!(program.exists(), "{} is not there: build it first", program.display());
        let capabilities = &["websocket", "sse", "poll", "publish", "outbox", "tokens"];
        Ok(Self { program, arguments: Vec::new(), capabilities, _copy: None })
    }

    /// What the worlds ask of its clients.
    pub fn capabilities(&self) -> &'static [&'static str] {
        self.capabilities
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }
}

/// A file of the client.
#[derive(Debug)]
struct Source {
    /// Where its copy is written.
    path: PathBuf,
    text: String,
}

/// Reads the files of a folder, to be written into another.
fn copy(from: &Path, to: &Path, sources: &mut Vec<Source>) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("{}", from.display()))? {
        let entry = entry?;
        let path = to.join(entry.file_name());
        if entry.file_type()?.is_file() {
            sources.push(Source { path, text: fs::read_to_string(entry.path())? });
        } else if entry.file_name() != "node_modules" {
            copy(&entry.path(), &path, sources)?;
        }
    }
    Ok(())
}

/// Gives the constant `name` another value in each file of the client that has one.
fn shorten(sources: &mut [Source], name: &str, value: &str) -> Result<()> {
    let beginning = format!("const {name} = ");
    let mut count = 0;
    for source in sources {
        let Some((before, after)) = source.text.split_once(&beginning) else { continue };
        let (_, after) = after.split_once(';').with_context(|| format!("{name} has no end"))?;
        source.text = format!("{before}{beginning}{value};{after}");
        count += 1;
    }
    ensure!(count > 0, "no file of web/client/ has {name}: correct TIMES in clients/library.rs");
    Ok(())
}

fn web_client() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/client")
}

/// Times of the JavaScript client that worlds of a few seconds cannot wait for. A poll says nothing of the heartbeat that
/// the server is configured with.
const TIMES: [(&str, &str); 10] = [
    ("WAIT", "'200ms'"),
    ("POLL_HEARTBEAT_MS", "200"),
    ("OPEN_MS_MAX", "500"),
    ("ONLY_OPEN_MS_MAX", "1_000"),
    ("ANSWER_MS", "700"),
    ("ANSWER_MS_MAX", "1_000"),
    ("BACKOFF_MS", "50"),
    ("BACKOFF_MS_MIN", "50"),
    ("BACKOFF_MS_MAX", "1_000"),
    ("AVOID_MS", "300"),
];
