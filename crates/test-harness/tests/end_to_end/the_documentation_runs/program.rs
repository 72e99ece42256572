//! Whole programs in other languages: each publishes a message and prints what it receives, or prints a token.

use super::{
    blocks::Block,
    shell::{NEWS, PATIENCE, Sandbox, bring_news, secret},
};
use anyhow::{Context as _, Result, ensure};
use std::{
    env, fs,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tidewire_test_harness::peers::http::get;
use tidewire_tokens::{Key, Rules, Verifier};
use tokio::time::{sleep, timeout};

/// What runs a file of that language, and how the file's name ends.
pub(super) fn runner(language: &str) -> Option<(&'static str, &'static str)> {
    match language {
        "mjs" => Some(("node", "mjs")),
        "python" => Some(("python3", "py")),
        "php" => Some(("php", "php")),
        "go" => Some(("go run", "go")),
        "ruby" => Some(("ruby", "rb")),
        _ => None,
    }
}

/// Whether programs of that language are run only where something runs them: CI installs neither.
pub(super) fn is_optional(language: &str) -> bool {
    matches!(language, "go" | "ruby")
}

/// Whether there is something here that runs them.
pub(super) fn is_here(runner: &str) -> bool {
    let name = runner.split(' ').next().unwrap_or_default();
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(name).is_file())
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

/// Runs a program that signs a token with the secret of its page's settings. The token has to be one that a verifier
/// with that secret accepts, and to be good for a request.
pub(super) async fn sign(
    block: &Block,
    (program, ending): (&str, &str),
    settings: &str,
) -> Result<()> {
    let secret = secret(settings).context("there is no secret")?;
    let sandbox = Sandbox::new(Some(settings)).await?;
    fs::write(sandbox.folder.path().join(format!("program.{ending}")), &block.text)?;
    let line = format!("TIDEWIRE_TOKENS_SECRET='{secret}' {program} program.{ending}");
    let mut running = sandbox.spawn(&line, true)?;
    let status = timeout(PATIENCE, running.child.wait()).await??;
    let said = running.output()?;
    ensure!(status.success(), "ended with {status}: {said}");
    let token = said.trim();
    let key = Key::from_secret(secret.as_bytes(), &[])?;
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let claims =
        Verifier::new(Rules::default(), vec![key]).verify(token, u64::try_from(now_ms)?)?;
    ensure!(claims.subject.as_deref() == Some("u7"), "{claims:?}");
    ensure!(claims.subscribe == ["chat.*".parse()?], "{claims:?}");
    let bearer = format!("Bearer {token}");
    let target = "/channels/chat.room1/messages";
    let answer = get(sandbox.address(), target, &[("Authorization", &bearer)]).await?;
    let status = answer.status;
    ensure!(status == 200, "the server answers {status}");
    Ok(())
}

/// With this begins the message that each program publishes.
const OWN: &str = "hello from ";
