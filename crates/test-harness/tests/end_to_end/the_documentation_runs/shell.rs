//! Blocks of commands: each ends well by itself, or goes on and shows that it works.
//!
//! What goes on has to print something of what is published meanwhile, to say that it listens, or to
//! publish what its input gives. Port 8080 and the data folder are replaced by the test's own.

use super::blocks::Block;
use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tidewire_test_harness::{
    peers::http::{get, post},
    server::{Server, binary, process_id},
};
use tidewire_tokens::{Algorithm, Claims, SigningKey, TokenContent};
use tokio::{
    process::{Child, Command},
    time::sleep,
};

/// A server, and a folder in which commands run.
pub(super) struct Sandbox {
    pub(super) server: Server,
    pub(super) folder: TempDir,
    /// What may publish everything, if the settings have a secret.
    token: Option<String>,
    /// How many lines were run.
    lines: AtomicUsize,
}

impl Sandbox {
    /// With the settings that a page shows, which are also there as `tidewire.toml`.
    pub(super) async fn new(shown: Option<&str>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let settings = folder.path().join("server.toml");
        fs::write(&settings, shown.unwrap_or_default())?;
        if let Some(shown) = shown {
            fs::write(folder.path().join("tidewire.toml"), shown)?;
        }
        // Once as on a terminal, without a progress meter, and once with an exit status for HTTP errors.
        for (home, options) in [("lenient", ""), ("strict", "fail-with-body\n")] {
            let home = folder.path().join(home);
            fs::create_dir(&home)?;
            fs::write(home.join(".curlrc"), format!("silent\nshow-error\n{options}"))?;
        }
        fs::write(folder.path().join("app.log"), "started\n")?;
        for shell in
            [".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions"]
        {
            fs::create_dir_all(folder.path().join(shell))?;
        }
        let settings = settings.to_str().context("the folder is not UTF-8")?;
        let server = Server::start(&["--config", settings]).await?;
        let token = shown.and_then(secret).map(token).transpose()?;
        Ok(Self { server, folder, token, lines: AtomicUsize::new(0) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Starts a line as it runs here.
    pub(super) fn spawn(&self, line: &str, is_strict: bool) -> Result<Running> {
        let address = self.address().to_string();
        let data = self.folder.path().join("data");
        let mut line = match line.contains("--listen") {
            // Another server beside the one that is there.
            true => line.replace(":8080", ":0"),
            false => line.replace("127.0.0.1:8080", &address).replace("localhost:8080", &address),
        };
        line = line.replace("/var/lib/tidewire", &data.to_string_lossy());
        for client in ["publish", "subscribe", "history"] {
            let (bare, addressed) =
                (format!("tidewire {client} "), format!("--url http://{address} "));
            line = line.replace(&bare, &format!("{bare}{addressed}"));
        }
        let folder = binary()?.parent().context("no folder")?.to_path_buf();
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([folder].into_iter().chain(env::split_paths(&path)))?;
        let number = self.lines.fetch_add(1, Ordering::Relaxed);
        let said = self.folder.path().join(format!("output-{number}"));
        let mut shell = Command::new("bash");
        shell.args(["-o", "pipefail", "-c", &line]).current_dir(self.folder.path());
        shell.env("PATH", path).env("TIDEWIRE_LISTEN", "127.0.0.1:0");
        // Variables that are meant for this test itself.
        for name in ["TIDEWIRE_BIN", "TIDEWIRE_BROWSER"] {
            shell.env_remove(name);
        }
        let home = if is_strict { "strict" } else { "lenient" };
        shell.env("CURL_HOME", self.folder.path().join(home)).env("HOME", self.folder.path());
        Running::start(shell, said)
    }
}

/// A line's processes. Dropped, all of them end, those in the background too.
pub(super) struct Running {
    pub(super) child: Child,
    group: Pid,
    said: PathBuf,
}

impl Running {
    /// Starts a shell, which says everything into a file.
    pub(super) fn start(mut shell: Command, said: PathBuf) -> Result<Self> {
        let output = fs::File::create(&said)?;
        shell.stdin(Stdio::null()).stderr(output.try_clone()?).stdout(output);
        let child = shell.process_group(0).spawn()?;
        let group = process_id(child.id().context("it has ended")?)?;
        Ok(Self { child, group, said })
    }

    /// What it has said so far.
    pub(super) fn output(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.said)?).into_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone_already = kill_process_group(self.group, Signal::KILL);
    }
}

/// The secret of tokens in a page's settings.
pub(super) fn secret(settings: &str) -> Option<&str> {
    let secret = settings.lines().find_map(|line| line.strip_prefix("secret = \""));
    secret.and_then(|rest| rest.split('"').next())
}

/// A token that may publish everything.
fn token(secret: &str) -> Result<String> {
    let publish = vec![">".parse()?];
    let claims = Claims { expires_ms: 4_000_000_000_000, publish, ..Claims::default() };
    let content = TokenContent { claims, ..TokenContent::default() };
    Ok(SigningKey::from_secret(secret.as_bytes(), Algorithm::HS256)?.sign(&content)?)
}

/// Runs every line of a block, in order.
pub(super) async fn run(block: &Block, settings: Option<&str>) -> Result<()> {
    let sandbox = Sandbox::new(settings).await?;
    for line in block.text.replace("\\\n", " ").lines() {
        let line = line.split_once(" # ").map_or(line, |(command, _)| command).trim();
        if !line.is_empty() && !line.starts_with('#') {
            run_line(&sandbox, line).await.with_context(|| line.to_owned())?;
        }
    }
    Ok(())
}

async fn run_line(sandbox: &Sandbox, line: &str) -> Result<()> {
    let mut running = sandbox.spawn(line, true)?;
    let start = Instant::now();
    loop {
        if let Some(status) = running.child.try_wait()? {
            ensure!(status.success(), "ended with {status}: {}", running.output()?);
            return Ok(());
        }
        let said = running.output()?;
        if said.contains(NEWS) || said.contains("listening on http") {
            return Ok(());
        }
        let input = line.split_once("tidewire publish ").map(|(_, rest)| rest);
        if let Some(channel) = input.and_then(|rest| rest.split(' ').next())
            && holds_a_message(sandbox.address(), channel).await?
        {
            return Ok(());
        }
        ensure!(start.elapsed() < PATIENCE, "shows nothing of what is published: {said}");
        bring_news(sandbox, input.is_some()).await?;
        sleep(Duration::from_millis(100)).await;
    }
}

/// Publishes where the pages follow, and writes to the log file they publish.
pub(super) async fn bring_news(sandbox: &Sandbox, is_for_input: bool) -> Result<()> {
    if is_for_input {
        let path = sandbox.folder.path().join("app.log");
        let mut log = fs::OpenOptions::new().append(true).open(path)?;
        std::io::Write::write_all(&mut log, format!("{NEWS}\n").as_bytes())?;
        return Ok(());
    }
    for path in ["chat.room1", "logs.app", "lobby", "state.rooms?key=attic"] {
        let target = format!("/publish/{path}");
        let bearer = sandbox.token.as_ref().map(|token| format!("Bearer {token}"));
        let bearer = bearer.iter().map(|bearer| ("Authorization", bearer.as_str()));
        let headers: Vec<_> = bearer.collect();
        let status = post(sandbox.address(), &target, &headers, NEWS.as_bytes()).await?.status;
        ensure!(status == 200, "{path}: {status}");
    }
    Ok(())
}

async fn holds_a_message(address: SocketAddr, channel: &str) -> Result<bool> {
    let page = get(address, &format!("/channels/{channel}/messages"), &[]).await?.json().await?;
    match page["messages"].as_array() {
        Some(messages) => Ok(!messages.is_empty()),
        None => bail!("{channel}: {page}"),
    }
}

/// Whether trying a block can do nothing to the machine.
pub(super) fn is_harmless(block: &Block) -> bool {
    let known = ["curl", "tidewire", "echo", "tail", "vmstat"];
    let commands = block.text.split(['\n', '|']).map(str::trim).filter(|line| !line.is_empty());
    commands.into_iter().all(|line| {
        let program = line.split(' ').find(|word| !word.contains('=')).unwrap_or_default();
        known.contains(&Path::new(program).to_str().unwrap_or_default())
    })
}

pub(super) const NEWS: &str = "news from the test";
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
