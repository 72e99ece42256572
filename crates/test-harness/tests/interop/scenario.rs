//! What each client goes through: it is cut off in every way while messages come, and then has to have received what the server
//! has stored: everything since its first message, once, and in order.

use crate::{
    clients::Client,
    running::{Program, version},
    world::{Loss, OPENING, SUBJECT, World},
};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::time::{Duration, Instant};
use tidewire_test_harness::proxy::Ending;
use tokio::time::{sleep, timeout};

/// What a client could do.
pub(crate) struct Findings {
    pub(crate) version: String,
    pub(crate) has_subscribed: bool,
    pub(crate) has_published: bool,
    /// What it lost or repeated, if anything.
    pub(crate) loss: Option<String>,
    /// How it has shown its token.
    pub(crate) token: Option<&'static str>,
}

const LOSSES: [Loss; 6] = [
    Loss::Cut(Ending::End),
    Loss::Cut(Ending::Reset),
    Loss::CutsInABurst,
    Loss::Disconnected,
    Loss::Restarted,
    Loss::Crashed,
];

/// Runs a client through all of it.
pub(crate) async fn run(client: &Client) -> Result<Findings> {
    let version = version(client.package).await?;
    let mut world = World::start().await?;
    let mut program = Program::start(client, world.proxy.address(), &world.token)?;
    let outcome = timeout(DURATION_MAX, go_through(client, &mut world, &mut program)).await;
    let outcome = outcome.unwrap_or_else(|_| bail!("it takes more than {DURATION_MAX:?}"));
    let complaints = program.complaints();
    let has_subscribed = !program.lines().is_empty();
    let has_published = world.history().await.is_ok_and(|history| {
        history.iter().filter(|message| **message == client.hello()).count() == 1
    });
    let token = token_of(&world.logs());
    program.end().await?;
    let loss = outcome.err().map(|error| format!("{error:#}\n{}", tail(&complaints)));
    Ok(Findings { version, has_subscribed, has_published, loss, token })
}

async fn go_through(client: &Client, world: &mut World, program: &mut Program) -> Result<()> {
    world.connected(program).await?;
    // Before it has received a message.
    world.lose(Loss::Cut(Ending::End)).await?;
    caught_up(world, program).await.context("after a loss at the beginning")?;
    world.publish(QUESTION).await?;
    wait_for(&client.hello(), program).await?;
    for loss in LOSSES {
        world.publish_many(10).await?;
        caught_up(world, program).await.with_context(|| format!("before {loss:?}"))?;
        world.lose(loss).await.with_context(|| format!("{loss:?}"))?;
        caught_up(world, program).await.with_context(|| format!("after {loss:?}"))?;
    }
    let (lines, due) = (program.lines(), world.history().await?);
    ensure!(lines == due, "{}", difference(&lines, &due));
    Ok(())
}

/// Waits until the newest message has been printed.
async fn caught_up(world: &World, program: &mut Program) -> Result<()> {
    wait_for(&world.last(), program).await
}

async fn wait_for(message: &str, program: &mut Program) -> Result<()> {
    let start = Instant::now();
    while !program.lines().iter().any(|line| line == message) {
        ensure!(program.is_running(), "the program has ended");
        if start.elapsed() > RETURN_WAIT {
            let lines = program.lines();
            bail!("`{message}` has not come after {RETURN_WAIT:?}; {} messages have", lines.len());
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Which messages are missing or too many.
fn difference(lines: &[String], due: &[String]) -> String {
    let missing: Vec<_> = due.iter().filter(|message| !lines.contains(message)).collect();
    let at = lines.iter().zip(due).take_while(|(line, message)| line == message).count();
    format!(
        "{} messages came and {} were due. Missing: {missing:?}. The first that differs is {:?} in place of {:?}",
        lines.len(),
        due.len(),
        lines.get(at),
        due.get(at),
    )
}

/// By what the access log says of the requests that opened connections.
fn token_of(log: &str) -> Option<&'static str> {
    let requests = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let opening: Vec<Value> = requests
        .filter(|line| line["path"].as_str().is_some_and(|path| OPENING.contains(&path)))
        // A browser asks first whether it may.
        .filter(|line| line["method"] != "OPTIONS")
        .filter(|line| line["status"].as_u64().is_some_and(|status| status < 300))
        .collect();
    let all = |fits: fn(&Value) -> bool| !opening.is_empty() && opening.iter().all(fits);
    let has_ticket =
        |line: &Value| line["query"].as_str().is_some_and(|query| query.contains("ticket="));
    if all(has_ticket) {
        Some("ticket")
    } else if all(|line| line["user"] == SUBJECT) {
        Some("header")
    } else if all(|line| line["path"] == "/ws" && line["user"].is_null()) {
        // The server gives nothing without a token, and this one comes after the request.
        Some("first frame")
    } else {
        None
    }
}

/// The end of what a program complains about.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(8)..).unwrap_or_default();
    last.join("\n")
}

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Some clients wait some seconds before they come back, and a machine may be busy.
const RETURN_WAIT: Duration = Duration::from_secs(60);
const DURATION_MAX: Duration = Duration::from_secs(300);

/// A program answers it with its own message.
const QUESTION: &str = "who is there?";
