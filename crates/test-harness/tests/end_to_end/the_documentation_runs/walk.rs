//! A block that is one script: its lines run one after another in one shell, as somebody types them.

use super::{
    blocks::Block,
    shell::{PATIENCE, Running},
};
use anyhow::{Context as _, Result, ensure};
use std::{
    env,
    net::TcpListener,
    time::{Duration, Instant},
};
use tidewire_test_harness::server::binary;
use tokio::{process::Command, time::sleep};

/// Runs the block in an empty folder. Every command has to succeed, and what follows has to print the message that was published.
pub(super) async fn run(block: &Block) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (script, followers) = script(block)?;
    let tools = binary()?.parent().context("no folder")?.to_path_buf();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([tools].into_iter().chain(env::split_paths(&path)))?;
    let mut shell = Command::new("bash");
    shell.args(["-e", "-o", "pipefail", "-c", &script]).current_dir(folder.path());
    shell.env("PATH", path).env("HOME", folder.path());
    for name in ["TIDEWIRE_BIN", "TIDEWIRE_BROWSER"] {
        shell.env_remove(name);
    }
    let mut running = Running::start(shell, folder.path().join("said"))?;
    let start = Instant::now();
    loop {
        let said = running.output()?;
        if said.matches(MESSAGE).count() >= followers {
            return Ok(());
        }
        let status = running.child.try_wait()?;
        ensure!(status.is_none(), "ended with {status:?}: {said}");
        ensure!(start.elapsed() < PATIENCE, "not everybody prints the message: {said}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// The script as it runs here, on a free port, and how many of its lines follow a channel. These go on beside those after them, and the
/// server is waited for.
fn script(block: &Block) -> Result<(String, usize)> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let text = block.text.replace("\\\n", " ").replace("8443", &port);
    let (mut script, mut followers) = (String::new(), 0);
    for line in text.lines() {
        script.push_str(line);
        if line.starts_with("curl -N ") || line.starts_with("tidewire subscribe ") {
            followers += 1;
            script.push_str(" &");
        }
        script.push('\n');
        if line.starts_with("tidewire serve ") {
            script.push_str(IS_UP);
        }
    }
    ensure!(followers > 0, "no line follows a channel");
    // The shell stays for those that follow.
    script.push_str("wait\n");
    Ok((script, followers))
}

const IS_UP: &str =
    "until curl -sf --cacert tls.pem $TIDEWIRE_URL/health/live; do sleep 0.05; done\n";

/// What the block publishes.
const MESSAGE: &str = "Hello, TLS!";
