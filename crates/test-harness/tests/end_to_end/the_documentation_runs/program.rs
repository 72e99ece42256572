//! Whole programs in other languages: each publishes a message and prints what it receives.

use super::{
    blocks::Block,
    shell::{NEWS, PATIENCE, Sandbox, bring_news},
};
use anyhow::{Result, ensure};
use std::{
    fs,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// What runs a file of that language, and how the file's name ends.
pub(super) fn runner(language: &str) -> Option<(&'static str, &'static str)> {
    match language {
        "mjs" => Some(("node", "mjs")),
        "python" => Some(("python3", "py")),
        "php" => Some(("php", "php")),
        _ => None,
    }
}

/// Runs the program until it has printed its own message and one that is published meanwhile.
pub(super) async fn run(
    block: &Block,
    (program, ending): (&str, &str),
    settings: Option<&str>,
) -> Result<()> {
    let sandbox = Sandbox::new(settings).await?;
    let address = sandbox.address().to_string();
    let text = block.text.replace("127.0.0.1:8080", &address);
    fs::write(sandbox.folder.path().join(format!("program.{ending}")), text)?;
    let mut running = sandbox.spawn(&format!("{program} program.{ending}"), true)?;
    let start = Instant::now();
    loop {
        let said = running.output()?;
        if said.contains(OWN) && said.contains(NEWS) {
            return Ok(());
        }
        let status = running.child.try_wait()?;
        ensure!(status.is_none(), "ended with {status:?}: {said}");
        ensure!(start.elapsed() < PATIENCE, "prints nothing of what is published: {said}");
        bring_news(&sandbox, false).await?;
        sleep(Duration::from_millis(100)).await;
    }
}

/// With this begins the message that each program publishes.
const OWN: &str = "hello from ";
