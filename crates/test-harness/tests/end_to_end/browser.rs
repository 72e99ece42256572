//! Pages in a headless browser, driven through `browser/driver.mjs`: Chromium, or the one that `TIDEWIRE_BROWSER_NAME` names.

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    env,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{sleep, timeout},
};

/// One page, or several tabs of one browser. Dropped, the browser ends.
pub(crate) struct Page {
    name: String,
    commands: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
    console: VecDeque<String>,
    /// Exceptions, and errors on the console.
    pub(crate) failures: Vec<String>,
    _driver: Child,
    _folder: TempDir,
}

impl Page {
    /// Starts a browser with these flags beside those that every test has.
    pub(crate) async fn start(flags: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let name = env::var("TIDEWIRE_BROWSER_NAME").unwrap_or_else(|_| "chromium".to_owned());
        let harness = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut driver = Command::new("node")
            .arg(harness.join("browser/driver.mjs"))
            .arg(&name)
            .arg(browser()?)
            .arg(folder.path())
            .args(flags)
            .env("NODE_PATH", node_modules())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Killed, it would leave its browser: it ends both by itself when its input ends.
            .spawn()
            .context("no node: run `cargo xtask install`")?;
        let mut page = Self {
            name,
            commands: driver.stdin.take().context("no standard input")?,
            said: BufReader::new(driver.stdout.take().context("no standard output")?).lines(),
            console: VecDeque::new(),
            failures: Vec::new(),
            _driver: driver,
            _folder: folder,
        };
        let ready = page.answer().await;
        ready.context("the driver does not start; `cargo xtask install` installs what it needs")?;
        Ok(page)
    }

    /// Shows this page at the origin of `url`, which is opened first and has to hold no script.
    ///
    /// Not by answering for the server: to a page that came from nowhere Chromium refuses the
    /// local network.
    pub(crate) async fn show(&mut self, url: &str, html: &str) -> Result<()> {
        self.call("goto", json!([url])).await?;
        self.call("setContent", json!([html])).await?;
        Ok(())
    }

    /// Calls a method of playwright's page.
    pub(crate) async fn call(&mut self, method: &str, arguments: Value) -> Result<Value> {
        self.call_in(0, method, arguments).await
    }

    /// The same in a tab, of which the first is 0.
    pub(crate) async fn call_in(
        &mut self,
        tab: usize,
        method: &str,
        arguments: Value,
    ) -> Result<Value> {
        self.send(json!({"page": method, "tab": tab, "arguments": arguments})).await
    }

    /// Calls a method of playwright's context, which is for all tabs: `newPage` opens one.
    pub(crate) async fn context(&mut self, method: &str, arguments: Value) -> Result<Value> {
        self.send(json!({"context": method, "arguments": arguments})).await
    }

    /// Speaks to Chromium itself about a tab. An answer that does not come in time is none: a page that has crashed gives none.
    pub(crate) async fn cdp(
        &mut self,
        tab: usize,
        method: &str,
        arguments: Value,
    ) -> Result<Value> {
        let wait_ms = 1_000;
        self.send(json!({"cdp": method, "tab": tab, "arguments": arguments, "wait_ms": wait_ms}))
            .await
    }

    /// Whether it is Firefox, to which only WebDriver BiDi speaks.
    pub(crate) fn is_firefox(&self) -> bool {
        self.name == "firefox"
    }

    async fn send(&mut self, command: Value) -> Result<Value> {
        self.commands.write_all(format!("{command}\n").as_bytes()).await?;
        self.answer().await.with_context(|| format!("doing {command}"))
    }

    /// Waits until an expression is true in the page. Not playwright's own wait, which would need a
    /// content security policy that allows `eval`.
    pub(crate) async fn until(&mut self, expression: &str) -> Result<()> {
        self.until_or_report(expression, "null").await
    }

    /// The same; if it never becomes true, the error has the value of `story`.
    pub(crate) async fn until_or_report(&mut self, expression: &str, story: &str) -> Result<()> {
        let start = Instant::now();
        while self.call("evaluate", json!([expression])).await? != json!(true) {
            if start.elapsed() > PATIENCE {
                let story = self.call("evaluate", json!([story])).await?;
                bail!("never true: {expression}; instead: {story}; failures: {:?}", self.failures);
            }
            sleep(Duration::from_millis(30)).await;
        }
        Ok(())
    }

    /// What the console says next.
    pub(crate) async fn console_line(&mut self) -> Result<String> {
        while self.console.is_empty() {
            if let Some(other) = self.receive().await? {
                bail!("instead of a console line came {other}");
            }
        }
        self.console.pop_front().context("nothing")
    }

    async fn answer(&mut self) -> Result<Value> {
        loop {
            if let Some(answer) = self.receive().await? {
                return Ok(answer);
            }
        }
    }

    /// Takes in one line of the driver; an answer is returned.
    async fn receive(&mut self) -> Result<Option<Value>> {
        let line =
            timeout(PATIENCE, self.said.next_line()).await.context("the browser is silent")?;
        let line: Value = serde_json::from_str(&line?.context("the driver ended")?)?;
        if let Some(answer) = line.get("answer") {
            return Ok(Some(answer.clone()));
        }
        if let Some(console) = line.get("console") {
            let text = console["text"].as_str().unwrap_or_default().to_owned();
            if console["kind"] == "error" {
                self.failures.push(text.clone());
            }
            self.console.push_back(text);
            return Ok(None);
        }
        match line.get("failure").and_then(Value::as_str) {
            Some(failure) => self.failures.push(failure.to_owned()),
            None => bail!("{line}"),
        }
        Ok(None)
    }
}

/// Where npm has left what the scripts need.
pub(crate) fn node_modules() -> PathBuf {
    let modules = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/node_modules");
    env::var_os("NODE_PATH").unwrap_or_else(|| modules.into()).into()
}

/// The browser that `TIDEWIRE_BROWSER` names, or the first on `PATH`.
pub(crate) fn browser() -> Result<PathBuf> {
    if let Some(chosen) = env::var_os("TIDEWIRE_BROWSER") {
        return Ok(chosen.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser"]
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
        .context("no browser: run `cargo xtask install`")
}

/// A browser's cold start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);
