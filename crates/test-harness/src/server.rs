//! The real `tidewire` binary: started on a free port, ended by its own process id.

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    env,
    ffi::OsStr,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    task::JoinHandle,
    time::timeout,
};

/// A running server. Dropped, its process is killed, and gone.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    /// `http` or `https`.
    scheme: String,
    output: Output,
    /// What still collects its output.
    collectors: Vec<JoinHandle<()>>,
    /// Where it runs, so that no file of this folder configures it.
    _folder: TempDir,
}

/// What a process has printed so far, line by line.
#[derive(Clone, Debug, Default)]
pub struct Output(Arc<Mutex<String>>);

impl Server {
    /// Starts a server on a free port with `arguments` for `tidewire serve`.
    ///
    /// # Errors
    ///
    /// It cannot be built, ended at once, or did not say in time where it listens.
    pub async fn start(arguments: &[&str]) -> Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), arguments).await
    }

    /// The same at an address, as when a server comes back.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start), or the address is taken.
    pub async fn start_at(address: SocketAddr, arguments: &[&str]) -> Result<Self> {
        let mut command = command()?;
        command.args(["serve", "--listen", &address.to_string()]).args(arguments);
        Self::run(command).await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, without a slash at the end. Over TLS it is that of `localhost`, which certificates are for.
    pub fn url(&self) -> String {
        match &*self.scheme {
            "https" => format!("https://localhost:{}", self.address.port()),
            scheme => format!("{scheme}://{}", self.address),
        }
    }

    /// The first address at which it speaks TLS, if it does so beside the one above.
    ///
    /// # Errors
    ///
    /// It names none in time.
    pub async fn tls_address(&self) -> Result<SocketAddr> {
        self.named_address("listening on https://").await.context("the server speaks no TLS")
    }

    /// The first address for operators, if they have one of their own.
    ///
    /// # Errors
    ///
    /// It names none in time.
    pub async fn admin_address(&self) -> Result<SocketAddr> {
        self.named_address("  operators  http://").await.context("operators have no listener")
    }

    /// The address of the first line that begins like this.
    async fn named_address(&self, beginning: &str) -> Result<SocketAddr> {
        let named = async {
            loop {
                let text = self.output.text();
                // Whole lines only.
                let lines = text.rsplit_once('\n').map_or("", |(lines, _)| lines).lines();
                let mut urls = lines.filter_map(|line| line.strip_prefix(beginning));
                if let Some(address) = urls.next() {
                    return Ok(address.trim_end_matches('/').parse()?);
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(START_WAIT, named).await?
    }

    /// The process.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn id(&self) -> Result<u32> {
        self.child.id().context("the server has ended")
    }

    /// What it has printed.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    ///
    /// It did not end in time.
    pub async fn terminate(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.ended().await
    }

    /// Ends it at once, as a crash would.
    ///
    /// # Errors
    ///
    /// The system would not.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.context("killing the server")
    }

    /// Sends it a signal.
    ///
    /// # Errors
    ///
    /// It is not there any more.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(process_id(self.id()?)?, signal)?)
    }

    /// Waits for its end, and for all of its output.
    ///
    /// # Errors
    ///
    /// It goes on.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let ended = timeout(END_WAIT, self.child.wait()).await;
        let status =
            ended.with_context(|| format!("the server goes on; it said:\n{}", self.output))??;
        // Its last words may still be in the pipes.
        for collector in self.collectors.drain(..) {
            timeout(END_WAIT, collector).await.context("its output does not end")??;
        }
        Ok(status)
    }

    /// Starts any program that begins by saying `listening on http://ADDRESS`, or `https`.
    ///
    /// # Errors
    ///
    /// It cannot be started, ended at once, or did not say that in time.
    pub async fn run(mut command: Command) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut child = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {:?}", command.as_std().get_program()))?;
        let output = Output::default();
        let errors = child.stderr.take().context("no standard error")?;
        let errors = tokio::spawn(output.clone().collect(BufReader::new(errors)));
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut first = String::new();
        let read = timeout(START_WAIT, lines.read_line(&mut first)).await;
        let read = read.with_context(|| format!("the server says nothing but:\n{output}"))??;
        if read == 0 {
            let status = timeout(END_WAIT, child.wait()).await??;
            errors.await?;
            bail!("the server ended with {status}; it said:\n{output}");
        }
        output.push(&first);
        let url = first.trim_end().strip_prefix("listening on ");
        let (scheme, address) = url
            .and_then(|url| url.split_once("://"))
            .with_context(|| format!("not the promised line: {first}"))?;
        let (scheme, address) = (scheme.to_owned(), address.parse()?);
        let collectors = vec![errors, tokio::spawn(output.clone().collect(lines))];
        Ok(Self { child, address, scheme, output, collectors, _folder: folder })
    }
}

impl Drop for Server {
    /// Ends it, and waits for the system to give up its port and the locks on its files: the next one
    /// may want them.
    fn drop(&mut self) {
        if self.child.start_kill().is_err() {
            return;
        }
        let killed = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && killed.elapsed() < END_WAIT {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Output {
    /// All of it.
    pub fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what is printed until it ends.
    pub async fn collect(self, mut lines: impl AsyncBufRead + Unpin) {
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).await.is_ok_and(|bytes| bytes > 0) {
            self.push(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }

    fn push(&self, text: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

/// A process as the system calls take it.
///
/// # Errors
///
/// No process can have this number.
pub fn process_id(id: u32) -> Result<Pid> {
    Pid::from_raw(i32::try_from(id)?).context("process 0 is nobody's")
}

/// A command of `tidewire`, which nothing but its arguments configures.
///
/// # Errors
///
/// As for [`binary`].
pub fn command() -> Result<Command> {
    let mut command = Command::new(binary()?);
    forget_tests(&mut command);
    Ok(command)
}

/// A command of `tidewire` whose system calls, those of `calls`, are written to the file `trace`.
///
/// # Errors
///
/// As for [`binary`].
pub fn traced(trace: &Path, calls: &str) -> Result<Command> {
    // As a grandchild the tracer leaves the server our own child, to be ended by its process id.
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-y", "-s", "64", "-e", &format!("trace={calls}"), "-o"]);
    command.arg(trace).arg(binary()?);
    forget_tests(&mut command);
    Ok(command)
}

/// Removes the variables that tests use to find programs: the server would read them as configuration and refuse them.
fn forget_tests(command: &mut Command) {
    for (name, _) in env::vars_os().filter(|(name, _)| is_ours(name)) {
        command.env_remove(name);
    }
}

fn is_ours(variable: &OsStr) -> bool {
    variable.as_encoded_bytes().starts_with(b"TIDEWIRE_")
}

/// The `tidewire` to test: that of `TIDEWIRE_BIN`, or one built now beside the running program.
///
/// # Errors
///
/// There is no binary, and it cannot be built.
pub fn binary() -> Result<PathBuf> {
    static BINARY: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    let found = BINARY.get_or_init(|| match env::var_os("TIDEWIRE_BIN") {
        Some(path) => absolute(&path).map_err(|error| format!("TIDEWIRE_BIN: {error}")),
        None => build().map_err(|error| format!("{error:#}")),
    });
    found.clone().map_err(anyhow::Error::msg)
}

fn absolute(path: &OsStr) -> std::io::Result<PathBuf> {
    Path::new(path).canonicalize()
}

/// Builds rather than trusts what lies there, which may be of yesterday.
fn build() -> Result<PathBuf> {
    let program = env::current_exe()?;
    // A test lies in `deps`, beside which its binaries are.
    let folder = program.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    let folder = folder.context("this program lies nowhere")?;
    let target = folder.parent().context("no target folder")?;
    let mut cargo =
        std::process::Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "tidewire"]);
    // A profile is called as its folder, but for that of developing.
    let profile = folder.file_name().context("no target folder")?;
    if profile != "debug" {
        cargo.arg("--profile").arg(profile);
    }
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", target);
    let status = cargo.status().context("running cargo")?;
    ensure!(status.success(), "`cargo build --package tidewire` failed");
    Ok(folder.join("tidewire"))
}

/// A cold start on a busy machine.
const START_WAIT: Duration = Duration::from_secs(20);
/// The server gives its connections some seconds to end.
const END_WAIT: Duration = Duration::from_secs(20);
